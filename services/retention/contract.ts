/**
 * retention: what has been kept long enough?
 *
 * Woken by a schedule of the broker, once a day for each tenant. A tick is a row with a unique key, so several
 * instances run it once; deletion is in batches, and a class under legal hold is left alone. It also keeps the dead letters for
 * those who administer: it has no key of bodies, so it can look after them and cannot look into them.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { replayed } from '@jangada/proto/letter.ts';
import { due, swept } from '@jangada/proto/retention.ts';

export const contract = sink({
  name: 'retention',
  on: [due],
  emits: [swept, replayed],
  policy: policy({ timeoutMs: 60_000, concurrent: 1, waiting: 4 }),
  reads: ['tenants', 'legal_holds', 'retention_runs'],
  packTables: ['aged'],
  writes: { retention_runs: ['insert', 'update'] },
  replays: true,
});
