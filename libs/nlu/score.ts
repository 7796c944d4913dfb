import { words } from './text.ts';

/** A phrase that speaks for an intent, folded; a trailing `*` lets its last word go on: `agend*`. */
export interface Cue {
  readonly words: string;
  /** How much the phrase alone convinces, 0 < weight < 1. */
  readonly weight: number;
}

export interface Intent {
  readonly name: string;
  readonly cues: readonly Cue[];
}

export interface Ranked<I extends Intent> {
  readonly intent: I;
  /** 0 to 1. */
  readonly score: number;
}

/** A question is understood when its best score is above this; a score equal to it is refused. */
export const threshold = 0.7;

const says = (phrase: string, sought: string): boolean =>
  phrase.includes(sought.endsWith('*') ? ` ${sought.slice(0, -1)}` : ` ${sought} `);

const phraseOf = (text: string): string => ` ${words(text).join(' ')} `;

/** True when the text says one of the phrases, written as those of a cue. */
export const mentions = (text: string, phrases: readonly string[]): boolean => {
  const phrase = phraseOf(text);
  return phrases.some((sought) => says(phrase, sought));
};

/**
 * score = 1 − Π(1 − weight) over the distinct cues found (noisy-or): each cue is independent evidence, so the order
 * and the number of cues an intent declares do not matter, and no sum of doubts makes certainty.
 */
function score(phrase: string, cues: readonly Cue[]): number {
  const found = new Map<string, number>();
  for (const { words, weight } of cues) if (says(phrase, words)) found.set(words, weight);
  let doubt = 1;
  for (const weight of found.values()) doubt *= 1 - weight;
  // Six decimals: 0.7 made of 0.25 and 0.6 must be the same number as 0.7 itself, or the threshold would leak.
  return Math.round((1 - doubt) * 1e6) / 1e6;
}

/** Every intent with its score for the text, best first; equal scores keep the order given. */
export function classify<I extends Intent>(text: string, intents: readonly I[]): Ranked<I>[] {
  const phrase = phraseOf(text);
  return intents
    .map((intent) => ({ intent, score: score(phrase, intent.cues) }))
    .sort((one, other) => other.score - one.score);
}
