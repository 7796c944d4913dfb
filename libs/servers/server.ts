import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, output, type RunOptions } from './command.ts';

/** A server that this process started and that ends with it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** Process id of what runs now; of the last process when stopped. */
  readonly pid: number;
  /** Ask it to end, insist after a grace of 5 s; nothing when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL for it and its children: what a crash of the machine leaves behind. */
  kill(): Promise<void>;
  /** Stop it if it runs, then start it on the same port with the same data; resolves when it answers. */
  restart(): Promise<void>;
}

/** How to start a server and how to tell that it answers. */
export interface Program extends RunOptions {
  readonly name: string;
  readonly url: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Rejects while the server does not answer yet. */
  readonly answers: () => Promise<unknown>;
  /** Log text of a start that fails only because the last process is still going away. */
  readonly passing?: RegExp;
}

const startMs = 60_000;
const graceMs = 5_000;

/** Start a program. @throws with the end of its log when it exits or does not answer within 60 s. */
export async function startServer(program: Program): Promise<Server> {
  let child = await launch(program);
  const stop = () => end(child, 'SIGINT');
  return {
    url: program.url,
    get pid() {
      return child.pid ?? 0;
    },
    stop,
    kill: async () => {
      if (hasEnded(child)) return;
      // Them first, and all at once: one that saw it end would let go of what others of them wait for.
      for (const pid of await childrenOf(child)) killIfAlive(pid);
      await end(child, 'SIGKILL');
    },
    restart: async () => {
      await stop();
      child = await launch(program);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * A free TCP port of 127.0.0.1: the wished one, or any if 0. @throws when the wished one is taken.
 *
 * Below the range that systems take for outgoing connections: while a server is down, a client that keeps
 * connecting to its port could otherwise be given that very port and keep the server from coming back.
 */
export async function freePort(wish = 0): Promise<number> {
  for (;;) {
    const port = wish || 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
    if (wish) throw new Error(`port ${wish} of 127.0.0.1 is taken`);
  }
}

/** Starts a server on the wished port, or on a free one: on another where somebody else took that one before it could listen. */
export async function onFreePort<T>(
  wish: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    const port = await freePort(wish);
    try {
      return await start(port);
    } catch (error) {
      if (wish || !(error instanceof Error && /address already in use/i.test(error.message))) throw error;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer().listen(port, '127.0.0.1');
  const listens = await fulfils(once(listener, 'listening'));
  if (listens) await once(listener.close(), 'close');
  return listens;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGINT');
});

async function launch(program: Program): Promise<ChildProcess> {
  const { command, args, logFile, cwd, env, uid, gid } = program;
  const [executable = command, ...prefix] = [...(await boundToParent()), command];
  const deadline = Date.now() + startMs;
  for (;;) {
    await using log = await open(logFile, 'a');
    const { size } = await log.stat();
    const child = spawn(executable, [...prefix, ...args], {
      stdio: ['ignore', log.fd, log.fd],
      // A group of its own: Ctrl-C in a terminal must let the services drain before their servers go.
      detached: true,
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    });
    await once(child, 'spawn');
    running.add(child);
    child.once('exit', () => running.delete(child));

    while (!hasEnded(child) && Date.now() < deadline) {
      if (await fulfils(program.answers())) return child;
      await sleep(10);
    }
    await end(child, 'SIGKILL');
    const said = (await readFile(logFile)).subarray(size).toString();
    if (Date.now() < deadline && program.passing?.test(said)) {
      await sleep(100);
      continue;
    }
    throw new Error(`${program.name} did not start; the end of ${logFile}:\n${said.slice(-2000)}`);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs).unref();
  await exited;
  clearTimeout(timer);
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** True when it fulfils, false when it rejects. */
const fulfils = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => true,
    () => false,
  );

/** Linux only: elsewhere orphaned children notice by themselves. */
async function childrenOf({ pid }: ChildProcess): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return list.split(' ').filter(Boolean).map(Number);
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * What to put before a command so that it gets SIGINT when this process dies, `kill -9` included; empty where
 * the kernel does not offer that (it is Linux's).
 */
export async function boundToParent(): Promise<readonly string[]> {
  const setpriv = await onPath('setpriv');
  if (!setpriv) return [];
  const prefix = [setpriv, '--pdeathsig', 'SIGINT', '--'];
  // Busybox has a setpriv without this option.
  return (await fulfils(output(setpriv, [...prefix.slice(1), 'true']))) ? prefix : [];
}
