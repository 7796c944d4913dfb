import { runProgram } from './program.ts';

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the command line with these settings within this process: one of its own takes a second to load. One at a
 * time, because the output and the settings of a process are one.
 */
export const runInside = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> => {
  const ended = last.then(() => captured(args, env));
  last = ended.catch(() => undefined);
  return ended;
};

const captured = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> => {
  const { stdout, stderr } = process;
  const own = { env: process.env, out: stdout.write, err: stderr.write, exitCode: process.exitCode };
  const said = { stdout: '', stderr: '' };
  const into = (stream: keyof typeof said) =>
    ((chunk: string | Uint8Array) => {
      said[stream] += chunk;
      return true;
    }) as typeof stdout.write;
  stdout.write = into('stdout');
  stderr.write = into('stderr');
  process.env = { ...env, NO_COLOR: '1', FORCE_COLOR: undefined };
  try {
    process.exitCode = undefined;
    return { code: await runProgram(args), ...said };
  } finally {
    stdout.write = own.out;
    stderr.write = own.err;
    process.env = own.env;
    process.exitCode = own.exitCode;
  }
};
