import { type Model, rank } from './model.ts';

/** A question is understood when what it means is surer than this; one that is as sure is not. */
export const threshold = 0.7;

/** What the second likeliest meaning has at least where the two cannot be told apart. */
const closeFrom = 0.2;

/** From here on both are meant. High, because who meant one thing and is asked back is put off for nothing. */
const meantToo = 0.9;

export type Meaning =
  | { readonly kind: 'clear'; readonly label: string; readonly confidence: number }
  /** One of two or both, and whoever asked has to say which. */
  | { readonly kind: 'unclear'; readonly labels: readonly [string, string] }
  | { readonly kind: 'none' };

/** What a question means, or between which two it cannot be told; a guess is never made. */
export const meaningOf = (model: Model, text: string): Meaning => {
  const [first, second] = rank(model, text);
  if (!first) return { kind: 'none' };
  if (second) {
    const isClose = second.confidence >= closeFrom && first.confidence <= threshold;
    if ((isClose && first.confidence + second.confidence > threshold) || second.alone > meantToo)
      return { kind: 'unclear', labels: [first.label, second.label] };
  }
  return first.confidence > threshold
    ? { kind: 'clear', label: first.label, confidence: first.confidence }
    : { kind: 'none' };
};
