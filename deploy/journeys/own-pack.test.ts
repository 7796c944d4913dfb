import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../topology.ts';
import { pack } from './own-pack/library/pack.ts';

/**
 * A pack is a folder and nothing else: a copy of this tree gets one more, and what is generated, migrated, allowed, understood
 * and told follows from it.
 */

const copy = mkdtempSync(join(tmpdir(), 'jangada-own-pack-'));
const env = { ...process.env, JANGADA_HOME: join(copy, 'home'), JANGADA_PORT: '0' };
let system: ReturnType<typeof spawn> | undefined;
/** All is generated and started anew, which takes a busy machine minutes. */
const patienceMs = 240_000;

const node = async (...args: readonly string[]) => {
  const child = spawn(process.execPath, [...args], { cwd: copy, env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => (stdout += piece));
  child.stderr.on('data', (piece) => (stderr += piece));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
};
const ask = (alias: string, question: string) =>
  node('deploy/cli/jangada.ts', 'ask', '--as', alias, question);

beforeAll(async () => {
  const settings = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'tsconfig.json'];
  for (const part of ['deploy', 'docs', 'libs', 'proto', 'services', ...settings])
    cpSync(join(root, part), join(copy, part), { recursive: true, verbatimSymlinks: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  cpSync(join(import.meta.dirname, 'own-pack'), join(copy, 'libs/packs'), { recursive: true });
  const generated = await node('deploy/generate.ts');
  expect(generated, generated.stderr).toMatchObject({ code: 0 });
  expect(generated.stdout).toContain('wrote deploy/generated/roles.sql');
  system = spawn(process.execPath, ['deploy/start.ts'], {
    cwd: copy,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  system.stdout?.on('data', (piece) => (said += piece));
  const isOver = new Promise<never>((_resolve, reject) => {
    system?.once('exit', (code) => reject(new Error(`the system ended with ${code}`)));
  });
  isOver.catch(() => undefined);
  const isReady = until('the system to be ready', () => said.includes('Jangada is ready'), patienceMs);
  await Promise.race([isReady, isOver]);
}, 2 * patienceMs);
afterAll(async () => {
  const ended = new Promise((resolve) => system?.once('exit', resolve));
  if (system?.kill('SIGTERM')) await ended;
  rmSync(copy, { recursive: true, force: true });
});

test(
  'a folder with a pack is all that a pack takes',
  async () => {
    const [here] = pack.demo?.(Temporal.Now.instant()) ?? [];
    const titles = (here?.rows['library_books'] ?? []).map((row) => String(row['title']));
    expect(titles).toHaveLength(3);
    const list = await ask('librarian', 'quais livros temos?');
    expect(list.stdout, list.stderr).toMatch(/^3 livros:\n/);
    for (const title of titles) expect(list.stdout).toContain(title);
    expect((await ask('librarian', 'how many books do we have?')).stdout).toBe('3 books.\n');

    const other = await ask('other-librarian', 'quais livros temos?');
    expect(other.stdout).toContain('O Tempo e o Vento');
    for (const title of titles) expect(other.stdout).not.toContain(title);
    expect((await ask('porter', 'quais livros temos?')).stderr).toContain('AUTHZ_DENIED');
    expect((await ask('professional', 'quais livros temos?')).stderr).toContain('INTENT_UNCLASSIFIED');
    expect(existsSync(join(root, 'libs/packs', pack.name))).toBe(false);
  },
  patienceMs,
);
