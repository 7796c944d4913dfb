import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { type End, isEnd, type Part, reply } from '@jangada/proto/reply.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { bodyOf } from './heard.ts';

/** Reading what is stored for the person who asked, for those who may read the stream one message at a time. */

/** Messages in one batch at most. */
export const batchMax = 64;
/** After a run's deadline, how long its own terminal answer may still take to arrive. */
export const lastWordMs = 2_000;
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
 * @throws Unavailable where the broker did not say that this is all
 */
export async function* batchOf(
  nc: NatsConnection,
  subject: string,
  from: number,
  stream = streamOf.reply,
): AsyncGenerator<Msg> {
  const query = JSON.stringify({ seq: from, next_by_subj: subject, batch: batchMax });
  try {
    const answers = await nc.requestMany(`$JS.API.DIRECT.GET.${stream}`, query, {
      strategy: 'sentinel',
      maxWait: fetchTimeoutMs,
    });
    for await (const message of answers) {
      if (message.data.length === 0) return;
      yield message;
    }
  } catch (error) {
    throw new Unavailable('broker', error);
  }
  throw new Unavailable('broker');
}

/** Everything that is stored on a subject, in order. @throws Unavailable */
export async function* allOf(
  nc: NatsConnection,
  subject: string,
  { from = 1, stream = streamOf.reply }: { readonly from?: number; readonly stream?: string } = {},
): AsyncGenerator<Msg> {
  let next = from;
  for (let count = batchMax; count === batchMax; ) {
    count = 0;
    for await (const message of batchOf(nc, subject, next, stream)) {
      next = sequenceOf(message) + 1;
      count++;
      yield message;
    }
  }
}

/** The last that is stored on a subject; undefined where nothing is. @throws Unavailable */
export const lastOf = async (
  nc: NatsConnection,
  subject: string,
  stream = streamOf.reply,
): Promise<Msg | undefined> => {
  const query = JSON.stringify({ last_by_subj: subject });
  const last = await nc
    .request(`$JS.API.DIRECT.GET.${stream}`, query, { timeout: fetchTimeoutMs })
    .catch((error) => {
      throw new Unavailable('broker', error);
    });
  return last.data.length === 0 ? undefined : last;
};

/** Puts the pieces of the latest telling together. */
export const gatherText = () => {
  let latest = 0;
  let content = '';
  return {
    add: (part: Part): void => {
      if (part.type !== 'text' || part.attempt < latest) return;
      content = part.attempt > latest ? part.text : content + part.text;
      latest = part.attempt;
    },
    text: () => content,
    attempt: () => latest,
  };
};

/** What is told of a run on its way. */
export type Progressing = Extract<Part, { type: 'state' | 'activity' }>;

/** What the person who asked was told of a run, as far as it is stored. */
export interface Outcome {
  /** The latest telling of the answer. */
  readonly text: string;
  readonly attempt: number;
  /** What it has come to, for who wanted to be told of it. */
  readonly progress: readonly Progressing[];
  /** Absent while the run goes on. */
  readonly end: End | undefined;
}

/** Reads what a run has told. `open` gives the body of what is a reply of it, and undefined for what is none. */
export const outcomeOf = async (
  nc: NatsConnection,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  open: (raw: Msg) => Body<typeof reply> | undefined,
): Promise<Outcome> => {
  const gathered = gatherText();
  const progress: Progressing[] = [];
  let end: End | undefined;
  for await (const raw of allOf(nc, subjectOf(reply, tenant, id)))
    for (const part of open(raw)?.parts ?? []) {
      if (isEnd(part)) end ??= part;
      else if (part.type === 'state' || part.type === 'activity') progress.push(part);
      else gathered.add(part);
    }
  return { text: gathered.text(), attempt: gathered.attempt(), progress, end };
};
