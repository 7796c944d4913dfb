/**
 * tools: what do those outside say of these rows, and what follows from them?
 *
 * Sits between data-access and response-generation on the way of rows whose source has tools. It alone may ask outside,
 * and it has no right in the database, so that nobody who takes it over reads anything that is not in its hands already.
 * What it asks holds no data of anybody, and what comes back is believed only as far as the tool says. Who is away outside
 * costs an answer its freshness and never the answer.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'tools',
  on: run.found,
  emits: [run.fetched],
  demands: ['grant'],
  // Longer than both attempts outside take together. Those have a policy of their own, and their failure is none here.
  policy: policy({ timeoutMs: 8_000, attempts: 1 }),
});
