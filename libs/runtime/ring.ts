import { setTimeout as sleep } from 'node:timers/promises';
import { keyRing } from '@jangada/proto/envelope.ts';
import type { Log } from '@jangada/telemetry/log.ts';
import type { Ring } from '@jangada/trust/ring.ts';
import { UnknownKey } from '@jangada/trust/seal.ts';
import type { Msg } from '@nats-io/transport-node';
import type { Bus } from './bus.ts';

/**
 * Keeps a service's key ring up to date: told live by the bucket, and asked for at the start, after every reconnect
 * and now and then, in case a word was missed.
 */
export interface RingWatch {
  /** Resolves once a ring is known. Nothing that is signed can be believed before. */
  readonly known: Promise<void>;
  /** Looks again, at most once a second however often it is asked: an unknown key may be a new one. */
  refresh(): Promise<void>;
  stop(): void;
}

const lookEveryMs = 15_000;
const lookAgainMs = 1_000;
const answerMs = 2_000;

export const watchRing = (bus: Bus, ring: Ring, log: Log): RingWatch => {
  const { nc } = bus;
  const known = Promise.withResolvers<void>();
  let stopped = false;

  const take = (statement: string): void => {
    const before = ring.epoch();
    let taken = false;
    try {
      taken = ring.offer(statement);
    } catch {
      taken = false;
    }
    if (taken) log.info({ operation: 'keys', count: ring.epoch() }, 'key ring taken');
    else if (ring.epoch() === 0) log.error({ operation: 'keys' }, 'the key ring is not signed by our root');
    if (before === 0 && ring.epoch() > 0) known.resolve();
  };

  const ask = async (query: object): Promise<Msg | undefined> => {
    const answer = await nc
      .request(keyRing.get, JSON.stringify(query), { timeout: answerMs })
      .catch(() => undefined);
    return answer && answer.data.length > 0 ? answer : undefined;
  };

  const look = async (): Promise<void> => {
    const last = await ask({ last_by_subj: keyRing.subject });
    if (last) take(last.string());
    // Who begins while something else stands last looks for the ring before it.
    for (let seq = 1; last && ring.epoch() === 0; seq++) {
      const one = await ask({ seq, next_by_subj: keyRing.subject });
      if (!one) return;
      take(one.string());
      seq = Number(one.headers?.get('Nats-Sequence'));
    }
  };

  let looking: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const refresh = (): Promise<void> => {
    if (looking !== undefined) return looking;
    if (performance.now() - lookedAt < lookAgainMs) return Promise.resolve();
    looking = look().finally(() => {
      lookedAt = performance.now();
      looking = undefined;
    });
    return looking;
  };

  nc.subscribe(keyRing.live, {
    callback: (error, message) => {
      if (!error) take(message.string());
    },
  });
  void (async () => {
    for await (const status of nc.status()) if (status.type === 'reconnect') void look();
  })();
  void (async () => {
    while (!stopped && ring.epoch() === 0) {
      await look();
      if (ring.epoch() === 0) await sleep(250);
    }
  })();
  const timer = setInterval(() => void look(), lookEveryMs);
  return {
    known: known.promise,
    refresh,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
};

/** Reads what is signed; where its key is unknown, a second time with the ring as it is now. @throws what `read` does */
export const withNewKeys = async <T>(keys: Pick<RingWatch, 'refresh'>, read: () => T): Promise<T> => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnknownKey)) throw error;
    await keys.refresh();
    return read();
  }
};
