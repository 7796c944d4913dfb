/**
 * edge: may this person's message come in, and what do they get to see of their run?
 *
 * The only public entrance. It verifies the access token, signs the pass and admits the question; from then on
 * it only reads: a run lives in the services, so an edge that dies takes nothing with it. Of a pack it knows the limits.
 */
import { border } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = border({
  name: 'edge',
  // A refusal at the door is a fact too: audit keeps it beside those of the services.
  emits: [run.requested, run.refused],
  follows: [reply],
  // Looking up an account, at log-in only.
  policy: policy({ timeoutMs: 2_000 }),
  reads: ['tenants', 'accounts'],
  limits: true,
});
