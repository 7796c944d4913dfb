import { type Code, faults, hintsOf, type Locale, textOf } from '@jangada/proto/errors.ts';
import { type End, isEnd, type Part } from '@jangada/proto/reply.ts';
import { gatherText } from '@jangada/runtime/stored.ts';
import { z } from 'zod';
import type { Question } from './admission.ts';
import { besideOf, standingOf, usageOf } from './answer.ts';
import { type Condition, noticesOf } from './conditions.ts';
import type { Identity } from './identity.ts';
import { type Judgement, judgement } from './judgement.ts';
import { advancing } from './progress.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/** The `AguiMessage` dialect: its messages as questions, and what a run tells as its messages. Pure. */

const messageTypes = [
  'query',
  'response',
  'streaming_chunk',
  'error',
  'status',
  'feedback',
  'context_update',
  'session_update',
] as const;
export type MessageType = (typeof messageTypes)[number];

const metadata = z.strictObject({
  userId: z.string().optional(),
  clientId: z.string().optional(),
  tenantId: z.string().optional(),
  requestId: z.string().optional(),
  version: z.string().optional(),
  compression: z.enum(['gzip', 'none']).optional(),
  encryption: z.boolean().optional(),
  auditTrail: z.string().optional(),
});

/** A message as it comes in. Its type is looked at later, because an unknown one has an answer of its own. */
const inbound = z.strictObject({
  id: z.string().min(1).max(200),
  type: z.string().min(1).max(40),
  timestamp: z.iso.datetime({ offset: true }),
  sessionId: z.string().min(1).max(200),
  /** Text where it is compressed. */
  payload: z.union([z.record(z.string(), z.unknown()), z.string()]),
  metadata: metadata.optional(),
});
type Received = z.output<typeof inbound>;

/** A message out of its wrapping. */
export interface Inbound extends Omit<Received, 'payload'> {
  readonly payload: Readonly<Record<string, unknown>>;
}

/** @throws Refusal INVALID_MESSAGE for a field that is missing or malformed, INPUT_INVALID for one too many */
export const readMessage = (frame: unknown): Received => {
  const message = shaped(inbound, frame, 'INVALID_MESSAGE');
  const { payload, metadata } = message;
  if (typeof payload === 'string' && metadata?.compression !== 'gzip')
    throw new Refusal('INVALID_MESSAGE', { field: 'payload' });
  return message;
};

const supportedVersion = /^1(\.\d+)*$/;

/** What is wrong with a message before anything is done with it. */
export const faultOf = ({ metadata }: Pick<Received, 'metadata'>, subject: string): Code | undefined => {
  if (metadata?.version !== undefined && !supportedVersion.test(metadata.version))
    return 'UNSUPPORTED_VERSION';
  if (metadata?.userId !== undefined && metadata.userId !== subject) return 'SESSION_MISMATCH';
  return undefined;
};

const queryPayload = z.strictObject({
  query: z.string(),
  cursor: z.string().optional(),
  purpose: z.string().optional(),
  tenantId: z.string().optional(),
  steps: z.boolean().default(false),
  state: z.boolean().default(false),
  activity: z.boolean().default(false),
});

/** The question of a `query`. @throws Refusal when its payload is none */
export const questionOf = ({ id, sessionId, payload, metadata }: Inbound): Question => {
  const data = shaped(queryPayload, payload, 'INVALID_MESSAGE');
  return {
    text: data.query,
    run: id,
    session: sessionId,
    subjectId: metadata?.clientId,
    cursor: data.cursor,
    purpose: data.purpose,
    tenant: metadata?.tenantId ?? data.tenantId,
    steps: data.steps || undefined,
    state: data.state || undefined,
    activity: data.activity || undefined,
  };
};

/** How the system does, with what those who are connected have to know of it. */
export const conditionSaid = ({ state, checks }: Condition, locale: Locale): Said => ({
  type: 'status',
  payload: { state, checks, notices: noticesOf(checks, locale) },
});

/** What of the session changes by itself: until when the caller is let in. */
export const sessionSaid = ({ session, role, expiresAt }: Identity): Said => ({
  type: 'session_update',
  payload: { session, role, expiresAt: new Date(expiresAt).toISOString() },
});

