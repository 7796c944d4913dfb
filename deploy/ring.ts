import { headers, keyRing } from '@jangada/proto/envelope.ts';
import { JetStreamApiError, jetstream } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';

/** The key ring where services read it, and its place there: what is to follow names what it follows. */
export interface Standing {
  readonly statement: string | undefined;
  readonly sequence: string;
}

/** Somebody wrote the ring since it was read. What stands there is theirs, whole. */
export class RingMoved extends Error {
  override readonly name = 'RingMoved';
}

/** JetStream's words for an expected sequence that is not the last. */
const moved: ReadonlySet<number> = new Set([10_071, 10_164]);

export const readRing = async (nc: NatsConnection): Promise<Standing> => {
  const query = JSON.stringify({ last_by_subj: keyRing.subject });
  const last = await nc.request(keyRing.get, query, { timeout: 5_000 });
  if (last.data.length === 0) return { statement: undefined, sequence: '0' };
  return { statement: last.string(), sequence: last.headers?.get('Nats-Sequence') ?? '0' };
};

/** @throws RingMoved when another follows it already */
export const followRing = async (
  nc: NatsConnection,
  { sequence }: Standing,
  statement: string,
): Promise<void> => {
  const carried = newHeaders();
  carried.set(headers.expectedSequence, sequence);
  try {
    await jetstream(nc).publish(keyRing.subject, statement, { headers: carried });
  } catch (error) {
    if (error instanceof JetStreamApiError && moved.has(error.code))
      throw new RingMoved('the key ring was written meanwhile', { cause: error });
    throw error;
  }
};

/** Writes the ring that follows, if there is something new to say. @throws RingMoved */
export const publishRing = async (
  nc: NatsConnection,
  next: (last: string | undefined) => string | undefined,
): Promise<boolean> => {
  const standing = await readRing(nc);
  const statement = next(standing.statement);
  if (statement) await followRing(nc, standing, statement);
  return statement !== undefined;
};
