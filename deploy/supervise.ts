import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { boundToParent } from '@jangada/servers/server.ts';

/** A process that is started again whenever it ends, until it is told to stop. */
export interface Supervised {
  readonly name: string;
  /** Process id of what runs now. */
  readonly pid: number;
  /** Times it was started again. */
  readonly restarts: number;
  kill(signal: NodeJS.Signals): void;
  /** Keeps it down until `resume`. */
  suspend(): Promise<void>;
  resume(): void;
  /** Asks it to drain, and insists after the grace. */
  stop(): Promise<void>;
}

const graceMs = 12_000;
/** A process that lived this long has started well; its next end is news. */
const settledMs = 10_000;

export const supervise = async (
  name: string,
  what: { args: readonly string[]; env: Record<string, string>; cwd: string; logFile: string },
  said: (line: string) => void,
): Promise<Supervised> => {
  mkdirSync(dirname(what.logFile), { recursive: true });
  const log = openSync(what.logFile, 'a');
  const [command = process.execPath, ...args] = [...(await boundToParent()), process.execPath, ...what.args];
  let child: ChildProcess | undefined;
  let wanted = true;
  let stopped = false;
  let restarts = 0;
  let waitMs = 100;

  const start = (): void => {
    const startedAt = performance.now();
    // A group of its own: Ctrl-C must reach the supervisor first, which drains in order.
    const started = spawn(command, args, {
      cwd: what.cwd,
      env: what.env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    child = started;
    started.once('exit', (code, signal) => {
      child = undefined;
      if (stopped || !wanted) return;
      waitMs = performance.now() - startedAt > settledMs ? 100 : Math.min(waitMs * 2, 5_000);
      said(`${name} ended (${signal ?? code}); starting it again. Its log: ${what.logFile}`);
      restarts += 1;
      void sleep(waitMs).then(() => {
        if (wanted && !stopped && !child) start();
      });
    });
  };
  const end = async (): Promise<void> => {
    const running = child;
    if (!running) return;
    const exited = once(running, 'exit');
    running.kill('SIGTERM');
    const insist = setTimeout(() => running.kill('SIGKILL'), graceMs);
    await exited;
    clearTimeout(insist);
  };
  start();

  return {
    name,
    get pid() {
      return child?.pid ?? 0;
    },
    get restarts() {
      return restarts;
    },
    kill: (signal) => {
      child?.kill(signal);
    },
    suspend: async () => {
      wanted = false;
      await end();
    },
    resume: () => {
      wanted = true;
      if (!child) start();
    },
    stop: async () => {
      stopped = true;
      await end();
    },
  };
};
