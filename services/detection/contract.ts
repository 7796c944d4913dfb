/**
 * detection: does somebody read as nobody should?
 *
 * Hears what audit hears of reading, refusing and reaching out, and keeps for each person how they usually read. What differs from
 * it, or is wrong however often it happens, is an alert. It holds no key of bodies: whom rows are about it knows by pseudonyms.
 * It refuses nobody; where a pack says so, it ends the sessions of whom an alert is about, who may sign in again.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as access from '@jangada/proto/access.ts';
import { raised } from '@jangada/proto/alert.ts';
import { revoked } from '@jangada/proto/auth.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = sink({
  name: 'detection',
  on: [
    run.understood,
    run.fetched,
    run.answered,
    run.refused,
    run.interrupted,
    access.changed,
    access.refused,
  ],
  emits: [raised, revoked],
  // As in audit: nothing is given up, however long the database is away.
  policy: policy({
    timeoutMs: 5_000,
    concurrent: 256,
    waiting: 1_792,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  // An alert a moment later is as good.
  gatherMs: 150,
  reads: ['alert_states', 'alerts', 'sessions'],
  writes: { alert_states: ['insert', 'update'], alerts: ['insert'], sessions: ['update'] },
});
