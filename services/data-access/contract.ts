/**
 * data-access: which rows does the granted plan name?
 *
 * Executes exactly the plan whose hash the grant holds, under row-level security that verifies the grant once
 * more inside PostgreSQL. Its message is stored before a row is released: there is no read without a record.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'data-access',
  on: run.permitted,
  // The size of a group is known only here. Rows of a source with tools go by them. What was asked for by its name is answered by its rows, and nobody tells them.
  emits: [run.fetched, run.found, run.answered, run.refused],
  // Rows are told as they are stored where nobody sees to them.
  spares: { tools: run.found },
  demands: ['grant'],
  // As in permission: rest shortly, because the database comes back by itself.
  policy: policy({
    timeoutMs: 3_000,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  // When a tenant is open is in `tenants`.
  reads: [
    'tenants',
    'consent_levels',
    'tenant_keys',
    'subject_keys',
    'knowledge_indexes',
    'knowledge_vectors',
  ],
  packTables: ['sources'],
});
