import { Unavailable } from '@jangada/hop/outcome.ts';
import { headersOf } from '@jangada/limits/verdict.ts';
import { type Code, faults, type Locale } from '@jangada/proto/errors.ts';
import type { LimitFacts } from '@jangada/proto/limit.ts';
import { limitReached, Refused } from '@jangada/runtime/bus.ts';
import { isTransient } from '@jangada/runtime/resilience.ts';

/** What a caller is told instead of an answer, over every transport alike. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: Code;
  readonly locale: Locale;
  /** The run under which audit keeps the refusal, where it does. */
  readonly run: string | undefined;
  /** The path of the field that is at fault, where one is. Never what was in it. */
  readonly field: string | undefined;
  /** What the limits said, where they refused. */
  readonly limit: LimitFacts | undefined;

  constructor(code: Code, about: { locale?: Locale; run?: string; field?: string; limit?: LimitFacts } = {}) {
    super(code);
    this.code = code;
    this.locale = about.locale ?? 'en';
    this.run = about.run;
    this.field = about.field;
    this.limit = about.limit;
  }
}

/** When to come back, as HTTP says it; nothing for what will not change. */
export const retryHeaders = ({ code, limit }: Refusal): Readonly<Record<string, string>> => {
  const { status, retryable } = faults[code];
  if (limit) return headersOf(limit);
  return retryable && status !== 401 ? { 'retry-after': '1' } : {};
};

/** Whatever was thrown, as something that may be said; undefined for a fault of ours, which belongs in the log. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (error instanceof Refusal) return error;
  if (error instanceof Unavailable || isTransient(error)) return new Refusal('UPSTREAM_UNAVAILABLE');
  if (error instanceof Refused && error.code === limitReached) return new Refusal('OVERLOADED');
  if (!(error instanceof Error && 'statusCode' in error)) return undefined;
  if (error.statusCode === 413) return new Refusal('PAYLOAD_TOO_LARGE');
  return Number(error.statusCode) < 500 ? new Refusal('INPUT_INVALID') : undefined;
};
