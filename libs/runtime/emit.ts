import type { Emission } from '@jangada/hop/hop.ts';
import { core, deadHeaders, headers } from '@jangada/proto/envelope.ts';
import { textOf } from '@jangada/proto/errors.ts';
import { type Body, type Message, subjectOf } from '@jangada/proto/message.ts';
import { type Part, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { Bus, Stored } from './bus.ts';

/** What an outgoing message takes over from the one that caused it. */
export interface Cause {
  readonly tenant: string;
  readonly id: string;
  /** The pass, as it was signed. */
  readonly pass: string | undefined;
  readonly traceparent: string;
}

/** Publishes a fact. Its subject is its own, so "nothing is stored there yet" makes it happen at most once. */
export const publishFact = async (bus: Bus, cause: Cause, emission: Emission<Message>): Promise<Stored> => {
  const grant = await emission.grant;
  return bus.publish(subjectOf(emission.message, cause.tenant, cause.id), JSON.stringify(emission.body), {
    [headers.schema]: String(emission.message.version),
    traceparent: cause.traceparent,
    [headers.expectedSequence]: '0',
    ...(cause.pass ? { [headers.pass]: cause.pass } : {}),
    ...(grant ? { [headers.grant]: grant } : {}),
  });
};

/** Publishes parts of the answer; `key` makes it one of a kind within the run. */
export const publishReply = (bus: Bus, cause: Cause, key: string, parts: readonly Part[]): Promise<Stored> =>
  bus.publish(subjectOf(reply, cause.tenant, cause.id), JSON.stringify({ parts }), {
    [headers.schema]: String(reply.version),
    traceparent: cause.traceparent,
    [headers.messageId]: bus.messageId('reply', cause.tenant, cause.id, key),
  });

/** What the person who asked is told by a message that ends their run. */
export const endPart = (emission: Emission<Message>): Part | undefined => {
  if (emission.tell) return emission.tell;
  const { message, body } = emission;
  if (message === run.refused) {
    const { code, locale, intent } = body as Body<typeof run.refused>;
    return { type: 'refused', code, message: textOf(code, locale), ...(intent ? { intent } : {}) };
  }
  if (message === run.failed) {
    const { code, locale } = body as Body<typeof run.failed>;
    return { type: 'failed', code, message: textOf(code, locale) };
  }
  return message === run.cancelled ? { type: 'cancelled' } : undefined;
};

/** Keeps a message that cannot be processed, with its reason, where an operator finds and replays it. */
export const publishDead = (
  bus: Bus,
  raw: JsMsg,
  hop: string,
  about: { tenant: string; id: string },
  reason: string,
): Promise<Stored> => {
  const original = Object.fromEntries(
    [...(raw.headers ?? [])].map(([name, values]) => [name, values[0] ?? '']),
  );
  delete original[headers.expectedSequence];
  return bus.publish(core.dead(hop, about.tenant || 'unknown', about.id || 'unknown'), raw.string(), {
    ...original,
    [deadHeaders.hop]: hop,
    [deadHeaders.reason]: reason,
    [deadHeaders.subject]: raw.subject,
    [headers.messageId]: bus.messageId('dead', hop, raw.info.stream, raw.seq, raw.info.timestampNanos),
  });
};
