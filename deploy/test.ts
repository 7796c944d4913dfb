import { spawnSync } from 'node:child_process';
import { styleText } from 'node:util';

/** `npm test`: everything, on servers of its own. Arguments go to vitest. */

const steps: readonly [says: string, command: string, ...args: string[]][] = [
  ['types', 'tsc', '-p', '.'],
  ['types of the console', 'tsc', '-p', 'services/console'],
  ['style, import direction, cycles', 'biome', 'check', '--error-on-warnings', '.'],
  ['dead code', 'knip'],
  ['generated files', 'node', 'deploy/generate.ts', '--check'],
  ['tests', 'vitest', 'run', ...process.argv.slice(2)],
];

for (const [says, command, ...args] of steps) {
  console.log(styleText('bold', `\n▸ ${says}`));
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) {
    console.error(styleText('red', `\n${says}: failed (${command} ${args.join(' ')})`));
    process.exit(status ?? 1);
  }
}
