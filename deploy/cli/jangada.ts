#!/usr/bin/env node
import { Command } from 'commander';
import { importCommand } from '../import/command.ts';
import { NotRunning } from '../local.ts';
import { accountsCommand } from './accounts.ts';
import { askCommand } from './ask.ts';
import { auditCommand } from './audit.ts';
import { announceChange } from './changed.ts';
import { dlqCommand } from './dlq.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';
import { keysCommand } from './keys.ts';
import { limitsCommand } from './limits.ts';
import { policiesCommand } from './policies.ts';
import { retentionCommand } from './retention.ts';
import { runCommand } from './run.ts';
import { securityCommand } from './security.ts';
import { statusCommand } from './status.ts';
import { subjectsCommand } from './subjects.ts';

const program = new Command('jangada')
  .description('Ask, look into and operate a Jangada system')
  .showHelpAfterError('(--help shows what there is)')
  .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 no running system was found.')
  .addCommand(askCommand())
  .addCommand(accountsCommand())
  .addCommand(statusCommand())
  .addCommand(runCommand())
  .addCommand(auditCommand())
  .addCommand(dlqCommand())
  .addCommand(subjectsCommand())
  .addCommand(policiesCommand())
  .addCommand(limitsCommand())
  .addCommand(retentionCommand())
  .addCommand(keysCommand())
  .addCommand(securityCommand())
  .addCommand(importCommand(announceChange));

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
