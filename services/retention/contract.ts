/**
 * retention: what has been kept long enough?
 *
 * Woken by a schedule of the broker, once a day for each tenant. A tick is a row with a unique key, so several
 * instances run it once; deletion is in batches, and a class under legal hold is left alone.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { due, swept } from '@jangada/proto/retention.ts';

export const contract = sink({
  name: 'retention',
  on: [due],
  emits: [swept],
  policy: policy({ timeoutMs: 60_000, concurrent: 1, waiting: 4 }),
  reads: ['tenants', 'legal_holds', 'retention_runs', 'interrupts'],
  packTables: ['aged'],
  writes: { retention_runs: ['insert', 'update'], interrupts: ['delete'] },
});
