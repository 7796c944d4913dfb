import type { Refusal } from './frames.ts';

/**
 * A run that did not begin, or another question to the edge that it did not answer. `status` and `payload` are where
 * `HttpAgent` has them, so whoever handles its errors handles these.
 */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** One of deploy/generated/errors.md. */
  readonly code: string;
  readonly payload: Refusal;

  constructor(payload: Refusal) {
    super(`${payload.code}: ${payload.message}`);
    this.status = payload.status;
    this.code = payload.code;
    this.payload = payload;
  }
}
