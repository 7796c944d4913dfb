import { setTimeout as sleep } from 'node:timers/promises';
import DataLoader from 'dataloader';

/** Asked about at once at most, and how long others wait for the answer. */
const crowdLimit = 256;
const crowdMs = 100;

/**
 * Asks about many at a time, and answers in the order in which they were asked about. Whoever comes while some are asked about
 * is asked about with the next: a crowd costs as many round trips as one.
 */
export const crowd = <K, V>(
  ask: (wanted: readonly K[]) => Promise<readonly V[]>,
): ((one: K) => Promise<V>) => {
  let asked: Promise<unknown> = Promise.resolve();
  const loader = new DataLoader<K, V>(
    (wanted) => {
      const answer = ask(wanted);
      asked = Promise.race([answer.catch(() => undefined), sleep(crowdMs)]);
      return answer;
    },
    {
      cache: false,
      maxBatchSize: crowdLimit,
      batchScheduleFn: (next) => void asked.then(() => setImmediate(next)),
    },
  );
  return (one) => loader.load(one);
};
