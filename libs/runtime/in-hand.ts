import { core } from '@jangada/proto/envelope.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import { LRUCache } from 'lru-cache';

/** What this process works on just now, and which runs are cancelled. */
export interface InHand {
  /** A run that was cancelled within the last minute. */
  isCancelled(run: string): boolean;
  /** Works on a run with a signal that its cancelling aborts. */
  cancellable<T>(run: string, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /**
   * Works on what has this number in its stream, unless that has just come to its outcome here: undefined then. What comes
   * again while it is still in hand, because this process was too busy to say so, waits for that: told twice at once, an
   * answer would end with one telling in the middle of the other.
   */
  once<T>(sequence: number, work: () => Promise<T>): Promise<T | undefined>;
}

const cancelMemory = 10_000;
const cancelMemoryMs = 60_000;

export const openInHand = (nc: NatsConnection): InHand => {
  const running = new Map<string, AbortController>();
  const cancelled = new LRUCache<string, true>({ max: cancelMemory, ttl: cancelMemoryMs });
  /** By sequence, and whether each came to an outcome. */
  const working = new Map<number, Promise<boolean>>();
  nc.subscribe(core.cancel('*', '*'), {
    callback: (_error, message) => {
      const key = message.subject.slice('cancel.'.length);
      cancelled.set(key, true);
      running.get(key)?.abort();
    },
  });

  return {
    isCancelled: (run) => cancelled.has(run),
    cancellable: async (run, work) => {
      const controller = new AbortController();
      running.set(run, controller);
      try {
        return await work(controller.signal);
      } finally {
        running.delete(run);
      }
    },
    once: async (sequence, work) => {
      for (let before = working.get(sequence); before; before = working.get(sequence))
        if (await before) return undefined;
      const done = work();
      working.set(
        sequence,
        done.then(
          () => true,
          () => false,
        ),
      );
      try {
        return await done;
      } finally {
        working.delete(sequence);
      }
    },
  };
};
