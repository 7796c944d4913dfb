import { Unprocessable } from '@jangada/hop/outcome.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, partsOf } from '@jangada/proto/message.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { JsMsg } from '@nats-io/jetstream';

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

/**
 * Verifies before anything is parsed: the pass, and that the subject names the same tenant and run.
 * @throws Unprocessable CTX_INVALID
 */
export const hear = (
  raw: JsMsg,
  candidates: readonly Message[],
  readPass: (statement: string) => Pass,
): Heard => {
  for (const message of candidates) {
    const parts = partsOf(message, raw.subject);
    if (!parts) continue;
    const statement = raw.headers?.get(headers.pass);
    if (message.passed && !statement) throw new Unprocessable('CTX_INVALID', 'the pass is missing');
    const pass = statement ? readPass(statement) : undefined;
    if (pass && (pass.tid !== parts.tenant || (parts.id !== undefined && pass.rid !== parts.id))) {
      throw new Unprocessable('CTX_INVALID', 'the pass is for another tenant or run');
    }
    return {
      message,
      tenant: parts.tenant,
      id: parts.id ?? pass?.rid ?? '',
      pass,
      traceparent: raw.headers?.get('traceparent') || undefined,
      sequence: raw.seq,
      storedAt: new Date(raw.info.timestampNanos / 1e6),
      delivery: raw.info.deliveryCount,
      schedule: raw.headers?.get('Nats-Scheduler') || undefined,
    };
  }
  throw new Unprocessable('MSG_POISON', 'the subject is not one this consumer knows');
};

/** @throws Unprocessable MSG_POISON naming the paths that are wrong, never their values */
export const bodyOf = <M extends Message>(message: M, raw: JsMsg): Body<M> => {
  let json: unknown;
  try {
    json = raw.json();
  } catch {
    throw new Unprocessable('MSG_POISON', 'the body is not JSON');
  }
  const parsed = message.body.safeParse(json);
  if (parsed.success) return parsed.data as Body<M>;
  const paths = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'} ${issue.code}`);
  throw new Unprocessable('MSG_POISON', `the body does not match ${message.name}: ${paths.join(', ')}`);
};
