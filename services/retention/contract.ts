/**
 * retention: what has been kept long enough?
 *
 * Woken by schedules of the broker: once a day for each tenant it lists what is due, tells the list, and deletes or thins what needs
 * nobody's approval; every few minutes it ends sessions with agents that were silent too long, and carries out what was
 * approved. A plan is a row with a unique key, so several instances run it once; deletion is in batches, and a class under
 * legal hold is left alone. It also keeps the dead letters for those who
 * administer: it has no key of bodies, so it can look after them and cannot look into them.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { replayed } from '@jangada/proto/letter.ts';
import { due, idle, planned, swept } from '@jangada/proto/retention.ts';

export const contract = sink({
  name: 'retention',
  on: [due, idle],
  emits: [planned, swept, replayed],
  // What was begun and not finished in this time goes on with the next delivery.
  policy: policy({ timeoutMs: 600_000, concurrent: 1, waiting: 4 }),
  reads: [
    'tenants',
    'legal_holds',
    'retention_runs',
    'retention_plans',
    'retention_items',
    'retention_approvals',
    'ai_agent_sessions',
    'interrupts',
    'privacy_requests',
  ],
  packTables: ['aged', 'thinned'],
  writes: {
    retention_runs: ['insert', 'update'],
    retention_plans: ['insert', 'update'],
    retention_items: ['insert', 'update'],
    ai_agent_sessions: ['update'],
    interrupts: ['delete'],
  },
  calls: ['public.turn_conversation_months(timestamp with time zone)'],
  replays: true,
});
