import { styleText } from 'node:util';
import { Command } from 'commander';
import { type Demonstration, NotShown } from '../patterns/demonstration.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print } from './output.ts';

const demonstrations: Readonly<Record<string, [says: string, load: () => Promise<{ show: Demonstration }>]>> =
  {
    'circuit-breaker': [
      'a dependency that fails is left in peace, and taken back',
      () => import('../patterns/circuit-breaker.ts'),
    ],
    'event-driven': [
      'each service hears a fact and says the next',
      () => import('../patterns/event-driven.ts'),
    ],
    'service-mesh': [
      'services find each other, share calls, and do without who is slow',
      () => import('../patterns/service-mesh.ts'),
    ],
    caching: ['what was read is found again', () => import('../patterns/caching.ts')],
  };

/** Shows it, as it happens. @throws Failure where it was not to be seen */
const run = async (show: Demonstration, format: Format): Promise<void> => {
  await using operator = await openOperator();
  const told: string[] = [];
  const say = (line: string): void => {
    told.push(line);
    if (!format.json) process.stdout.write(`  ${line}\n`);
  };
  try {
    await show({ operator, say });
  } catch (error) {
    if (!(error instanceof NotShown)) throw error;
    throw new Failure(`FAIL: ${error.message}`, undefined, error);
  }
  print(format, { passed: true, told }, () => styleText('green', 'PASS', { stream: process.stdout }));
};

export const patternsCommand = (): Command => {
  const command = new Command('patterns').description(
    'shows patterns at work in the system that runs; prints PASS, or is 1',
  );
  for (const [name, [says, load]] of Object.entries(demonstrations))
    command.addCommand(
      new Command(name)
        .description(says)
        .addOption(jsonOption())
        .action(async (format: Format) => run((await load()).show, format)),
    );
  return command;
};
