#!/usr/bin/env node
import { Command } from 'commander';
import { NotRunning } from '../local.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';

/** A command loads what it needs only when it is the one that is called: most need a small part of all there is. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  ask: async () => (await import('./ask.ts')).askCommand(),
  accounts: async () => (await import('./accounts.ts')).accountsCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  dlq: async () => (await import('./dlq.ts')).dlqCommand(),
  subjects: async () => (await import('./subjects.ts')).subjectsCommand(),
  policies: async () => (await import('./policies.ts')).policiesCommand(),
  limits: async () => (await import('./limits.ts')).limitsCommand(),
  retention: async () => (await import('./retention.ts')).retentionCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  security: async () => (await import('./security.ts')).securityCommand(),
  import: async () => {
    const { announceChange } = await import('./changed.ts');
    return (await import('../import/command.ts')).importCommand(announceChange);
  },
};

const program = new Command('jangada')
  .description('Ask, look into and operate a Jangada system')
  .showHelpAfterError('(--help shows what there is)')
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 no running system was found.');
const [, , called = ''] = process.argv;
const load = Object.hasOwn(commands, called) && commands[called];
for (const one of load ? [load] : Object.values(commands)) program.addCommand(await one());

// `jangada dlq list | head` ends the reader first; that is not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.done);
});

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`jangada: ${messageOf(error)}\n`);
  const code = error instanceof Failure ? error.exitCode : exitCodes.failed;
  // Not only set: the client leaves the socket of a broker that never answered open.
  process.exit(error instanceof NotRunning ? exitCodes.unreachable : code);
}
