import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, subjectOf } from '@jangada/proto/message.ts';
import { type End, type Part, reply } from '@jangada/proto/reply.ts';
import { type Earlier, earlierMax } from '@jangada/proto/run.ts';
import { asked } from '@jangada/proto/thread.ts';
import { publishRequest, type Voice } from '@jangada/runtime/emit.ts';
import { allOf, lastOf, openedAt, outcomeOf, type Progressing } from '@jangada/runtime/stored.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Msg } from '@nats-io/transport-node';

/**
 * What was asked and told in a conversation, from the streams alone: any replica finds the same, as far back as they
 * reach. Its id holds its owner (ids.ts), so there is no foreign one to ask for.
 */

/** One question, or an answer to one of ours, and what came of it. */
export interface Turn extends Body<typeof asked> {
  /** The latest telling of the answer. */
  readonly text: string;
  readonly attempt: number;
  /** What it came to, where the streams hold it still. */
  readonly progress?: readonly Progressing[];
  /** Absent while the run goes on. Of what the streams hold no more, only whether it was stopped is told. */
  readonly end: End | { readonly type: 'cancelled' | 'past' } | undefined;
}

/** What the person was asked back in a conversation. */
export interface Interrupted {
  readonly part: Extract<Part, { type: 'interrupted' }>;
  /** What the client called the question that it interrupted. */
  readonly message: string | undefined;
  /** The run that answered it. */
  readonly answeredBy: string | undefined;
}

/** A conversation by its id inside. */
interface Place {
  readonly tenant: string;
  readonly session: string;
}

export interface Conversations {
  /** Keeps a question that is being admitted; again for the same run changes nothing. @throws Unavailable, Refused */
  record(place: Place, traceparent: string, question: Omit<Body<typeof asked>, 'at'>): Promise<void>;
  /** The questions that a run of the conversation may follow. @throws where the broker is away */
  earlier(place: Place, run: string): Promise<Earlier>;
  /** The latest turns, oldest first; none where there is no such conversation. @throws where the broker is away */
  turnsOf(place: Place): Promise<readonly Turn[]>;
  /** True where a run was asked in the conversation. @throws where the broker is away */
  holds(place: Place, run: string): Promise<boolean>;
  /** An interrupt of a conversation; undefined where there is none of this id. @throws where the broker is away */
  interrupted(place: Place, id: string): Promise<Interrupted | undefined>;
}

/** What the last of a conversation's turns asks back; an answer for which who they are was not certain is none. */
export const openIn = (turns: readonly Turn[], now: number): Interrupted['part'] | undefined => {
  const end = turns.findLast((turn) => !isUncertain(turn))?.end;
  return end?.type === 'interrupted' && Date.parse(end.expiresAt) > now ? end : undefined;
};

const isUncertain = ({ answers, end }: Pick<Turn, 'answers' | 'end'>): boolean =>
  answers !== undefined && end?.type === 'refused' && end.code === 'AUTH_STEP_UP';

/** Who comes back to a conversation is shown so many of its turns. */
export const turnsMax = 50;

/** `onForeign` is told of what was not sealed for the place where it stands. */
export const openConversations = (
  voice: Voice & { readonly bodies: Bodies },
  onForeign: (place: { id: string; tenant: string }) => void,
): Conversations => {
  const { bus, bodies } = voice;

  const read = <M extends Message>(
    message: M,
    place: { id: string; tenant: string },
    raw: Msg,
  ): Body<M> | undefined =>
    // What has no version of ours is an acknowledgement that the broker was made to put here.
    raw.headers?.get(headers.schema) ? openedAt(message, place, raw, { bodies, onForeign }) : undefined;

  const toldOf = (tenant: string, id: string) =>
    outcomeOf(bus.nc, { tenant, id }, (raw) => read(reply, { tenant, id }, raw));

  /** In order, each once. */
  const askedIn = async ({ tenant, session: id }: Place): Promise<readonly Body<typeof asked>[]> => {
    const turns = new Map<string, Body<typeof asked>>();
    for await (const raw of allOf(bus.nc, subjectOf(asked, tenant, id))) {
      const turn = read(asked, { tenant, id }, raw);
      if (turn && !turns.has(turn.run)) turns.set(turn.run, turn);
    }
    return [...turns.values()];
  };

  return {
    record: async ({ tenant, session: id }, traceparent, question) => {
      const cause = { tenant, id, pass: undefined, traceparent };
      await publishRequest(voice, asked, cause, { ...question, at: Date.now() }, false, question.run);
    },
    earlier: async ({ tenant, session: id }, run) => {
      const raw = await lastOf(bus.nc, subjectOf(asked, tenant, id));
      const last = raw && read(asked, { tenant, id }, raw);
      if (!last) return [];
      const { question, at, earlier = [] } = last;
      if (last.run === run || question === undefined) return earlier;
      return [...earlier, { question, at }].slice(-earlierMax);
    },
    holds: async (place, run) => (await askedIn(place)).some((turn) => turn.run === run),
    interrupted: async (place, run) => {
      const { tenant } = place;
      const all = await askedIn(place);
      const question = all.find((one) => one.run === run);
      if (!question) return undefined;
      const { end: part } = await toldOf(tenant, run);
      if (part?.type !== 'interrupted') return undefined;
      let answeredBy: string | undefined;
      for (const { run: by, answers } of all)
        if (answers === run && !isUncertain({ answers, ...(await toldOf(tenant, by)) })) answeredBy ??= by;
      return { part, message: question.message, answeredBy };
    },
    turnsOf: async (place) => {
      const { tenant } = place;
      const latest = (await askedIn(place)).slice(-turnsMax);
      return Promise.all(
        latest.map(async (question) => ({ ...question, ...(await toldOf(tenant, question.run)) })),
      );
    },
  };
};
