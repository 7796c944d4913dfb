import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { build, site } from './build.ts';

// What is served, as it is built.

let page: string;
beforeAll(async () => {
  await build();
  page = readFileSync(join(site, 'index.html'), 'utf8');
});

/** Files that the page itself asks for, before anything runs. */
const firstFiles = (): string[] =>
  [...page.matchAll(/(?:src|href)="\/console\/([^"]+)"/g)].map(([, path = '']) => path);

describe('the built console', () => {
  test('takes 200 kB of script, zipped, before it shows something', () => {
    const scripts = firstFiles().filter((path) => path.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(0);
    const bytes = scripts.map((path) => statSync(join(site, `${path}.gz`)).size);
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(200_000);
  });

  test('has no script and no style in the page, where its policy would stop them', () => {
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  });

  test('is put in place by two at once, and nothing is left beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'jangada-console-'));
    const script = join(import.meta.dirname, 'build.ts');
    const build = () => promisify(execFile)(process.execPath, [script, join(folder, 'dist')]);
    await Promise.all([build(), build()]);
    expect(readdirSync(folder)).toEqual(['dist']);
    expect(readFileSync(join(folder, 'dist', 'index.html'), 'utf8')).toBe(page);
    // Of other sources.
    writeFileSync(join(folder, 'dist', '.built'), 'old');
    await Promise.all([build(), build()]);
    expect(readdirSync(folder)).toEqual(['dist']);
    expect(readFileSync(join(folder, 'dist', '.built'), 'utf8')).not.toBe('old');
    rmSync(folder, { recursive: true });
  }, 120_000);

  test('asks no other host for anything', () => {
    // Names of vocabularies, and what libraries say of their errors.
    const known = /^https?:\/\/(www\.w3\.org\/|react\.dev\/errors\/|github\.com\/uuidjs\/uuid)/;
    const named = readdirSync(site, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(js|css|html|svg)$/.test(path))
      .flatMap((path) => readFileSync(join(site, path), 'utf8').match(/https?:\/\/[\w.-]+\/[\w/.-]*/g) ?? []);
    expect(named.filter((url) => !known.test(url))).toEqual([]);
  });
});
