import type { Emission } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { outcomeSubject, outcomes } from '@jangada/proto/command.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { type Part, reply } from '@jangada/proto/reply.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Bus, Stored } from './bus.ts';

/** What is spoken with. Those that say nothing personal hold no key of bodies. */
export interface Voice {
  readonly bus: Bus;
  readonly bodies?: Bodies | undefined;
  /** Told when something stands where only we should have written. */
  readonly unexpected?: () => void;
}

/** What an outgoing message takes over from the one that caused it. */
export interface Cause {
  readonly tenant: string;
  readonly id: string;
  /** The pass, as it was signed. */
  readonly pass: string | undefined;
  readonly traceparent: string;
}

/** A message as it goes over the wire: sealed where it is declared so, and what it says in clear beside it. */
export const written = <M extends Message>(
  { bodies }: Pick<Voice, 'bodies'>,
  message: M,
  { tenant, id, pass, traceparent }: Cause,
  body: Body<M>,
): { subject: string; bytes: string | Uint8Array; carried: Record<string, string> } => {
  const subject = subjectOf(message, tenant, id);
  const version = String(message.version);
  const text = JSON.stringify(body);
  const carried = {
    [headers.schema]: version,
    traceparent,
    ...(pass && message.passed ? { [headers.pass]: pass } : {}),
  };
  if (!message.sealed) return { subject, bytes: text, carried };
  if (!bodies) throw new TypeError(`${message.name} is sealed, and there is no key to seal it with`);
  const head = JSON.stringify(message.headOf(body));
  return {
    subject,
    bytes: bodies.seal({ subject, tenant, id, message: message.name, version, head }, text),
    carried: { ...carried, [headers.head]: head },
  };
};

/**
 * Publishes a fact. Its subject is its own, so "nothing is stored there yet" makes it happen at most once. What a command comes to
 * has two, and is stored on neither where it is on one.
 *
 * The broker sends its acknowledgements wherever a publisher's reply subject says, past all rights, and so a service
 * that is taken over can make it store one in the place of a fact. What has no version of ours is none: the fact is
 * then stored after it.
 */
export const publishFact = async (
  voice: Voice,
  cause: Cause,
  emission: Emission<Message>,
): Promise<Stored> => {
  const grant = await emission.grant;
  const { subject, bytes, carried } = written(voice, emission.message, cause, emission.body);
  const publishAfter = (sequence: number): Promise<Stored> =>
    voice.bus.publish(subject, bytes, {
      ...carried,
      [headers.expectedSequence]: String(sequence),
      ...(outcomes.includes(emission.message)
        ? { [headers.expectedOf]: outcomeSubject(cause.tenant, cause.id) }
        : {}),
      ...(grant ? { [headers.grant]: grant } : {}),
    });
  const stored = await publishAfter(0);
  if (!stored.duplicate || (await whatIs(voice, emission.message, subject)) !== 'foreign') return stored;
  voice.unexpected?.();
  return publishAfter(stored.sequence);
};

/** Whether what is stored last on a subject was said by a service. @throws Unavailable */
const whatIs = async (
  { bus }: Voice,
  message: Message,
  subject: string,
): Promise<'fact' | 'foreign' | 'nothing'> => {
  const there = await bus.nc
    .request(`$JS.API.DIRECT.GET.${streamOf[message.kind]}.${subject}`, '', { timeout: lookMs })
    .catch((error) => {
      throw new Unavailable('broker', error);
    });
  // Gone by its age, or not told: then it is taken for what it should be.
  if (there.data.length === 0) return 'nothing';
  return there.headers?.has(headers.schema) ? 'fact' : 'foreign';
};

/** Publishes what a command came to. @returns false where it had come to the other before */
export const publishOutcome = async (
  voice: Voice,
  cause: Cause,
  emission: Emission<Message>,
): Promise<boolean> => {
  const { message } = emission;
  const { duplicate } = await publishFact(voice, cause, emission);
  return !duplicate || (await whatIs(voice, message, subjectOf(message, cause.tenant, cause.id))) === 'fact';
};

const lookMs = 2_000;

/**
 * Publishes what a person asks for, once for its run; `named` tells apart what has one subject. Of a run that was named
 * just now, and `fresh` says so, it cannot be a duplicate: whoever used its id up before is not obeyed, and it is said
 * under another.
 */
export const publishRequest = async <M extends Message>(
  voice: Voice,
  message: M,
  cause: Cause,
  body: Body<M>,
  fresh: boolean,
  ...named: string[]
): Promise<Stored> => {
  const { subject, bytes, carried } = written(voice, message, cause, body);
  const publishAs = (...own: string[]): Promise<Stored> => {
    const id = voice.bus.messageId(message.name, cause.tenant, cause.id, ...named, ...own);
    return voice.bus.publish(subject, bytes, { ...carried, [headers.messageId]: id });
  };
  const stored = await publishAs();
  if (!fresh || !stored.duplicate || stored.again) return stored;
  voice.unexpected?.();
  return publishAs(crypto.randomUUID());
};

/**
 * Publishes parts of the answer; `key` makes it one of a kind within the run. Told for the `first` time it should be
 * no duplicate; if it is, the same message came twice, or somebody knows our ids.
 */
export const publishReply = async (
  voice: Voice,
  cause: Cause,
  key: string,
  parts: readonly Part[],
  first = false,
): Promise<Stored> => {
  const { subject, bytes, carried } = written(voice, reply, cause, { parts: [...parts] });
  const id = voice.bus.messageId('reply', cause.tenant, cause.id, key);
  const stored = await voice.bus.publish(subject, bytes, { ...carried, [headers.messageId]: id });
  if (first && stored.duplicate && !stored.again) voice.unexpected?.();
  return stored;
};
