import { core, deadHeaders, headerMaxBytes, headers } from '@jangada/proto/envelope.ts';
import type { Message } from '@jangada/proto/message.ts';
import { isSealed, type Place } from '@jangada/trust/body.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { Stored } from './bus.ts';
import type { Voice } from './emit.ts';
import { messageOf, placeOf } from './heard.ts';

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
