import { Unavailable } from '@jangada/hop/outcome.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { type Msg, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { parsed } from './heard.ts';
import { allOf, sequenceOf } from './stored.ts';

/**
 * Events of aggregates, a subject for each. Whoever appends says up to which event they had read, and the broker refuses
 * where another came in between; what is appended to several aggregates is stored together or not at all.
 */

/** Where the events of one aggregate are. */
export interface Aggregate {
  readonly tenant: string;
  readonly id: string;
}

export interface Recorded<M extends Message> {
  readonly sequence: number;
  /**
   * Undefined for what no service said: the broker stores its acknowledgements wherever a reply subject points (see
   * `publishFact`). The next event is appended after it all the same.
   */
  readonly body: Body<M> | undefined;
}

/** Events of an aggregate after a place in the stream, in order. @throws Unavailable; Unprocessable MSG_POISON */
export async function* eventsOf<M extends Message>(
  nc: NatsConnection,
  message: M,
  { tenant, id }: Aggregate,
  after = 0,
): AsyncGenerator<Recorded<M>> {
  const subject = subjectOf(message, tenant, id);
  for await (const raw of allOf(nc, subject, { from: after + 1, stream: streamOf.event }))
    yield {
      sequence: sequenceOf(raw),
      body: raw.headers?.has(headers.schema) ? eventIn(message, raw) : undefined,
    };
}

/** @throws Unprocessable MSG_POISON */
export const eventIn = <M extends Message>(message: M, { data }: Pick<Msg, 'data'>): Body<M> =>
  parsed(message.body, Buffer.from(data).toString(), `the body does not match ${message.name}`) as Body<M>;

/** One event to append. */
export interface Append<M extends Message = Message> extends Aggregate {
  readonly message: M;
  readonly body: Body<M>;
  /** Place in the stream of the last event that was read of its aggregate; 0 where there was none. */
  readonly after: number;
}

/** JetStream error codes for an aggregate that has gone on: the last place is another, or another was first just now. */
const goneOn: readonly number[] = [10_071, 10_164];
const waitMs = 2_000;

/**
 * Appends events, each to an aggregate of its own, all or none. Returns the place of the last in the stream; undefined where one
 * of the aggregates has gone on. Where the broker does not answer nobody knows whether they are stored: who reads again finds out.
 * @throws Unavailable
 */
export const append = async (
  nc: NatsConnection,
  events: readonly Append[],
  traceparent: string,
): Promise<number | undefined> => {
  // One alone is no batch: the broker would make files for it, and remove them.
  const batch = events.length > 1 ? crypto.randomUUID() : undefined;
  const sent = events.map(({ message, tenant, id, body, after }, at) => {
    const carried = newHeaders();
    carried.set(headers.schema, String(message.version));
    carried.set(headers.expectedSequence, String(after));
    if (batch) {
      carried.set(headers.batch, batch);
      carried.set(headers.batchSequence, String(at + 1));
      if (at === events.length - 1) carried.set(headers.batchCommit, '1');
    }
    if (traceparent) carried.set('traceparent', traceparent);
    return { subject: subjectOf(message, tenant, id), text: JSON.stringify(body), carried };
  });
  const last = sent.pop();
  if (!last) throw new TypeError('nothing is appended');
  for (const { subject, text, carried } of sent) nc.publish(subject, text, { headers: carried });
  const answer = await nc
    .request(last.subject, last.text, { headers: last.carried, timeout: waitMs })
    .catch((error) => {
      throw new Unavailable('broker', error);
    });
  const { error, seq } = answer.json<{ error?: { err_code: number; description: string }; seq: number }>();
  if (!error) return seq;
  if (goneOn.includes(error.err_code)) return undefined;
  throw new Unavailable('broker', new Error(`${error.err_code} ${error.description}`));
};
