import type { Concept } from './features.ts';
import {
  both,
  type Example,
  elsewhere,
  type Learning,
  labelsOf,
  learn,
  numbers,
  scoresOf,
  vectorOf,
} from './learn.ts';
import { type Scale, sharesOf } from './model.ts';

/** Scores of a text by machines that had not seen it, and what it asks for. */
interface Unseen {
  readonly scores: readonly number[];
  /** Place of its label among the labels; -1 for what is meant by none. */
  readonly wanted: number;
}

const foldCount = 5;

/** Each example is scored by what was learned from four fifths of the others. */
const unseenOf = (
  examples: readonly Example[],
  learning: Learning,
  concepts: readonly Concept[],
): Unseen[] => {
  const labels = labelsOf(examples);
  const below = numbers(2);
  const folds = examples.map(() => below(foldCount));
  return Array.from({ length: foldCount }, (_, fold) => {
    const linear = learn(
      examples.filter((_example, at) => folds[at] !== fold),
      learning,
      concepts,
    );
    return examples
      .filter(({ label }, at) => folds[at] === fold && !label.includes(both))
      .map(({ text, label }) => {
        const scores = scoresOf(vectorOf(text, linear), linear.weights, linear.labels.length);
        return {
          scores: labels.map((one) => scores[linear.labels.indexOf(one)] ?? -1),
          wanted: label === elsewhere ? -1 : labels.indexOf(label),
        };
      });
  }).flat();
};

const steps = (from: number, to: number, by: number): number[] =>
  Array.from({ length: Math.round((to - from) / by) + 1 }, (_, at) => from + at * by);

/** How much of what is asked is taken to mean no intent, whatever the examples hold of it. */
const askedElsewhere = 0.25;

/** The scale under which confidence tells best how often it is right: least log loss on unseen examples. */
export const calibrate = (
  examples: readonly Example[],
  learning: Learning,
  concepts: readonly Concept[] = [],
): Scale => {
  const unseen = unseenOf(examples, learning, concepts);
  const outside = unseen.filter(({ wanted }) => wanted < 0).length;
  const weight = (askedElsewhere / (1 - askedElsewhere)) * ((unseen.length - outside) / Math.max(1, outside));
  const loss = (scale: Scale): number =>
    unseen.reduce((sum, { scores, wanted }) => {
      const shares = sharesOf(scores, scale);
      if (wanted >= 0) return sum - Math.log(Math.max(1e-9, shares[wanted] ?? 0));
      return (
        sum -
        weight *
          Math.log(
            Math.max(
              1e-9,
              shares.reduce((left, share) => left - share, 1),
            ),
          )
      );
    }, 0);
  let best: Scale = { slope: 1, floor: 0 };
  let least = Number.POSITIVE_INFINITY;
  for (const slope of steps(1, 12, 0.5)) {
    for (const floor of steps(-1, 0.6, 0.05)) {
      const found = loss({ slope, floor });
      if (found < least) [best, least] = [{ slope, floor: Math.round(floor * 100) / 100 }, found];
    }
  }
  return best;
};
