import { headers, keyRing } from '@jangada/proto/envelope.ts';
import { jetstream } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';

/**
 * Writes the key ring where services read it, if there is something new to say. Two that write at once do not undo
 * each other: the second is refused.
 */
export const publishRing = async (
  nc: NatsConnection,
  next: (last: string | undefined) => string | undefined,
): Promise<boolean> => {
  const query = JSON.stringify({ last_by_subj: keyRing.subject });
  const last = await nc.request(keyRing.get, query, { timeout: 5_000 });
  const known = last.data.length > 0;
  const statement = next(known ? last.string() : undefined);
  if (!statement) return false;
  const carried = newHeaders();
  carried.set(headers.expectedSequence, known ? (last.headers?.get('Nats-Sequence') ?? '0') : '0');
  await jetstream(nc).publish(keyRing.subject, statement, { headers: carried });
  return true;
};
