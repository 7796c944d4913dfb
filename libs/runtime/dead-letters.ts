import { randomUUID } from 'node:crypto';
import { messages } from '@jangada/proto/catalogue.ts';
import { deadHeaders, headers } from '@jangada/proto/envelope.ts';
import type { Letter } from '@jangada/proto/letter.ts';
import { partsOf } from '@jangada/proto/message.ts';
import { type JetStreamManager, jetstream, type StoredMsg } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';

/** Messages that could not be processed: what is told of them, and how one goes on its way again. */

export const deadStream = 'DEAD';

/** So many come at once, and not much more than so many bytes. */
const batch = 256;
const batchMaxBytes = 8 * 1024 ** 2;

export const letterOf = (stored: StoredMsg): Letter => {
  const [, hop = '', tenant = '', run = ''] = stored.subject.split('.');
  return {
    sequence: stored.seq,
    at: stored.timestamp,
    hop: stored.header.get(deadHeaders.hop) || hop,
    reason: stored.header.get(deadHeaders.reason),
    tenant,
    run,
    subject: stored.header.get(deadHeaders.subject),
    bytes: stored.data.length,
  };
};

/** Whether it says what an aggregate came to, which stands where it was said: said again, it would have happened again. */
export const isEvent = ({ subject }: Letter): boolean =>
  messages.some((message) => message.kind === 'event' && partsOf(message, subject) !== undefined);

/** The broker answers a batch that would be empty with 404. */
const isNoneLeft = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 404;

/** Every dead letter behind a place, the oldest first; of one tenant, where it is given. */
export async function* deadMessages(
  jsm: JetStreamManager,
  { after = 0, tenant = '*' }: { readonly after?: number; readonly tenant?: string } = {},
): AsyncGenerator<StoredMsg> {
  for (let next = after + 1; ; ) {
    const found: StoredMsg[] = [];
    const query = { seq: next, next_by_subj: `dead.*.${tenant}.*`, batch, max_bytes: batchMaxBytes };
    try {
      for await (const stored of await jsm.direct.getBatch(deadStream, query)) found.push(stored);
    } catch (error) {
      if (isNoneLeft(error)) return;
      throw error;
    }
    yield* found;
    const last = found.at(-1);
    if (!last) return;
    next = last.seq + 1;
  }
}

export const deadAt = (jsm: JetStreamManager, sequence: number): Promise<StoredMsg | null> =>
  jsm.direct.getMessage(deadStream, { seq: sequence });

/** A dead letter that stays one, or that was sent and could not be taken out. */
export class NotReplayed extends Error {
  override readonly name = 'NotReplayed';
  readonly stays: boolean;

  constructor(stays: boolean, cause: unknown) {
    super(stays ? 'not taken' : 'not taken out', { cause });
    this.stays = stays;
  }
}

/** What the broker and the burial added is left out: a replay is a new message that says the same. */
const isOwn = (name: string): boolean =>
  !name.startsWith('Nats-') && !Object.values<string>(deadHeaders).includes(name);

/**
 * Publishes a dead letter where it was at first and takes it out of the dead ones. If this process dies between
 * the two, it is replayed twice at worst, which every service stands. Nothing is expected of the subject, so a
 * run that has this fact already gets it again.
 * @throws NotReplayed
 */
export const replay = async (
  nc: NatsConnection,
  jsm: JetStreamManager,
  stored: StoredMsg,
): Promise<Letter> => {
  const letter = letterOf(stored);
  const sent = newHeaders();
  for (const [name, values] of stored.header) {
    if (isOwn(name)) for (const value of values) sent.append(name, value);
  }
  sent.set(headers.messageId, randomUUID());
  try {
    await jetstream(nc, { timeout: 2_000 }).publish(letter.subject, stored.data, { headers: sent });
  } catch (error) {
    throw new NotReplayed(true, error);
  }
  try {
    await jsm.streams.deleteMessage(deadStream, letter.sequence, false);
  } catch (error) {
    throw new NotReplayed(false, error);
  }
  return letter;
};
