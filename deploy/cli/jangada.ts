#!/usr/bin/env node
import { exitCodes } from './failure.ts';
import { runProgram } from './program.ts';

// `jangada dlq list | head` ends the reader first; that is not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.done);
});

const code = await runProgram(process.argv.slice(2));
// Not only set where it failed: the client leaves the socket of a broker that never answered open.
if (code !== exitCodes.done) process.exit(code);
