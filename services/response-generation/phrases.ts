import { type Token, tokensOf } from './tokens.ts';

/** What an answer may say, as phrases of tokens, and how much of a text one of them covers. */
export interface Phrases {
  /** The longest phrase that a text has at one place; undefined where it has none. */
  at(tokens: readonly Token[], place: number): Covered | undefined;
}

export interface Covered {
  readonly length: number;
  /** True where the phrase stands there from its first token to its last. */
  readonly isWhole: boolean;
  readonly kind: Phrase['kind'];
}

/**
 * A `text` is as somebody wrote it, and parts of it may stand alone, such as a first name. A date or a figure is said as a
 * whole or not at all, and stands here as the keys of its tokens with a space between.
 */
export interface Phrase {
  readonly text: string;
  readonly kind: 'text' | 'date' | 'figure';
}

/** Tokens that a date or a figure has at most: "20 de novembro de 2026", "20 th of november 2026". */
const longest = 6;

export const phrasesOf = (phrases: Iterable<Phrase>): Phrases => {
  const wholes = new Map<string, Phrase['kind']>();
  const texts = new Set<string>();
  const places = new Map<string, Place[]>();
  const learn = (text: string): void => {
    if (texts.has(text)) return;
    texts.add(text);
    const known = tokensOf(text.normalize('NFKC'));
    for (const [start, { key }] of known.entries()) {
      if (isInseparable(known, start)) continue;
      const there = places.get(key);
      if (there) there.push({ known, start });
      else places.set(key, [{ known, start }]);
    }
  };
  for (const { text, kind } of phrases) {
    if (kind === 'text') learn(text);
    else wholes.set(text, kind);
  }

  const wholeAt = (tokens: readonly Token[], place: number): Covered | undefined => {
    for (let length = longest; length > 0; length--) {
      const keys = tokens.slice(place, place + length).map(({ key }) => key);
      const kind = keys.length === length && wholes.get(keys.join(' '));
      if (kind) return { length, isWhole: true, kind };
    }
    return undefined;
  };

  return {
    at: (tokens, place) => {
      let most = wholeAt(tokens, place);
      for (const { known, start } of places.get(tokens[place]?.key ?? '') ?? []) {
        const covered = coveredBy(known, start, tokens, place);
        if (covered && isMore(covered, most)) most = covered;
      }
      return most;
    },
  };
};

interface Place {
  readonly known: readonly Token[];
  readonly start: number;
}

const isMore = (covered: Covered, than: Covered | undefined): boolean =>
  !than ||
  covered.length > than.length ||
  (covered.length === than.length && covered.isWhole && !than.isWhole);

const coveredBy = (
  known: readonly Token[],
  start: number,
  tokens: readonly Token[],
  place: number,
): Covered | undefined => {
  let length = 0;
  while (known[start + length] && known[start + length]?.key === tokens[place + length]?.key) length++;
  while (length > 0 && isInseparable(known, start + length)) length--;
  return length > 0 ? { length, isWhole: start === 0 && length === known.length, kind: 'text' } : undefined;
};

/** Between two figures, as in a telephone number, and beside a sign: what stands there is not said without the other. */
const isInseparable = (tokens: readonly Token[], place: number): boolean => {
  const [before, after] = [tokens[place - 1]?.kind, tokens[place]?.kind];
  if (!before || !after) return false;
  return before === 'sign' || after === 'sign' || (before === 'figure' && after === 'figure');
};
