import { emit } from '@jangada/hop/hop.ts';
import type * as access from '@jangada/proto/access.ts';
import type * as command from '@jangada/proto/command.ts';
import type { given } from '@jangada/proto/feedback.ts';
import type { Body } from '@jangada/proto/message.ts';
import { type Earlier, requested, type understood } from '@jangada/proto/run.ts';
import type { asked } from '@jangada/proto/thread.ts';
import type { Stored } from '@jangada/runtime/bus.ts';
import { type Cause, publishFact, publishRequest, type Voice } from '@jangada/runtime/emit.ts';
import { traceparentOf } from '@jangada/telemetry/trace.ts';
import { ownerOf, type Pass } from '@jangada/trust/pass.ts';
import type { Span } from '@opentelemetry/api';
import type { Question } from './admission.ts';
import type { Conversations } from './conversation.ts';
import type { Threads } from './threads.ts';

/** Rows by their name are planned by the edge, so that what it says is how they are understood. */
type Asked =
  | typeof requested
  | typeof understood
  | typeof access.requested
  | typeof command.requested
  | typeof given;

/** What a person asks for, as the messages that it becomes. */
export interface Asking<M extends Asked = Asked> {
  readonly message: M;
  readonly body: Body<M>;
  /** True where nobody named the run before, so that it cannot have been asked already. */
  readonly fresh: boolean;
  /** True when it is asked only while no other run of its session is active. */
  readonly alone?: true | undefined;
  /** The interrupt that it answers. */
  readonly answers?: string | undefined;
  /** What is kept of it in its conversation, where that has a name. */
  readonly turn?: Omit<Body<typeof asked>, 'run' | 'at' | 'owner' | 'agent' | 'earlier'> | undefined;
}

/** A question, as it is asked. */
export const askingOf = ({
  text: question,
  subjectId,
  cursor,
  canAnswer,
  run,
  session,
  message,
}: Question): Asking => ({
  message: requested,
  body: {
    question,
    ...(subjectId ? { subjectId } : {}),
    ...(cursor ? { cursor } : {}),
    ...(canAnswer ? { canAnswer } : {}),
  },
  fresh: run === undefined,
  alone: session === undefined ? undefined : true,
  turn: session === undefined ? undefined : { question, ...(message === undefined ? {} : { message }) },
});

interface Deps {
  readonly voice: Voice;
  readonly sign: (pass: Pass) => Promise<string>;
  readonly threads: Threads;
  readonly conversations: Conversations;
}

/** Publishes what is asked under a pass, and keeps it in its conversation, so that whoever comes back finds it. */
export const openAsking =
  ({ voice, sign, threads, conversations }: Deps) =>
  async (pass: Pass, asking: Asking, span: Span, limit?: Promise<unknown>): Promise<Stored> => {
    const { tid: tenant, sid: session, rid: run } = pass;
    const { message, body, fresh, alone, answers, turn } = asking;
    const about = { tenant, id: run, traceparent: traceparentOf(span) };
    const owner = ownerOf(pass);
    const agent = pass.rol === 'public' ? 'public' : 'tenant';
    const say = (cause: Cause, follows: { earlier?: Earlier }): Promise<Stored> =>
      message.kind === 'fact'
        ? publishFact(voice, cause, emit(message, body as Body<typeof message>))
        : publishRequest(
            voice,
            message,
            cause,
            { ...body, ...(message === requested ? follows : {}) } as never,
            fresh,
          );
    const entering = alone && threads.enter(pass, answers);
    try {
      const thread = { tenant, session };
      const [statement, earlier = []] = await Promise.all([
        sign(pass),
        turn && conversations.earlier(thread, run),
        limit,
        entering,
      ]);
      const follows = earlier.length > 0 ? { earlier } : {};
      const saying = say({ ...about, pass: statement }, follows);
      // An answer that is kept is the only one: kept before it is published, it might never be, and not be given again. Where keeping it
      // fails, a second yes under another run is refused by what it is about: a version that is over, a time that is taken.
      if (answers !== undefined) await saying;
      const [stored] = await Promise.all([
        saying,
        turn && conversations.record(thread, about.traceparent, { run, owner, agent, ...turn, ...follows }),
      ]);
      return stored;
    } catch (error) {
      Promise.resolve(entering).then(
        () => threads.leave(run),
        () => undefined,
      );
      throw error;
    }
  };
