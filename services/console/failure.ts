import { type Code, faults } from '@jangada/proto/errors.ts';
import type { Language } from './preferences.ts';

/** What the edge said instead of an answer, or that nobody answered. */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** `NETWORK` is ours: no answer came at all. */
  readonly code: Code | 'NETWORK';
  /** What names the request in the logs. */
  readonly requestId: string | undefined;
  /** When to come back, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(code: Code | 'NETWORK', about: { requestId?: string; retryAfter?: number } = {}) {
    super(code);
    this.code = code;
    this.requestId = about.requestId;
    this.retryAfter = about.retryAfter;
  }
}

const isCode = (code: unknown): code is Code => typeof code === 'string' && Object.hasOwn(faults, code);

/** An error body as the edge writes it; whatever else came is a fault of ours. */
export const failureOf = (body: unknown, retryAfter?: string | null): Failure => {
  const { code, requestId } = (typeof body === 'object' && body !== null ? body : {}) as {
    code?: unknown;
    requestId?: unknown;
  };
  const seconds = Number(retryAfter ?? Number.NaN);
  return new Failure(isCode(code) ? code : 'INTERNAL', {
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(Number.isFinite(seconds) ? { retryAfter: seconds } : {}),
  });
};

export const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure('INTERNAL');

/** What a code says in a language, as the catalogue has it. */
export const textOf = (code: string, language: Language, otherwise: string): string =>
  isCode(code) ? faults[code].text[language] : otherwise;
