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

const isFrom = async (folder: string, wanted: string): Promise<boolean> =>
  (await readFile(join(folder, '.built'), 'utf8').catch(() => '')) === wanted;

/** Passes over a failure with one of these codes. */
const except =
  (...codes: readonly string[]) =>
  (error: NodeJS.ErrnoException): void => {
    if (!codes.includes(error.code ?? '')) throw error;
  };

/** Puts a build in place of what was there. Where somebody else put theirs at the same moment, it is the same one. */
const put = async (built: string, folder: string, wanted: string): Promise<void> => {
  const before = `${built}-before`;
  if (!(await isFrom(folder, wanted))) {
    await rename(folder, before).catch(except('ENOENT'));
    await rename(built, folder).catch(except('ENOTEMPTY', 'EEXIST'));
  }
  for (const left of [built, before]) await rm(left, { recursive: true, force: true });
};

/** Builds unless it is built. Several may do so at the same time, each beside the folder first. */
export const build = async (folder = site): Promise<void> => {
  const wanted = fingerprint();
  if (await isFrom(folder, wanted)) return;
  const vite = await import('vite');
  const outDir = `${folder}-${process.pid}`;
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
  await put(outDir, folder, wanted);
};

if (import.meta.main) await build(process.argv[2]);
