import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@jangada/hop/outcome.ts';

/** The first who ask wait so long; a service that says how it is any later is taken for one that says nothing. */
const patienceMs = 200;
/** How long a model is believed, and how long it has to answer. */
const [freshMs, answerMs] = [5_000, 2_000];

/**
 * How a model does, as it last said. Who asks does not wait for it: one that takes connections and answers none would
 * make a service look silent that works without it. Nor is an endpoint that counts asked more often than it changes.
 */
export const pulseOf = (ping: (signal: AbortSignal) => Promise<void>): (() => Promise<void>) => {
  let askedAt = Number.NEGATIVE_INFINITY;
  let last: PromiseSettledResult<void> = {
    status: 'rejected',
    reason: new Unavailable('AI service has not answered'),
  };
  return async () => {
    if (performance.now() - askedAt > freshMs) {
      askedAt = performance.now();
      const asking = Promise.allSettled([ping(AbortSignal.timeout(answerMs))]).then(([outcome]) => {
        last = outcome;
      });
      await Promise.race([asking, sleep(patienceMs, undefined, { ref: false })]);
    }
    if (last.status === 'rejected') throw last.reason;
  };
};
