/**
 * intent: what does this question ask for?
 *
 * First hop of a run. It turns free text into a plan from a closed grammar, before any record is read, and is
 * the last to see the text as anything but data. It knows the words of the pack and nothing of who may do what.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'intent',
  on: run.requested,
  emits: [run.understood, run.refused],
  // No dependency: understanding is computed here. What takes this long is stuck.
  policy: policy({ timeoutMs: 1_000, attempts: 1 }),
});
