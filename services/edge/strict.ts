import { type Event, EventType } from '@ag-ui/core';
import { type Code, type Locale, textOf } from '@jangada/proto/errors.ts';
import type { Loss } from './downgrade.ts';
import { isTerminal, openVerifier, type Rule } from './verify.ts';

/** Events that leave together. */
export interface Group {
  readonly events: readonly Event[];
  /** False for a word of this edge alone, which no other replica would tell. */
  readonly placed: boolean;
}

/** What is noticed while a run is told. */
export interface Notices {
  /** Something did not leave because of this rule. */
  violated(rule: Rule): void;
  /** Something left as less than it was, for an older client. */
  downgraded(loss: Loss): void;
  /** Telling failed, which whoever reads is told as this code. */
  failed(error: unknown): Code;
}

/** What a stream needs to know of its reader. */
export interface Reader extends Notices {
  readonly locale: Locale;
  /** True when the reader stopped it: then there is nobody left to tell an end. */
  stopped(): boolean;
}

/**
 * Lets leave only what keeps the rules. What is open is closed before the end; what breaks a rule ends the stream with
 * `PROTOCOL` in its place; and whatever happens, whoever still reads gets exactly one terminal event, the last.
 */
export async function* strict(groups: AsyncIterable<Group>, reader: Reader): AsyncGenerator<Group> {
  const verifier = openVerifier();
  const lastWord = (code: Code): Group => {
    const error = errorOf(code, reader.locale);
    return { events: [...verifier.close(error), error], placed: false };
  };
  try {
    for await (const { events, placed } of groups) {
      const leaving: Event[] = [];
      for (const event of events) {
        if (isTerminal(event)) leaving.push(...verifier.close(event));
        const rule = verifier.refuse(event);
        if (rule) {
          reader.violated(rule);
          yield { events: leaving, placed };
          yield lastWord('PROTOCOL');
          return;
        }
        leaving.push(event);
        if (verifier.over()) break;
      }
      yield { events: leaving, placed };
      if (verifier.over()) return;
    }
  } catch (error) {
    yield lastWord(reader.failed(error));
    return;
  }
  if (reader.stopped()) return;
  reader.violated('truncated');
  yield lastWord('PROTOCOL');
}

/** A stream that ends before it begins: the one event it has, or `PROTOCOL` in its place. */
export const strictly = (event: Event, { violated, locale }: Pick<Reader, 'violated' | 'locale'>): Event => {
  const rule = openVerifier().refuse(event);
  if (!rule) return event;
  violated(rule);
  return errorOf('PROTOCOL', locale);
};

const errorOf = (code: Code, locale: Locale): Event => ({
  type: EventType.RUN_ERROR,
  message: textOf(code, locale),
  code,
});
