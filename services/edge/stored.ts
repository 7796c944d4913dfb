import { Unprocessable } from '@jangada/hop/outcome.ts';
import { type Body, type Message, streamOf } from '@jangada/proto/message.ts';
import { bodyOf } from '@jangada/runtime/heard.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';

/** Reading what is stored for the person who asked. */

/** Messages in one batch at most. */
export const batchMax = 64;
export const fetchTimeoutMs = 2_000;

export const sequenceOf = (message: Msg): number => Number(message.headers?.get('Nats-Sequence'));

/** The body of what is stored somewhere; undefined, and `onForeign` told, where it was not sealed for that place. */
export const openedAt = <M extends Message>(
  message: M,
  place: { readonly tenant: string; readonly id: string },
  raw: Msg,
  { bodies, onForeign }: { bodies: Bodies; onForeign: (place: { id: string; tenant: string }) => void },
): Body<M> | undefined => {
  try {
    return bodyOf(message, place, raw, bodies);
  } catch (error) {
    if (error instanceof Unprocessable && error.code === 'CTX_PAYLOAD_MISMATCH') onForeign(place);
    return undefined;
  }
};

/**
 * One batch of a subject's messages from a sequence on. Asked for by hand: the library's own batch keeps its
 * subscription when it is done, and never ends if the broker dies within it.
 */
export async function* batchOf(nc: NatsConnection, subject: string, from: number): AsyncGenerator<Msg> {
  const query = JSON.stringify({ seq: from, next_by_subj: subject, batch: batchMax });
  const answers = await nc.requestMany(`$JS.API.DIRECT.GET.${streamOf.reply}`, query, {
    strategy: 'sentinel',
    maxWait: fetchTimeoutMs,
  });
  for await (const message of answers) {
    if (message.data.length === 0) return;
    yield message;
  }
}

/** Everything that is stored on a subject, in order. */
export async function* allOf(nc: NatsConnection, subject: string): AsyncGenerator<Msg> {
  let next = 1;
  for (let count = batchMax; count === batchMax; ) {
    count = 0;
    for await (const message of batchOf(nc, subject, next)) {
      next = sequenceOf(message) + 1;
      count++;
      yield message;
    }
  }
}
