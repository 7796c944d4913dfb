import { judgeOverheard, overhear } from '@jangada/testkit/overheard.ts';
import { afterAll, expect, test } from 'vitest';
import { outsideSource, sharedJourney, sharedReceiver, webhookEndpoint } from './journey.ts';

/**
 * Journeys through one system, one after the other: starting it costs more than most of them do. Each leaves it fit for
 * the next; what takes servers or keys away, or needs settings of its own, starts a system of its own instead.
 */

import './ask.ts';
import './observe.ts';
import './copilotkit.ts';
import './scheduling.ts';
import './ordering.ts';
import './agenda.ts';
import './refuse.ts';
import './packs.ts';
import './poison.ts';
import './access.ts';
import './conversation.ts';
import './cli.ts';
import './validate.ts';
import './trail.ts';
import './retention.ts';
import './console.ts';
// Imports people of its own, into a tenant of their own.
import './rights.ts';
// Takes a client's account away.
import './privacy.ts';
// Takes the administrator's second factor away.
import './identity.ts';

overhear('elsewhere');
afterAll(async () => {
  await (await sharedJourney())[Symbol.asyncDispose]();
  await (await outsideSource())[Symbol.asyncDispose]();
  await (await sharedReceiver())[Symbol.asyncDispose]();
  await (await webhookEndpoint())[Symbol.asyncDispose]();
});

test('all that was told here the genuine clients take, each stream the one that it was meant for', async () => {
  expect((await judgeOverheard()).whole).toBeGreaterThan(0);
});
