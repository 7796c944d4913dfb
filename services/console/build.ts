import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';

/**
 * Builds the console into files that the edge serves as they are. `node build.ts` does nothing when what is built came
 * from the same sources.
 */

const here = import.meta.dirname;
const root = join(here, '..', '..');
/** Where the built files are. */
export const site = join(here, 'dist');
const stamp = join(site, '.built');

const sources = (): string[] => [
  ...globSync('**/*.{ts,tsx,css,html,svg,json}', {
    cwd: here,
    exclude: (path) => /node_modules|^dist|\.test\.ts$/.test(path),
  }).map((path) => join(here, path)),
  ...globSync('libs/agui-client/*.ts', { cwd: root }).map((path) => join(root, path)),
  join(root, 'proto/errors.ts'),
  join(root, 'pnpm-lock.yaml'),
];

const fingerprint = (): string => {
  const hash = createHash('sha256');
  for (const path of sources().sort()) hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest('hex');
};

/** A sibling for every file that is worth it, so that the edge compresses nothing while it answers. */
const compress = async (folder: string): Promise<void> => {
  for (const { parentPath, name } of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!/\.(js|css|html|svg)$/.test(name)) continue;
    const path = join(parentPath, name);
    const bytes = await readFile(path);
    await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes));
    await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
  }
};

/** Builds unless it is built. Several may do so at the same time: each in a folder of its own, which it puts in place. */
export const build = async (): Promise<void> => {
  const wanted = fingerprint();
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return;
  const vite = await import('vite');
  const outDir = `${site}-${process.pid}`;
  await vite.build({
    root: here,
    configFile: false,
    base: '/console/',
    logLevel: 'error',
    // Whatever environment builds it, a test's too.
    mode: 'production',
    define: { 'process.env.NODE_ENV': '"production"' },
    oxc: { jsx: { runtime: 'automatic', development: false } },
    build: { outDir, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  await compress(outDir);
  await writeFile(join(outDir, '.built'), wanted);
  await rm(site, { recursive: true, force: true });
  await rename(outDir, site);
};

if (import.meta.main) await build();
