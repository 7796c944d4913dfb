import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Before vitest's first file: a folder for what is made once for all of them. It goes when the last has ended. */
export const setup = (): (() => void) => {
  const folder = mkdtempSync(join(tmpdir(), 'jangada-once-'));
  // PostgreSQL runs as nobody where root may not run it, and has to reach its own.
  chmodSync(folder, 0o755);
  process.env['TEST_FOLDER'] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
};
