import { createHash } from 'node:crypto';
import { type Concept, featuresOf } from '@jangada/nlu/features.ts';
import { mentions } from '@jangada/nlu/phrases.ts';
import { functionWords, words } from '@jangada/nlu/text.ts';
import { directed } from './vectors.ts';

/**
 * Vectors of texts without a model: words, pairs of words and letters within words, each added to a few of the vector's
 * numbers, and what a pack says means the same. Repeatable bit for bit, and nothing is downloaded or sent anywhere.
 */

const bits = 18;
/** Shorter runs of letters are in every text. */
const letters = { least: 3, most: 5 };
const conceptWeight = 14;
/** Numbers that one feature is added to: the more, the less two that share one are taken for each other. */
const spread = 2;

const mix = (value: number): number => {
  let hash = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** Names what makes vectors comparable with each other: this code, their length, and the pack's concepts. */
export const localSpace = (dimensions: number, concepts: readonly Concept[]): string => {
  const hash = createHash('sha256').update(JSON.stringify(concepts)).digest('hex').slice(0, 12);
  return `local-1:${dimensions}:${hash}`;
};

const held = new Set([...functionWords['pt-BR'], ...functionWords.en]);

/** The words of a text that say something, folded. */
export const contentWords = (text: string): string[] => words(text).filter((word) => !held.has(word));

export const embedLocally = (
  text: string,
  { dimensions, concepts }: { readonly dimensions: number; readonly concepts: readonly Concept[] },
): Float32Array => {
  const vector = new Float32Array(dimensions);
  const add = (feature: number, weight: number): void => {
    for (let copy = 0; copy < spread; copy += 1) {
      const hash = mix(Math.imul(feature, 2 * spread) + copy);
      const at = (hash >>> 1) % dimensions;
      vector[at] = (vector[at] ?? 0) + (hash & 1 ? weight : -weight);
    }
  };
  for (const [bucket, weight] of featuresOf(contentWords(text).join(' '), bits, { runs: letters }))
    add(bucket, weight);
  for (const [at, phrases] of concepts.entries())
    if (mentions(text, phrases)) add(2 ** bits + at, conceptWeight);
  return directed(vector);
};
