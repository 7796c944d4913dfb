/**
 * saga: what follows from a booking, and what if it fails?
 *
 * A booking is charged, and the person is told of it and reminded. Where it cannot be charged, or nobody confirms it in time, it
 * is undone in reverse. How far it has come stands in events, each after the last that was read, so whoever is killed in the
 * midst is followed by another instance that knows what was done. What is due later, or now of a tenant that has somebody to tell, is
 * a tick that a schedule of the broker announces.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { agenda, changed } from '@jangada/proto/booking.ts';
import { due, ended, followed } from '@jangada/proto/saga.ts';

export const contract = sink({
  name: 'saga',
  on: [due, changed],
  emits: [followed, changed, agenda, ended],
  follows: [followed, changed, agenda],
  // Longer than the attempts at a webhook take together, for two steps. Those have a policy of their own.
  policy: policy({
    timeoutMs: 60_000,
    attempts: 1,
    concurrent: 32,
    waiting: 32,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  reads: ['tenants', 'event_keys', 'tenant_keys', 'subject_keys'],
  writes: {},
});
