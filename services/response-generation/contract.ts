/**
 * response-generation: how are the granted rows told?
 *
 * Last hop of a run. It sees rows that were granted and nothing else, has no tool that writes, and may publish
 * only the answer. It does not take data-access's word for what was granted: it holds what comes against the grant
 * itself. What is to be changed it does not tell but asks for a yes to (`run.interrupted`), or for what is missing. Without a model the composer tells the rows in the pack's words; a model that fails falls back to it, and
 * the answer says so.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'response-generation',
  on: run.fetched,
  emits: [run.answered, run.interrupted],
  demands: ['grant'],
  tells: true,
  limits: true,
  // The seeds' figures for a model: 3 failures in a minute, 30 s of rest, 2 successes.
  policy: policy({ timeoutMs: 8_000, attempts: 2, backoffMs: 200 }),
});
