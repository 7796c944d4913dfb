import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '@jangada/servers/server.ts';
import type { Taking, WebhookEndpoint } from '@jangada/testkit/webhook.ts';
import type { Supervised } from '../../supervise.ts';

/** What goes wrong while commands are carried out: processes die or freeze, servers go away, receivers refuse and say nothing. */

export interface Troubles {
  /** How often each came, by its name. */
  readonly counted: ReadonlyMap<string, number>;
  /** Ends all of them, and puts right what they left behind. */
  over(): Promise<void>;
}

interface Among {
  readonly processes: readonly Supervised[];
  readonly servers: Readonly<Record<string, Server>>;
  readonly receivers: Readonly<Record<string, WebhookEndpoint>>;
}

const takesAll: Taking = { status: 204 };
const takings: Readonly<Record<string, Taking>> = {
  refuses: { status: 422 },
  'is away': { status: 503 },
  'says nothing': 'silent',
  'hangs up': 'broken',
};

/** @param next numbers from 0 to 1 */
export const openTroubles = ({ processes, servers, receivers }: Among, next: () => number): Troubles => {
  const ending = new AbortController();
  const counted = new Map<string, number>();
  const count = (what: string): void => void counted.set(what, (counted.get(what) ?? 0) + 1);
  const pick = <T>(some: readonly T[]): T => some[Math.floor(next() * some.length)] as T;
  const between = (least: number, most: number): number => least + next() * (most - least);
  const pause = (ms: number) => sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined);
  /** Again and again until it is over; what has begun comes to its end. */
  const again = async (least: number, most: number, trouble: () => Promise<void>): Promise<void> => {
    for (;;) {
      await pause(between(least, most));
      if (ending.signal.aborted) return;
      await trouble();
    }
  };

  const ofProcess = async (): Promise<void> => {
    const one = pick(processes);
    const kind = one.name.split('-')[0];
    const how = next();
    if (how < 0.7) {
      const signal = how < 0.5 ? 'SIGKILL' : 'SIGTERM';
      one.kill(signal);
      return count(`${kind}: ${signal}`);
    }
    // From a moment to longer than the broker waits before it gives what it had to another.
    one.kill('SIGSTOP');
    await pause(between(500, 6_000));
    one.kill('SIGCONT');
    count(`${kind}: frozen`);
  };
  const ofServer = async (): Promise<void> => {
    const [name, server] = pick(Object.entries(servers));
    const isKilled = next() < 0.6;
    await (isKilled ? server.kill() : server.stop());
    count(`${name}: ${isKilled ? 'killed' : 'stopped'}`);
    await pause(between(0, 2_000));
    await server.restart();
  };
  const ofReceiver = async (): Promise<void> => {
    const [name, receiver] = pick(Object.entries(receivers));
    const how = pick(Object.keys(takings));
    receiver.behave(takings[how] ?? takesAll);
    count(`${name}: ${how}`);
    await pause(between(100, 1_000));
    receiver.behave(takesAll);
  };
  const under = Promise.all([
    again(1_000, 6_000, ofProcess),
    again(8_000, 25_000, ofServer),
    again(2_000, 6_000, ofReceiver),
  ]);

  return {
    counted,
    over: async () => {
      ending.abort();
      await under;
    },
  };
};
