import { type Example, type Learning, labelsOf, learn, scoresOf, vectorOf } from '@jangada/nlu/learn.ts';

/** So many of so many, with the bounds between which the true share is, 19 times of 20 (Wilson, 1927). */
export interface Share {
  readonly right: number;
  readonly of: number;
  readonly share: number;
  readonly from: number;
  readonly to: number;
}

export const shareOf = (right: number, of: number): Share => {
  const z = 1.959964;
  const share = of === 0 ? 0 : right / of;
  const middle = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return of === 0
    ? { right, of, share, from: 0, to: 1 }
    : { right, of, share, from: Math.max(0, middle - half), to: Math.min(1, middle + half) };
};

/** What was taken to be meant, and how high it scored. */
interface Guess {
  readonly label: string;
  readonly score: number;
}

/** What is learned of a set's own labels, with the machines that the packs' models are made of. */
export const guesser = (examples: readonly Example[], learning: Learning): ((text: string) => Guess) => {
  const linear = learn(examples, learning);
  const labels = labelsOf(examples);
  return (text) => {
    const scores = scoresOf(vectorOf(text, linear), linear.weights, labels.length);
    let best = 0;
    for (let at = 1; at < scores.length; at += 1) if ((scores[at] ?? 0) > (scores[best] ?? 0)) best = at;
    return { label: labels[best] ?? '', score: scores[best] ?? 0 };
  };
};

export const accuracyOf = (guess: (text: string) => Guess, test: readonly Example[]): Share =>
  shareOf(test.filter(({ text, label }) => guess(text).label === label).length, test.length);

/** The value below which such a part of the others lies. */
export const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((one, other) => one - other)[
    Math.min(values.length - 1, Math.floor(part * values.length))
  ] ?? 0;
