import type { Emission } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import * as access from '@jangada/proto/access.ts';
import { core, deadHeaders, headerMaxBytes, headers } from '@jangada/proto/envelope.ts';
import { textOf } from '@jangada/proto/errors.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { type Part, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { type Bodies, isSealed, type Place } from '@jangada/trust/body.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { Bus, Stored } from './bus.ts';
import { messageOf, placeOf } from './heard.ts';

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
 * Publishes a fact. Its subject is its own, so "nothing is stored there yet" makes it happen at most once.
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
      ...(grant ? { [headers.grant]: grant } : {}),
    });
  const stored = await publishAfter(0);
  if (!stored.duplicate || (await isFact(voice, emission.message, subject))) return stored;
  voice.unexpected?.();
  return publishAfter(stored.sequence);
};

/** Whether what is stored last on a subject was said by a service. @throws Unavailable */
const isFact = async ({ bus }: Voice, message: Message, subject: string): Promise<boolean> => {
  const there = await bus.nc
    .request(`$JS.API.DIRECT.GET.${streamOf[message.kind]}.${subject}`, '', { timeout: lookMs })
    .catch((error) => {
      throw new Unavailable('broker', error);
    });
  // Gone by its age, or not told: then it is taken for what it should be.
  return there.data.length === 0 || there.headers?.has(headers.schema) === true;
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

/** What the person who asked is told by a message that ends their run. */
export const endPart = (emission: Emission<Message>): Part | undefined => {
  if (emission.tell) return emission.tell;
  const { message, body } = emission;
  if (message === run.refused) {
    const { code, locale, intent, limit } = body as Body<typeof run.refused>;
    const beside = { ...(intent ? { intent } : {}), ...(limit ? { limit } : {}) };
    return { type: 'refused', code, message: textOf(code, locale), ...beside };
  }
  if (message === run.failed) {
    const { code, locale } = body as Body<typeof run.failed>;
    return { type: 'failed', code, message: textOf(code, locale) };
  }
  if (message === access.changed) return done((body as Body<typeof access.changed>).action);
  if (message === feedback.recorded) return done('feedback');
  if (message === access.refused) {
    const { code, locale, action: intent } = body as Body<typeof access.refused>;
    return { type: 'refused', code, message: textOf(code, locale), intent };
  }
  return message === run.cancelled ? { type: 'cancelled' } : undefined;
};

/** That a command was carried out. */
const done = (intent: string): Part => ({
  type: 'answered',
  confidence: 1,
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 0 },
  cached: false,
  degraded: false,
  intent,
});

/** Headers of ours: whatever else came along is not kept, nor what is too long to have been ours. */
const kept: readonly string[] = ['traceparent', headers.pass, headers.grant, headers.schema, headers.head];

/** Keeps a message that cannot be processed, with its reason, where an operator finds and replays it. */
export const publishDead = async (
  voice: Voice,
  raw: JsMsg,
  hop: string,
  candidates: readonly Message[],
  about: { tenant: string; id: string },
  reason: string,
): Promise<Stored> => {
  const [tenant, id] = [about.tenant || 'unknown', about.id || 'unknown'];
  const subject = core.dead(hop, tenant, id);
  const original = kept.flatMap((name) => {
    const value = raw.headers?.get(name);
    return value && value.length <= headerMaxBytes ? [[name, value] as const] : [];
  });
  const place = { subject, tenant, id, message: 'dead', version: '1', head: '' };
  return voice.bus.publish(subject, remains(voice, raw, candidates, about, place), {
    ...Object.fromEntries(original),
    [deadHeaders.hop]: hop,
    [deadHeaders.reason]: reason,
    [deadHeaders.subject]: raw.subject,
    [headers.messageId]: voice.bus.messageId('dead', hop, raw.info.stream, raw.seq, raw.info.timestampNanos),
  });
};

/**
 * The body of a dead letter: never readable. One that was sealed in its place stays as it is and can be replayed.
 * What else came in its stead may be anything, so it is sealed as what it is, a dead letter: replayed, it dies again.
 * A sink holds no key; it keeps what is sealed and what its schema allows, and nothing else.
 */
const remains = (
  { bodies }: Voice,
  raw: JsMsg,
  candidates: readonly Message[],
  about: { tenant: string; id: string },
  dead: Place,
): Uint8Array => {
  const message = messageOf(raw, candidates);
  if (message && !message.sealed) return isOf(message, raw) ? raw.data : nothing;
  if (!bodies) return isSealed(raw.data) ? raw.data : nothing;
  try {
    if (message) bodies.open(placeOf(message, about, raw), raw.data);
    else return bodies.seal(dead, raw.data);
    return raw.data;
  } catch {
    return bodies.seal(dead, raw.data);
  }
};

const nothing = new Uint8Array();

const isOf = (message: Message, raw: JsMsg): boolean => {
  try {
    return message.body.safeParse(raw.json()).success;
  } catch {
    return false;
  }
};
