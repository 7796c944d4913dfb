import { type Example, type Learning, type Linear, learn, scoresOf, vectorOf } from '@jangada/nlu/learn.ts';
import { words } from '@jangada/nlu/text.ts';

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

/** What was learned of a set's own labels, with the machines that the packs' models are made of. */
export interface Learned {
  readonly linear: Linear;
  readonly words: ReadonlySet<string>;
}

export const learned = (examples: readonly Example[], learning: Learning): Learned => ({
  linear: learn(examples, learning),
  words: new Set(examples.flatMap(({ text }) => words(text))),
});

const scores = ({ linear }: Learned, text: string): readonly number[] => [
  ...scoresOf(vectorOf(text, linear), linear.weights, linear.labels.length),
];

/** How sure it is that a text has to do with any of the labels. */
export interface Scope {
  /** Scores are summed as powers of e^slope, as confidence sums them. */
  readonly slope: number;
  /** What a text loses of whose words none was learned from. Names would be such words; these sets have hardly any. */
  readonly strange: number;
}

const scopes: readonly Scope[] = [4, 6, 8, 10, 12].flatMap((slope) =>
  [0, 0.25, 0.5, 0.75, 1].map((strange) => ({ slope, strange })),
);

/** What is asked of a text whatever the scope. */
export interface Look {
  readonly scores: readonly number[];
  /** The part of its words that none was learned from. */
  readonly unknown: number;
}

export const looksOf = (by: Learned, examples: readonly Example[]): Look[] =>
  examples.map(({ text }) => {
    const list = words(text);
    const unknown = list.filter((word) => !by.words.has(word)).length / Math.max(1, list.length);
    return { scores: scores(by, text), unknown };
  });

export const within = ({ scores, unknown }: Look, { slope, strange }: Scope): number => {
  const sum = scores.reduce((all, score) => all + Math.exp(slope * score), 0);
  return Math.log(sum) / slope - strange * unknown;
};

/** By which, and below which value, most of what is outside is refused, with such a part of what is inside. */
export const scopeOf = ({
  inside,
  outside,
  part,
}: {
  inside: readonly Look[];
  outside: readonly Look[];
  part: number;
}): { scope: Scope; least: number } => {
  const tried = scopes.map((scope) => {
    const least = quantile(
      inside.map((look) => within(look, scope)),
      part,
    );
    return { scope, least, refused: outside.filter((look) => within(look, scope) < least).length };
  });
  return tried.reduce((best, one) => (one.refused > best.refused ? one : best));
};

const guessed = (by: Learned, text: string): string | undefined => {
  const list = scores(by, text);
  return by.linear.labels[list.indexOf(Math.max(...list))];
};

export const accuracyOf = (by: Learned, test: readonly Example[]): Share =>
  shareOf(test.filter(({ text, label }) => guessed(by, text) === label).length, test.length);

/** The value below which such a part of the others lies. */
export const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((one, other) => one - other)[
    Math.min(values.length - 1, Math.floor(part * values.length))
  ] ?? 0;
