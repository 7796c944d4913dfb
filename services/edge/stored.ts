import { streamOf } from '@jangada/proto/message.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';

/** Reading what is stored for the person who asked. */

/** Messages in one batch at most. */
export const batchMax = 64;
export const fetchTimeoutMs = 2_000;

export const sequenceOf = (message: Msg): number => Number(message.headers?.get('Nats-Sequence'));

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
