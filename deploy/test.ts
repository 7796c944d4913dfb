import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { styleText } from 'node:util';

/** `npm test`: everything but what is a proof of its own, on servers of its own. Arguments go to vitest. */

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
const tests: Step = ['tests', 'vitest', 'run', ...(given.length > 0 ? given : ['--project', '!faults'])];

const announce = (says: string): void => console.log(styleText('bold', `\n▸ ${says}`));
const leave = ([says, command, ...args]: Step, status: number | null): void => {
  if (status === 0) return;
  console.error(styleText('red', `\n${says}: failed (${command} ${args.join(' ')})`));
  process.exit(status ?? 1);
};

const outcomes = checks.map(async ([, command, ...args]) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void output.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output: Buffer.concat(output) };
});
for (const [index, check] of checks.entries()) {
  announce(check[0]);
  const { status, output } = (await outcomes[index]) ?? { status: 1, output: '' };
  process.stdout.write(output);
  leave(check, status);
}

announce(tests[0]);
const [, command, ...args] = tests;
leave(tests, spawnSync(command, args, { stdio: 'inherit' }).status);