const name = z.string().min(1).max(200).optional();
const feedbackPayload = judgement.extend({ runId: name, requestId: name, responseId: name, messageId: name });

/**
 * What a `feedback` says, and of which run, by any name under which its answer went out: the run's own, the question's,
 * or that of the response or of a chunk. @throws Refusal when its payload is none
 */
export const judgementOf = ({ payload }: Inbound): Judgement => {
  const { rating, comment, ...names } = shaped(feedbackPayload, payload, 'INVALID_MESSAGE');
  const run = names.runId ?? names.requestId ?? names.responseId ?? names.messageId?.replace(/-\d+$/, '');
  if (run === undefined) throw new Refusal('INVALID_MESSAGE', { field: 'runId' });
  return { run, rating, comment };
};

/** A message on its way out, without its envelope. */
export interface Said {
  /** What it is called, where that is not left to chance. */
  readonly id?: string;
  readonly type: MessageType;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** `beside` is what else is known of it: the field at fault, or when to come back. */
export const errorSaid = (code: Code, message: string, beside: Said['payload'] = {}): Said => ({
  type: 'error',
  payload: { code, message, retryable: faults[code].retryable, ...hintsOf(code), ...beside },
});

/** The messages of one run, by the parts of its replies. `elapsedMs` is since the question. */
export const seedTelling = (run: string, locale: Locale) => {
  const gathered = gatherText();
  const progress = advancing(run);
  let latest = 0;
  let seq = 0;

  const chunk = (part: Extract<Part, { type: 'text' }>): Said[] => {
    if (part.attempt < latest || part.text === '') return [];
    if (part.attempt > latest) seq = 0;
    latest = part.attempt;
    gathered.add(part);
    return [
      { type: 'streaming_chunk', payload: { messageId: `${run}-${latest}`, delta: part.text, seq: seq++ } },
    ];
  };

  const advance = (part: Exclude<Part, End>): Said[] => {
    if (part.type === 'step')
      return [{ type: 'status', payload: { state: 'running', runId: run, step: part.hop } }];
    if (part.type === 'text' || progress.tell(part).length === 0) return [];
    if (part.type === 'state')
      return [{ type: 'context_update', payload: { runId: run, state: progress.state() } }];
    const { status: state, ...read } = progress.activity()?.content ?? {};
    return [{ type: 'status', payload: { state, runId: run, ...read } }];
  };

  const ending = (part: End, elapsedMs: number): Said[] => {
    const usage = usageOf(part, elapsedMs);
    // The response is called as its run is, so that whoever judges it later can name it anywhere.
    const response = (payload: Said['payload']): Said => ({ id: run, type: 'response', payload });
    if (part.type === 'answered') {
      const { intent, entities = [] } = part;
      const understood: Said = { type: 'context_update', payload: { runId: run, intent, entities } };
      const answer = { content: gathered.text(), usage, outcome: 'success', ...standingOf(part) };
      return [...(entities.length > 0 ? [understood] : []), response(answer)];
    }
    if (part.type !== 'cancelled') return [errorSaid(part.code, part.message, besideOf(part))];
    const content = textOf('CANCELLED', locale);
    const none = { confidence: 0, cached: false, degraded: false };
    return [response({ content, usage, outcome: 'cancelled', ...none })];
  };

  return {
    start: (): Said => ({ type: 'status', payload: { state: 'started', runId: run } }),
    tell: (parts: readonly Part[], elapsedMs: number): Said[] =>
      parts.flatMap((part) => {
        if (isEnd(part)) return ending(part, elapsedMs);
        return part.type === 'text' ? chunk(part) : advance(part);
      }),
  };
};

/** Puts a message into its envelope. Every answer to a query names it in `metadata.requestId`. */
export const envelope = (
  said: Said,
  about: {
    sessionId: string;
    userId: string;
    requestId?: string | undefined;
    auditTrail?: string | undefined;
  },
) => ({
  id: said.id ?? crypto.randomUUID(),
  type: said.type,
  timestamp: new Date().toISOString(),
  sessionId: about.sessionId,
  payload: said.payload,
  metadata: {
    userId: about.userId,
    ...(about.requestId ? { requestId: about.requestId } : {}),
    version: '1.0',
    ...(about.auditTrail ? { auditTrail: about.auditTrail } : {}),
  },
});
