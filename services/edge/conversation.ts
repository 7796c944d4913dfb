import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, subjectOf } from '@jangada/proto/message.ts';
import { type End, reply } from '@jangada/proto/reply.ts';
import { asked } from '@jangada/proto/thread.ts';
import { publishRequest, type Voice } from '@jangada/runtime/emit.ts';
import { allOf, openedAt, outcomeOf } from '@jangada/runtime/stored.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Msg } from '@nats-io/transport-node';

/**
 * What was asked and told in a conversation, from the streams alone: any replica finds the same, as far back as they
 * reach. Its id holds its owner (ids.ts), so there is no foreign one to ask for.
 */

/** One question and what came of it. */
export interface Turn extends Pick<Body<typeof asked>, 'run' | 'question' | 'message' | 'at'> {
  /** The latest telling of the answer. */
  readonly text: string;
  readonly attempt: number;
  /** Absent while the run goes on. */
  readonly end: Pick<End, 'type'> | undefined;
}

/** A conversation by its id inside. */
interface Place {
  readonly tenant: string;
  readonly session: string;
}

export interface Conversations {
  /** Keeps a question that is being admitted; again for the same run changes nothing. @throws Unavailable, Refused */
  record(place: Place, traceparent: string, question: Omit<Body<typeof asked>, 'at'>): Promise<void>;
  /** The latest turns, oldest first; none where there is no such conversation. @throws where the broker is away */
  turnsOf(place: Place): Promise<readonly Turn[]>;
}

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

  return {
    record: async ({ tenant, session: id }, traceparent, question) => {
      const cause = { tenant, id, pass: undefined, traceparent };
      await publishRequest(voice, asked, cause, { ...question, at: Date.now() }, false, question.run);
    },
    turnsOf: async ({ tenant, session: id }) => {
      const questions = new Map<string, Body<typeof asked>>();
      for await (const raw of allOf(bus.nc, subjectOf(asked, tenant, id))) {
        const question = read(asked, { tenant, id }, raw);
        if (question && !questions.has(question.run)) questions.set(question.run, question);
      }
      const latest = [...questions.values()].slice(-turnsMax);
      return Promise.all(
        latest.map(async (question) => ({ ...question, ...(await toldOf(tenant, question.run)) })),
      );
    },
  };
};
