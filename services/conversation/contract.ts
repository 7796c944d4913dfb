/**
 * conversation: what did somebody ask an agent, and what were they told?
 *
 * Hears each question of a conversation and keeps it with its answer once there is one, sealed for whose it is, and the
 * session that it belongs to. It is the one sink that opens bodies, because what people said is what it is to keep; it
 * seals at once and has no right to read what it sealed. The person reads it back by a run of their own.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { reply } from '@jangada/proto/reply.ts';
import { asked } from '@jangada/proto/thread.ts';

export const contract = sink({
  name: 'conversation',
  on: [asked],
  emits: [],
  opens: true,
  // The answer to a question: its text stands nowhere else.
  follows: [reply],
  // As in audit: a batch of a tenant is one insert, and waits for the database as long as it takes.
  policy: policy({
    timeoutMs: 5_000,
    concurrent: 256,
    waiting: 1_792,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  // Whoever goes on asking is followed by what the broker has, and not by what is kept.
  gatherMs: 150,
  reads: ['ai_agent_sessions', 'tenant_keys', 'subject_keys'],
  finds: { ai_agent_conversations: ['tenant_id', 'id'] },
  writes: {
    ai_agent_sessions: ['insert', 'update'],
    ai_agent_conversations: ['insert'],
    // Keys are made at their first use.
    tenant_keys: ['insert'],
    subject_keys: ['insert'],
  },
  calls: ['sec.active_sessions()'],
});
