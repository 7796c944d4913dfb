import { saidIn } from './phrases.ts';
import { words } from './text.ts';

/** Phrases, folded, of which each stands for the others; a trailing `*` lets the last word go on. */
export type Concept = readonly string[];

/**
 * What a text is made of: its words, neighbouring words, words with one between them, and the letters within words,
 * which is what survives a slip of the keyboard. Each is hashed (FNV-1a) to one of 2^bits buckets, so no dictionary
 * is kept and no name of a person can be read out of a model.
 */

const basis = 0x811c9dc5;
const prime = 0x01000193;
const mixed = (hash: number, code: number): number => Math.imul(hash ^ code, prime);

const kind = {
  word: mixed(basis, 1),
  pair: mixed(basis, 2),
  skip: mixed(basis, 3),
  letters: mixed(basis, 4),
  concept: mixed(basis, 5),
  concepts: mixed(basis, 6),
};
const letters = { least: 2, most: 5 };

/** Every number is like every other of as many digits. */
const digit = /\p{N}/gu;

const hashOf = (hash: number, text: string): number => {
  let result = hash;
  for (let at = 0; at < text.length; at += 1) result = mixed(result, text.charCodeAt(at));
  return result;
};

/** No text's own, so that a model may keep here what it thinks of a text before it has read any. */
export const reserved = 0;

/** A whole word says more than letters of it, which are many. */
const emphasis = { word: 3, pair: 2, skip: 1.5, letters: 1 };

/** Of a text that speaks of more, it says no more how many. */
const conceptsCounted = 2;

/**
 * The buckets of a text, and how much each counts. Linear in its length. Each of `concepts` that it speaks of is one more of
 * its words, and so is how many it speaks of.
 */
export const featuresOf = (
  text: string,
  bits: number,
  {
    runs = letters,
    concepts = [],
  }: { readonly runs?: typeof letters; readonly concepts?: readonly Concept[] } = {},
): Map<number, number> => {
  const mask = 2 ** bits - 1;
  const found = new Map<number, number>();
  const add = (hash: number, weight: number): void => {
    const bucket = (hash ^ (hash >>> 15)) & mask || reserved + 1;
    if ((found.get(bucket) ?? 0) < weight) found.set(bucket, weight);
  };
  if (concepts.length > 0) {
    const isSaid = saidIn(text);
    const said = [...concepts.keys()].filter((at) => concepts[at]?.some(isSaid));
    for (const at of said) add(mixed(kind.concept, at), emphasis.word);
    add(mixed(kind.concepts, Math.min(said.length, conceptsCounted)), emphasis.word);
  }
  const list = words(text).map((word) => word.replace(digit, '0'));
  for (const [at, word] of list.entries()) {
    add(hashOf(kind.word, word), emphasis.word);
    const [next, afterNext] = [list[at + 1], list[at + 2]];
    if (next !== undefined) add(hashOf(hashOf(kind.pair, word), ` ${next}`), emphasis.pair);
    if (afterNext !== undefined) add(hashOf(hashOf(kind.skip, word), ` ${afterNext}`), emphasis.skip);
    const framed = ` ${word} `;
    for (let from = 0; from < framed.length - 1; from += 1) {
      let hash = kind.letters;
      const end = Math.min(framed.length, from + runs.most);
      for (let to = from; to < end; to += 1) {
        hash = mixed(hash, framed.charCodeAt(to));
        if (to - from + 1 >= runs.least) add(hash, emphasis.letters);
      }
    }
  }
  return found;
};
