import type { Concept } from '@jangada/nlu/features.ts';
import { mentions, saidIn } from '@jangada/nlu/phrases.ts';
import { contentWords } from './local.ts';
import { similarity } from './vectors.ts';

/** Which texts say what a question asks: by their words, by their vectors, and by both together. Exact and pure. */

export interface Passage {
  readonly id: string;
  readonly text: string;
  /** Of each of its parts; none where it is not in the index yet. */
  readonly vectors: readonly (Float32Array | Int8Array)[];
}

export interface Question {
  readonly text: string;
  /** Absent where it could not be had: then only words count. */
  readonly vector?: Float32Array | undefined;
}

/** From where on a text is taken to be about the question. Either is enough. */
export interface Near {
  /** Cosine. */
  readonly similarity: number;
  /** Share of what the question's words say, the rarer the more, that stands in the text. */
  readonly coverage: number;
}

/** The coverage from where on words alone are enough, whatever makes the vectors. */
export const nearByWords = 0.6;

export interface Ranked {
  readonly id: string;
  readonly similarity: number;
  readonly coverage: number;
}

export type By = 'text' | 'vector' | 'hybrid';

/** A word without most of what follows from its number, gender or tense. */
const stemLength = 6;
const termsOf = (text: string): string[] =>
  contentWords(text).map((word) => word.replace(/(?:es|s)$/, '').slice(0, stemLength));

/** All that a question is ranked by: of two with the same, the same is found by local vectors, however they are written. */
export const meantBy = (text: string, concepts: readonly Concept[]): string =>
  JSON.stringify([contentWords(text), concepts.map((phrases) => mentions(text, phrases))]);

/** BM25 (Robertson and Zaragoza, 2009), with less weight on length: articles differ in it for no reason. */
const saturation = 1.2;
const lengthWeight = 0.4;

/** Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009). */
const fusion = 60;
interface Scored {
  readonly id: string;
  readonly score: number;
  readonly coverage: number;
}

/**
 * What a question speaks of counts as one more of its words, and as often in a text as that has words for it: one that says
 * in passing that something costs nothing is less about prices than one that has fees and charges.
 */
const byWords = (
  question: string,
  passages: readonly Passage[],
  concepts: readonly Concept[],
): readonly Scored[] => {
  const asked = [...new Set(termsOf(question))];
  const meant = concepts.filter((phrases) => mentions(question, phrases));
  const counted = passages.map(({ id, text }) => {
    const terms = termsOf(text);
    const counts = new Map<string | Concept, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    if (meant.length > 0) {
      const isSaid = saidIn(text);
      for (const concept of meant) {
        const count = concept.filter(isSaid).length;
        if (count > 0) counts.set(concept, count);
      }
    }
    return { id, counts, length: terms.length };
  });
  const meanLength = counted.reduce((sum, { length }) => sum + length, 0) / (counted.length || 1);
  const rarity = new Map<string | Concept, number>(
    [...asked, ...meant].map((term) => {
      const having = counted.filter(({ counts }) => counts.has(term)).length;
      return [term, Math.log(1 + (counted.length - having + 0.5) / (having + 0.5))];
    }),
  );
  // What words mean is what vectors compare: the share that stands in a text is of the words themselves.
  const whole = asked.reduce((sum, term) => sum + (rarity.get(term) ?? 0), 0);
  return counted.map(({ id, counts, length }) => {
    let score = 0;
    let covered = 0;
    for (const [term, weight] of rarity) {
      const count = counts.get(term) ?? 0;
      if (count === 0) continue;
      if (typeof term === 'string') covered += weight;
      const norm = saturation * (1 - lengthWeight + (lengthWeight * length) / (meanLength || 1));
      score += (weight * count * (saturation + 1)) / (count + norm);
    }
    return { id, score, coverage: whole > 0 ? covered / whole : 0 };
  });
};

/** Places by a score, from 1 on; what scores nothing has none. Equal scores share the better place. */
const placesOf = (scores: ReadonlyMap<string, number>): ReadonlyMap<string, number> => {
  const sorted = [...scores].filter(([, score]) => score > 0).sort(([, a], [, b]) => b - a);
  let place = 0;
  let last: number | undefined;
  return new Map(
    sorted.map(([id, score], at) => {
      if (score !== last) place = at + 1;
      last = score;
      return [id, place];
    }),
  );
};

/** All passages that have anything to do with a question, the nearest first. `concepts` are what words mean the same. */
export const ranked = (
  question: Question,
  passages: readonly Passage[],
  { concepts = [], by = 'hybrid' }: { readonly concepts?: readonly Concept[]; readonly by?: By } = {},
): readonly Ranked[] => {
  const scored = byWords(question.text, passages, concepts);
  const { vector } = question;
  const cosines = new Map(
    passages.map(({ id, vectors }) => [
      id,
      vector ? Math.max(0, ...vectors.map((own) => similarity(vector, own))) : 0,
    ]),
  );
  const places = [
    ...(by === 'vector' ? [] : [placesOf(new Map(scored.map(({ id, score }) => [id, score])))]),
    ...(by === 'text' ? [] : [placesOf(cosines)]),
  ];
  return scored
    .map(({ id, coverage }) => {
      const fused = places.reduce((sum, at) => {
        const place = at.get(id);
        return place === undefined ? sum : sum + 1 / (fusion + place);
      }, 0);
      return { id, coverage, similarity: cosines.get(id) ?? 0, fused };
    })
    .filter(({ fused }) => fused > 0)
    .sort((a, b) => b.fused - a.fused || (a.id < b.id ? -1 : 1))
    .map(({ fused: _, ...rest }) => rest);
};

/** What is near enough to be told, of what was ranked. */
export const nearOf = (found: readonly Ranked[], near: Near, most: number): readonly Ranked[] =>
  found.filter((one) => one.similarity >= near.similarity || one.coverage >= near.coverage).slice(0, most);
