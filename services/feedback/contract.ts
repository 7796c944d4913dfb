/**
 * feedback: what did a person say of their answer, and where does it stay?
 *
 * Keeps one judgement for each run, the last that was given, and tells none of them. The edge has seen that the run is the caller's own
 * and over, and its pass is for exactly this judgement. The comment is sealed for whoever wrote it, who may have it erased.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as feedback from '@jangada/proto/feedback.ts';

export const contract = hop({
  name: 'feedback',
  on: feedback.given,
  emits: [feedback.recorded],
  // As in permission: rest shortly, because the database comes back by itself.
  policy: policy({
    timeoutMs: 2_000,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  reads: ['feedback', 'tenant_keys', 'subject_keys'],
  writes: {
    feedback: ['insert', 'update'],
    // Keys are made at their first use.
    tenant_keys: ['insert'],
    subject_keys: ['insert'],
  },
});
