import { textOf } from '@jangada/proto/errors.ts';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import type { Connection, Dialect } from './dialect.ts';
import { stored } from './judgement.ts';
import { agree, type Channel, unwrap, type Wrapping, wrap } from './payload.ts';
import { Refusal } from './refusal.ts';
import {
  conditionSaid,
  envelope,
  errorSaid,
  faultOf,
  type Inbound,
  judgementOf,
  questionOf,
  readMessage,
  type Said,
  seedTelling,
  sessionSaid,
} from './seed.ts';

/** `AguiMessage` over WebSocket. */

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
  /** Once the client has agreed on one. */
  let channel: Channel | undefined;

  const say = (said: Said, about: Asked, auditTrail?: string): void => {
    const { subject, session } = connection.identity();
    const message = envelope(said, {
      sessionId: about.sessionId ?? session,
      userId: subject,
      requestId: about.id,
      auditTrail,
    });
    const { payload, metadata } = wrap(message.payload, about.metadata ?? {}, message, channel);
    connection.send({ ...message, payload, metadata: { ...message.metadata, ...metadata } });
  };

  const ask = async (message: Inbound): Promise<void> => {
    const run = await admission.ask(connection.identity(), questionOf(message), connection.admit('ai'));
    connection.follow(message.id, run, async () => {
      const telling = seedTelling(run.id, run.locale);
      say(telling.start(), message, run.id);
      for await (const { parts } of run) {
        for (const said of telling.tell(parts, performance.now() - run.startedAt)) say(said, message, run.id);
        await connection.room();
      }
    });
  };

  const judge = async (message: Inbound): Promise<void> => {
    await connection.admit('api');
    const run = await admission.judge(connection.identity(), judgementOf(message), message.id);
    await stored(run);
    say({ type: 'status', payload: { state: 'received' } }, message, run.id);
  };

  const agreeOn = (message: Inbound): void => {
    const { publicKey, channel: agreed } = agree(message.payload);
    say({ type: 'session_update', payload: { publicKey } }, { ...message, metadata: undefined });
    channel = agreed;
  };

  return {
    resumable: false,
    greet: () => {
      say({ type: 'status', payload: { state: 'connected', connectionId: connection.id } }, {});
      say(sessionSaid(connection.identity()), {});
    },
    renewed: () => say(sessionSaid(connection.identity()), {}),
    report: (condition) => {
      // That the tenant cannot be looked up may be the very thing to be told.
      admission.localeOf(connection.identity()).then(
        (locale) => say(conditionSaid(condition, locale), {}),
        () => say(conditionSaid(condition, 'en'), {}),
      );
    },
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
      if (message.type === 'feedback') return judge(message);
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
