import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Code, Locale } from '@jangada/proto/errors.ts';
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

  constructor(code: Code, about: { locale?: Locale; run?: string; field?: string } = {}) {
    super(code);
    this.code = code;
    this.locale = about.locale ?? 'en';
    this.run = about.run;
    this.field = about.field;
  }
}

/** Whatever was thrown, as something that may be said; undefined for a fault of ours, which belongs in the log. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (error instanceof Refusal) return error;
  if (error instanceof Unavailable || isTransient(error)) return new Refusal('UPSTREAM_UNAVAILABLE');
  if (error instanceof Refused && error.code === limitReached) return new Refusal('OVERLOADED');
  if (!(error instanceof Error && 'statusCode' in error)) return undefined;
  if (error.statusCode === 413) return new Refusal('PAYLOAD_TOO_LARGE');
  return Number(error.statusCode) < 500 ? new Refusal('INPUT_INVALID') : undefined;
};
