import { setTimeout as sleep } from 'node:timers/promises';

/** Records stored in one transaction at most. */
const batchLimit = 256;

/**
 * Stores things many at a time: one batch is in work, and everything that comes meanwhile, or within `gatherMs`, goes into the
 * next. `store` sees to its failures itself.
 */
export const groupCommit = <T>(
  gatherMs: number,
  store: (batch: readonly T[]) => Promise<void>,
): ((one: T) => void) => {
  let waiting: T[] = [];
  let working = false;
  const work = async (): Promise<void> => {
    working = true;
    while (waiting.length > 0) {
      if (waiting.length < batchLimit) await sleep(gatherMs);
      const batch = waiting.slice(0, batchLimit);
      waiting = waiting.slice(batchLimit);
      await store(batch);
    }
    working = false;
  };
  return (one) => {
    waiting.push(one);
    if (!working) void work();
  };
};
