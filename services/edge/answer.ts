import { type Code, errorBody, type Locale, textOf } from '@jangada/proto/errors.ts';
import type { LimitFacts } from '@jangada/proto/limit.ts';
import { type End, isEnd, type Part } from '@jangada/proto/reply.ts';
import type { Row, Usage } from '@jangada/proto/run.ts';
import { gatherText } from '@jangada/runtime/stored.ts';

/** A whole answer, for callers that do not want it in pieces. Pure. */

type Answered = Extract<Part, { type: 'answered' }>;

/** What the agent says, in one piece. */
export interface AgentResponse {
  readonly id: string;
  readonly type: 'response' | 'error';
  readonly content: string;
  readonly confidence: number;
  readonly usage: Usage;
  readonly runId: string;
  readonly cached?: boolean;
  readonly degraded?: boolean;
  readonly nextCursor?: string;
  readonly asOf?: string;
  readonly notices?: readonly string[];
  readonly items?: readonly Row[];
  readonly recommendation?: Answered['recommendation'];
  readonly code?: Code;
  readonly message?: string;
  readonly requestId?: string;
  readonly retryable?: boolean;
  readonly field?: string;
}

interface About {
  readonly requestId: string;
  readonly runId: string;
  readonly locale: Locale;
  /** Since the question arrived. */
  readonly elapsedMs: number;
}

/** At least 1, because a client takes 0 for "not measured". */
const wholeMs = (elapsedMs: number): number => Math.max(1, Math.round(elapsedMs));

/** Token counts of the model, and the time that the caller waited. */
export const usageOf = (end: End, elapsedMs: number): Usage => ({
  ...(end.type === 'answered' ? end.usage : { promptTokens: 0, completionTokens: 0, totalTokens: 0 }),
  processingTimeMs: wholeMs(elapsedMs),
});

/** What else is known of a refusal: the field at fault, when to come back, or when it would be possible instead. */
export const besideOf = (
  end: End,
):
  | (Partial<LimitFacts> & { readonly field?: string; readonly alternatives?: readonly string[] })
  | undefined => {
  if (end.type !== 'refused' || !(end.limit || end.field || end.alternatives)) return undefined;
  const { limit, field, alternatives } = end;
  return { ...limit, ...(field ? { field } : {}), ...(alternatives ? { alternatives } : {}) };
};

/** The code of an ending that is no answer. */
export const codeOf = (end: End): Code | undefined => {
  if (end.type === 'answered') return undefined;
  return end.type === 'cancelled' ? 'CANCELLED' : end.code;
};

export const agentResponse = (content: string, end: End, about: About): AgentResponse => {
  const { requestId, runId, locale, elapsedMs } = about;
  const usage = usageOf(end, elapsedMs);
  const code = codeOf(end);
  if (end.type !== 'answered') {
    const error = errorBody(code ?? 'INTERNAL', requestId, locale);
    // A refusal says itself, in the language of the question, what could be asked instead.
    const message = end.type === 'refused' ? end.message : error.message;
    return {
      ...{ id: requestId, type: 'error', content: message, confidence: 0, usage, runId },
      ...error,
      message,
    };
  }
  return { id: requestId, type: 'response', content, usage, runId, ...standingOf(end) };
};

/** How far an answer can be relied on, how old it is and what it lacks. */
export const standingOf = ({
  confidence,
  cached,
  degraded,
  nextCursor,
  asOf,
  notices,
  items,
  recommendation,
  found,
}: Answered) => ({
  confidence,
  cached,
  degraded,
  ...(nextCursor ? { nextCursor } : {}),
  ...(asOf ? { asOf } : {}),
  ...(notices ? { notices } : {}),
  ...(items ? { items } : {}),
  ...(recommendation ? { recommendation } : {}),
  ...(found === undefined ? {} : { found }),
});

/** Follows a run to its end. Undefined when nobody listens any more. */
export const wholeAnswer = async (
  run: AsyncIterable<{ readonly parts: readonly Part[] }>,
): Promise<{ content: string; end: End } | undefined> => {
  const gathered = gatherText();
  for await (const { parts } of run) {
    for (const part of parts) {
      if (isEnd(part)) return { content: gathered.text(), end: part };
      gathered.add(part);
    }
  }
  return undefined;
};

/** The ending that a refusal before the run amounts to. */
export const endOf = (code: Code, locale: Locale): End => ({
  type: 'refused',
  code,
  message: textOf(code, locale),
});
