/**
 * retention: what has been kept long enough?
 *
 * Woken by schedules of the broker: once a day for each tenant it deletes what is due, every few minutes it ends sessions
 * with agents that were silent too long. A nightly tick is a row with a unique key, so several instances run it once;
 * deletion is in batches, and a class under legal hold is left alone. It also keeps the dead letters for those who
 * administer: it has no key of bodies, so it can look after them and cannot look into them.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { replayed } from '@jangada/proto/letter.ts';
import { due, idle, swept } from '@jangada/proto/retention.ts';

export const contract = sink({
  name: 'retention',
  on: [due, idle],
  emits: [swept, replayed],
  policy: policy({ timeoutMs: 60_000, concurrent: 1, waiting: 4 }),
  reads: ['tenants', 'legal_holds', 'retention_runs', 'ai_agent_sessions', 'interrupts', 'privacy_requests'],
  packTables: ['aged'],
  writes: { retention_runs: ['insert', 'update'], ai_agent_sessions: ['update'], interrupts: ['delete'] },
  calls: ['public.turn_conversation_months(timestamp with time zone)'],
  replays: true,
});
