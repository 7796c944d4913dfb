import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { headers } from '@jangada/proto/envelope.ts';
import type { Body } from '@jangada/proto/message.ts';
import { reply } from '@jangada/proto/reply.ts';
import type { asked } from '@jangada/proto/thread.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import { later } from '@jangada/runtime/keep.ts';
import { lastWordMs, openedAt, outcomeOf } from '@jangada/runtime/stored.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import { type Exchange, exchangeOf } from './handler.ts';

/**
 * Nearly every run is over by then, under load too. A question is held until then: to look before would be in vain, and
 * to have it delivered again would cost more than its place. Until it is kept it is read from the streams.
 */
const settlesMs = 1_000;

/**
 * Reads what a question came to, once it has had time to: `later` while its run may still tell something. Undefined for
 * a question of a version that did not say whose it was; it stays in the streams alone.
 * @throws Unavailable
 */
export const reading =
  (bodies: Bodies, runDeadlineMs: number) =>
  async (
    { tenant, id }: Pick<Heard, 'tenant' | 'id'>,
    question: Body<typeof asked>,
    { nc }: Pick<Bus, 'nc'>,
  ): Promise<Exchange | typeof later | undefined> => {
    const { run, at, owner } = question;
    if (owner === undefined) return undefined;
    // The edge's clock may be ahead of ours.
    await sleep(Math.min(settlesMs, at + settlesMs - Date.now()));
    const told = { tenant, id: run };
    const outcome = await outcomeOf(nc, told, (raw) =>
      // What has no version of ours is an acknowledgement that the broker was made to put here.
      raw.headers?.get(headers.schema)
        ? openedAt(reply, told, raw, { bodies, onForeign: () => undefined })
        : undefined,
    ).catch((error: unknown) => {
      throw new Unavailable('broker', error);
    });
    if (!outcome.end && Date.now() - at < runDeadlineMs + lastWordMs) return later;
    return exchangeOf({ tenant, id }, question, owner, outcome);
  };
