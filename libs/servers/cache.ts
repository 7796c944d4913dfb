import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Told what takes long, one line at a time. */
export type Progress = (line: string) => void;

/** True when servers that refuse to run as root have to be handed to `nobody`. */
export const isRoot = process.getuid?.() === 0;

/**
 * The folder of what is downloaded or unpacked, shared by all checkouts of a user: `JANGADA_CACHE_DIR`, else
 * `/var/tmp/jangada-cache` for root (whose home `nobody` cannot enter), else `~/.cache/jangada`.
 *
 * @throws when the folder belongs to somebody else, who could have put any program into it, and when `nobody`
 * could not run what root puts there.
 */
export async function cacheDir(): Promise<string> {
  const usual = isRoot ? '/var/tmp/jangada-cache' : join(homedir(), '.cache', 'jangada');
  const dir = resolve(process.env['JANGADA_CACHE_DIR'] || usual);
  await mkdir(dir, { recursive: true });
  const { uid, mode } = await stat(dir);
  if (process.getuid && uid !== process.getuid()) {
    throw new Error(`${dir} belongs to another user; set JANGADA_CACHE_DIR to a folder of your own`);
  }
  if (isRoot) {
    if ((mode & 0o055) !== 0o055) await chmod(dir, 0o755);
    await checkOpen(dirname(dir));
  }
  return dir;
}

async function checkOpen(folder: string): Promise<void> {
  if (((await stat(folder)).mode & 0o001) === 0) {
    throw new Error(
      `${folder} is closed to the user nobody; set JANGADA_CACHE_DIR to a folder outside of it`,
    );
  }
  if (folder !== dirname(folder)) await checkOpen(dirname(folder));
}

/**
 * The folder `name` of the cache, built on first use.
 *
 * `build` fills a folder of its own, which gets its name when it is complete: a run beside this one, or one
 * after a crash, sees all of it or nothing. Whoever finishes second throws its work away.
 */
export async function cached(name: string, build: (into: string) => Promise<void>): Promise<string> {
  const target = join(await cacheDir(), name);
  if (existsSync(target)) return target;
  const partial = await mkdtemp(`${target}.`);
  try {
    await chmod(partial, 0o755);
    await build(partial);
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
