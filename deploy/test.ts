import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';

/**
 * `npm test`: everything but what is a proof of its own, on servers of its own. With arguments, which go to vitest, it is those
 * tests alone.
 */

type Step = readonly [says: string, command: string, ...args: string[]];

/** They read and wait for each other in nothing, so they go on together. */
const checks: readonly Step[] = [
  ['types', 'tsc', '-p', '.'],
  ['types of the console', 'tsc', '-p', 'services/console'],
  ['style, import direction, cycles', 'biome', 'check', '--error-on-warnings', '.'],
  ['dead code', 'knip'],
  ['generated files', 'node', 'deploy/generate.ts', '--check'],
];
const given = process.argv.slice(2);
const tests: Step = ['tests', 'vitest', 'run', ...(given.length > 0 ? given : ['--project', '!proofs'])];

/** Where all of it keeps what is temporary, so that what somebody leaves behind is seen, and removed. */
const folder = mkdtempSync(join(tmpdir(), 'jangada-test-'));
// PostgreSQL runs as nobody where root may not run it, and has to reach its own.
chmodSync(folder, 0o755);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const env = { ...process.env, TMPDIR: folder };

const announce = (says: string): void => console.log(styleText('bold', `\n▸ ${says}`));
const leave = ([says, command, ...args]: Step, status: number | null): void => {
  if (status === 0) return;
  console.error(styleText('red', `\n${says}: failed (${command} ${args.join(' ')})`));
  process.exit(status ?? 1);
};

const checked = given.length > 0 ? [] : checks;
const outcomes = checked.map(async ([, command, ...args]) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void output.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output: Buffer.concat(output) };
});
for (const [index, check] of checked.entries()) {
  announce(check[0]);
  const { status, output } = (await outcomes[index]) ?? { status: 1, output: '' };
  process.stdout.write(output);
  leave(check, status);
}

announce(tests[0]);
const [, command, ...args] = tests;
leave(tests, spawnSync(command, args, { stdio: 'inherit', env }).status);

const left = readdirSync(folder);
if (left.length > 0) {
  console.error(styleText('red', `\nleft in the temporary folder: ${left.join(', ')}`));
  process.exit(1);
}
