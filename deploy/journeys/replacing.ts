import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@jangada/testkit/until.ts';
import { expect } from 'vitest';
import type { Journey } from './journey.ts';

/** What the journeys of keys share: the command that replaces them, and people who ask meanwhile. */

/** One key as the command line lists it. */
export interface Listed {
  readonly kind: string;
  readonly key: string;
  readonly state: string;
  readonly notBefore: string;
  readonly protects?: number;
}

/** Runs `jangada keys …`, which must succeed. */
export const keys = async (
  journey: Journey,
  ...args: readonly string[]
): Promise<{ listed: Listed[]; remarks: string }> => {
  const { code, stdout, stderr } = await journey.jangada('keys', ...args, '--json');
  expect({ code, ...(code === 0 ? {} : { stderr }) }).toEqual({ code: 0 });
  return { listed: JSON.parse(stdout) as Listed[], remarks: stderr };
};

/** Asks until it is stopped, two at a time and never all of the machine, and keeps how each run ended. */
export const load = <Ended>(ask: (asker: number) => Promise<Ended>) => {
  let on = true;
  const ended: Ended[] = [];
  const asking = Array.from({ length: 2 }, async (_, asker) => {
    while (on) {
      ended.push(await ask(asker));
      await sleep(200);
    }
  });
  return {
    ended: ended as readonly Ended[],
    /** Resolves when so many more runs have ended. */
    more: async (count: number): Promise<void> => {
      const wanted = ended.length + count;
      await until(`${count} more runs`, () => ended.length >= wanted);
    },
    stop: async (): Promise<void> => {
      on = false;
      await Promise.all(asking);
    },
  };
};
