import { Unprocessable } from '@jangada/hop/outcome.ts';
import { headerMaxBytes, headers } from '@jangada/proto/envelope.ts';
import {
  type Body,
  type Head,
  isScheduleOf,
  type Message,
  partsOf,
  subjectOf,
} from '@jangada/proto/message.ts';
import type { Bodies, Place } from '@jangada/trust/body.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';

/** A message as it arrived: who speaks is verified, the body is not parsed yet. */
export interface Heard<M extends Message = Message> {
  readonly message: M;
  readonly tenant: string;
  /** The run, or the id of what else the message is about. Empty for a tick. */
  readonly id: string;
  /** Present where the message carries one. */
  readonly pass: Pass | undefined;
  readonly traceparent: string | undefined;
  /** Sequence in its stream, and when the broker stored it. */
  readonly sequence: number;
  readonly storedAt: Date;
  /** 1 for the first delivery. */
  readonly delivery: number;
  /** For a tick: the schedule that fired it. */
  readonly schedule: string | undefined;
}

/** What the broker brings, live or from a stream. */
export interface Wire {
  readonly headers?: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** How a pass is believed: by its signature, and in this deployment only. */
export interface Trusted {
  readonly readPass: (statement: string) => Pass;
  readonly env: string;
}

/** Headers that are verified or parsed, and so must not be of any length. */
const bounded = [headers.pass, headers.grant, headers.head] as const;

/** Which of the messages it is, by its subject. */
export const messageOf = (raw: JsMsg, candidates: readonly Message[]): Message | undefined =>
  candidates.find((message) => partsOf(message, raw.subject));

/**
 * Verifies before anything is parsed: the pass, that the subject names the same tenant and run, and that a tick is of its schedule.
 * @throws Unprocessable PAYLOAD_TOO_LARGE, CTX_INVALID
 */
export const hear = (raw: JsMsg, candidates: readonly Message[], { readPass, env }: Trusted): Heard => {
  for (const name of bounded)
    if ((raw.headers?.get(name).length ?? 0) > headerMaxBytes)
      throw new Unprocessable('PAYLOAD_TOO_LARGE', `the header ${name} is too long`);
  const message = messageOf(raw, candidates);
  const parts = message && partsOf(message, raw.subject);
  if (!parts) throw new Unprocessable('MSG_POISON', 'the subject is not one this consumer knows');
  const statement = raw.headers?.get(headers.pass);
  if (message.passed && !statement) throw new Unprocessable('CTX_INVALID', 'the pass is missing');
  const pass = statement ? readPass(statement) : undefined;
  if (pass && pass.env !== env) throw new Unprocessable('CTX_INVALID', 'the pass is for another deployment');
  if (pass && (pass.tid !== parts.tenant || (parts.id !== undefined && pass.rid !== parts.id))) {
    throw new Unprocessable('CTX_INVALID', 'the pass is for another tenant or run');
  }
  const schedule = raw.headers?.get('Nats-Scheduler') || undefined;
  // Who may write schedules of one kind could have one fire the tick of another. The broker lets nobody else name one.
  if (schedule !== undefined && message.kind === 'tick' && !isScheduleOf(message, parts.tenant, schedule))
    throw new Unprocessable('CTX_INVALID', 'the tick is not of the schedule that it names');
  return {
    message,
    tenant: parts.tenant,
    id: parts.id ?? pass?.rid ?? '',
    pass,
    traceparent: raw.headers?.get('traceparent') || undefined,
    sequence: raw.seq,
    storedAt: new Date(raw.info.timestampNanos / 1e6),
    delivery: raw.info.deliveryCount,
    schedule,
  };
};

/** Where a message's body belongs, by its subject and by what its headers say. */
export const placeOf = (
  message: Message,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  raw: Wire,
): Place => ({
  subject: subjectOf(message, tenant, id),
  tenant,
  id,
  message: message.name,
  version: raw.headers?.get(headers.schema) ?? '',
  head: raw.headers?.get(headers.head) ?? '',
});

/**
 * The body of a message, opened in its place.
 * @throws Unprocessable CTX_PAYLOAD_MISMATCH for one that does not belong there; MSG_POISON naming the paths that are
 * wrong, never their values
 */
export const bodyOf = <M extends Message>(
  message: M,
  about: { readonly tenant: string; readonly id: string },
  raw: Wire,
  bodies: Bodies,
): Body<M> => {
  const bytes = message.sealed ? bodies.open(placeOf(message, about, raw), raw.data) : Buffer.from(raw.data);
  return parsed(message.body, bytes.toString(), `the body does not match ${message.name}`) as Body<M>;
};

/** What a message says to those who hold no key. @throws Unprocessable MSG_POISON */
export const headOf = <M extends Message>(message: M, raw: Wire): Head<M> => {
  const text = message.sealed ? (raw.headers?.get(headers.head) ?? '') : Buffer.from(raw.data).toString();
  const what = `the ${message.sealed ? 'head' : 'body'} does not match ${message.name}`;
  return parsed(message.head, text, what) as Head<M>;
};

/** JSON of a shape. `what` says what is wrong where it is none. @throws Unprocessable MSG_POISON */
export const parsed = (shape: Message['body'], text: string, what: string): unknown => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Unprocessable('MSG_POISON', `${what}: it is not JSON`);
  }
  const read = shape.safeParse(json);
  if (read.success) return read.data;
  // Of a body that may have several shapes, what is wrong with each.
  const issues = read.error.issues.flatMap((issue) =>
    issue.code === 'invalid_union' && issue.path.length === 0 && issue.errors.length > 0
      ? issue.errors.flat()
      : [issue],
  );
  const paths = issues.map((issue) => `${issue.path.join('.') || 'body'} ${issue.code}`);
  throw new Unprocessable('MSG_POISON', `${what}: ${paths.join(', ')}`);
};
