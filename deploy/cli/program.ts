import { Command, CommanderError } from 'commander';
import { NotRunning } from '../local.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';

/** A command loads what it needs only when it is the one that is called: most need a small part of all there is. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  ask: async () => (await import('./ask.ts')).askCommand(),
  accounts: async () => (await import('./accounts.ts')).accountsCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  alerts: async () => (await import('./alerts.ts')).alertsCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  feedback: async () => (await import('./feedback.ts')).feedbackCommand(),
  gaps: async () => (await import('./gaps.ts')).gapsCommand(),
  cache: async () => (await import('./cache.ts')).cacheCommand(),
  mesh: async () => (await import('./mesh.ts')).meshCommand(),
  arch: async () => (await import('./arch.ts')).archCommand(),
  patterns: async () => (await import('./patterns.ts')).patternsCommand(),
  dlq: async () => (await import('./dlq.ts')).dlqCommand(),
  subjects: async () => (await import('./subjects.ts')).subjectsCommand(),
  tools: async () => (await import('./tools.ts')).toolsCommand(),
  policies: async () => (await import('./policies.ts')).policiesCommand(),
  limits: async () => (await import('./limits.ts')).limitsCommand(),
  knowledge: async () => (await import('./knowledge.ts')).knowledgeCommand(),
  command: async () => (await import('./command.ts')).commandCommand(),
  saga: async () => (await import('./saga.ts')).sagaCommand(),
  hours: async () => (await import('./hours.ts')).hoursCommand(),
  projection: async () => (await import('./projection.ts')).projectionCommand(),
  privacy: async () => (await import('./privacy.ts')).privacyCommand(),
  retention: async () => (await import('./retention.ts')).retentionCommand(),
  compliance: async () => (await import('./compliance.ts')).complianceCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  security: async () => (await import('./security.ts')).securityCommand(),
  validate: async () => (await import('./validate.ts')).validateCommand(),
  import: async () => {
    const { announceChange } = await import('./changed.ts');
    return (await import('../import/command.ts')).importCommand(announceChange);
  },
};

/** The command that is called, or where none of them is, all. */
export const openProgram = async (called = ''): Promise<Command> => {
  const program = new Command('jangada')
    .description('Ask, look into and operate a Jangada system')
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 no running system was found.');
  const load = Object.hasOwn(commands, called) && commands[called];
  for (const one of load ? [load] : Object.values(commands)) program.addCommand(await one());
  return program;
};

/**
 * Runs the command line on `args`, as typed behind `jangada`, and resolves to its exit code. Output and settings are
 * the process's own. What a failed command had open may stay open.
 */
export const runProgram = async (args: readonly string[]): Promise<number> => {
  const program = await openProgram(args[0]);
  try {
    for (const command of withBelow(program)) command.exitOverride();
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    // It has said what was wrong itself.
    if (error instanceof CommanderError) return error.exitCode;
    process.stderr.write(`jangada: ${messageOf(error)}\n`);
    if (error instanceof NotRunning) return exitCodes.unreachable;
    return error instanceof Failure ? error.exitCode : exitCodes.failed;
  }
};

const withBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(withBelow)];
