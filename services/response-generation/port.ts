import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Prompt } from './prompt.ts';

/**
 * The model port. A model is told the granted rows and nothing else; the question is data in the user's part,
 * never in the instructions. It has no tools, and what it says is text and nothing else.
 */
export interface Model {
  /** Begins to tell; resolves with the first words, so that what fails before them can be told otherwise. */
  begin(prompt: Prompt, signal: AbortSignal): Promise<Telling>;
  ping(signal: AbortSignal): Promise<void>;
}

export interface Telling {
  /** Text as it is generated, until the signal ends it. @throws Unavailable when the stream breaks */
  text(signal: AbortSignal): AsyncIterable<string>;
  /** Known once the text has ended. */
  usage(): Promise<Tokens>;
}

export interface Tokens {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A model that began to tell and said nothing more for too long. */
export class Silent extends Unavailable {
  constructor() {
    super('model');
  }
}
