import { textOf } from '@jangada/proto/errors.ts';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import type { Connection, Dialect } from './dialect.ts';
import { agree, type Channel, unwrap, type Wrapping, wrap } from './payload.ts';
import { Refusal } from './refusal.ts';
import {
  envelope,
  errorSaid,
  faultOf,
  type Inbound,
  questionOf,
  readMessage,
  type Said,
  seedTelling,
  subjectsOf,
} from './seed.ts';

/** `AguiMessage` over WebSocket. */

const rememberedAnswers = 100;
const name = z.string().max(200);
const wrapping = z.object({ compression: z.literal('gzip').optional(), encryption: z.boolean().optional() });
const loose = z
  .object({ id: name, sessionId: name, type: z.string().max(40), metadata: wrapping.catch({}) })
  .partial();

/** What an answer is about, and how its question was wrapped. */
interface Asked {
  readonly id?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly metadata?: Wrapping | undefined;
}

export const seedDialect = (connection: Connection, admission: Admission): Dialect => {
  /** Names under which answers went out on this connection: what feedback may be about. */
  const answers = new LRUCache<string, true>({ max: rememberedAnswers });

  /** Once the client has agreed on one. */
  let channel: Channel | undefined;

  const say = (said: Said, about: Asked, auditTrail?: string): string => {
    const { subject, session } = connection.identity();
    const message = envelope(said, {
      sessionId: about.sessionId ?? session,
      userId: subject,
      requestId: about.id,
      auditTrail,
    });
    const { payload, metadata } = wrap(message.payload, about.metadata ?? {}, message, channel);
    connection.send({ ...message, payload, metadata: { ...message.metadata, ...metadata } });
    return message.id;
  };

  const ask = async (message: Inbound): Promise<void> => {
    const run = await admission.ask(connection.identity(), questionOf(message), connection.admit('ai'));
    connection.follow(message.id, run, async () => {
      const telling = seedTelling(run.id, textOf('CANCELLED', run.locale));
      for (const name of [message.id, run.id]) answers.set(name, true);
      say(telling.start(), message, run.id);
      for await (const { parts } of run) {
        for (const said of telling.tell(parts, performance.now() - run.startedAt)) {
          const id = say(said, message, run.id);
          if (said.type === 'response') answers.set(id, true);
        }
        await connection.room();
      }
    });
  };

  const acknowledge = async (message: Inbound): Promise<void> => {
    await connection.admit('api');
    if (!subjectsOf(message).some((name) => answers.has(name))) throw new Refusal('NOT_FOUND');
    say({ type: 'status', payload: { state: 'received' } }, message);
  };

  const agreeOn = (message: Inbound): void => {
    const { publicKey, channel: agreed } = agree(message.payload);
    say({ type: 'session_update', payload: { publicKey } }, { ...message, metadata: undefined });
    channel = agreed;
  };

  return {
    resumable: false,
    greet: () =>
      void say({ type: 'status', payload: { state: 'connected', connectionId: connection.id } }, {}),
    receive: async (frame) => {
      const received = readMessage(frame);
      const identity = connection.identity();
      const fault = faultOf(received, identity.subject);
      if (fault === 'SESSION_MISMATCH' || (!fault && !connection.claim(received.sessionId))) {
        throw await admission.refuse(identity, 'SESSION_MISMATCH');
      }
      if (fault) throw new Refusal(fault);
      const payload = unwrap(received.payload, received.metadata ?? {}, received, channel);
      const message = { ...received, payload };
      if (message.type === 'query') return ask(message);
      if (message.type === 'feedback') return acknowledge(message);
      // The only part of a session that a client may set.
      if (message.type === 'session_update') return agreeOn(message);
      throw new Refusal('UNSUPPORTED_MESSAGE');
    },
    refuse: (refusal, frame) => {
      const { code, locale, run, field } = refusal;
      const about = loose.safeParse(frame).data ?? {};
      const { type } = about;
      const text = textOf(code, locale);
      const message = code === 'UNSUPPORTED_MESSAGE' && type ? `${text}: ${type}` : text;
      say(errorSaid(code, message, { ...(field ? { field } : {}), ...refusal.limit }), about, run);
    },
  };
};
