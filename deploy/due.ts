import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Replaces the keys of tenants as they come of age, while a local system runs: what its CronJob is to a cluster. It is
 * whoever operates the system that does this, and no service: none holds both the root of keys and the right to write
 * every tenant's.
 */

/** The command, in the folder deploy. Asked often, it replaces what is due and nothing else. */
export const dueCommand = ['cli/jangada.ts', 'keys', 'rotate', '--due'] as const;

/** Far below any age that is asked for, so that no key gets much older than it may. */
const everyMs = 60 * 60_000;

/** Looks at once, then every so often until it is disposed of; `said` is told what was replaced, and what failed. */
export const rotateDue = (
  home: string,
  said: (line: string) => void,
  pauseMs: number = everyMs,
): AsyncDisposable => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const look = async (): Promise<void> => {
    const options = { cwd: import.meta.dirname, env: { ...process.env, JANGADA_HOME: home }, signal };
    const remarks = await promisify(execFile)(process.execPath, [...dueCommand], options).then(
      ({ stderr }) => stderr,
      ({ stderr = '' }: { stderr?: string }) => stderr || 'keys that are due could not be replaced',
    );
    for (const line of remarks.split('\n')) if (line && !line.endsWith(': not due')) said(line);
  };
  const loop = (async () => {
    while (!signal.aborted) {
      await look();
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    [Symbol.asyncDispose]: () => {
      stopping.abort();
      return loop;
    },
  };
};
