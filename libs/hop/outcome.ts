import type { Code } from '@jangada/proto/errors.ts';

/**
 * The two kinds of exception a runtime can act on. An expected outcome is neither: it is a message.
 * Their texts are for logs and dead letters and hold no data of a person.
 */

/** Try again: a dependency is away or slow. The message is delivered again later; nothing is lost. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly dependency: string;

  constructor(dependency: string, cause?: unknown) {
    super(`${dependency} is not available`, { cause });
    this.dependency = dependency;
  }
}

/** Never again: this message cannot be processed, now or later. It becomes a dead letter with the code. */
export class Unprocessable extends Error {
  override readonly name = 'Unprocessable';
  readonly code: Code;

  constructor(code: Code, reason: string, cause?: unknown) {
    super(reason, { cause });
    this.code = code;
  }
}
