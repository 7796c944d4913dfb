import { createHash } from 'node:crypto';
import { quantised, similarity } from '@jangada/knowledge/vectors.ts';
import { LRUCache } from 'lru-cache';

/**
 * Names under which what is found for a question is remembered. Those that say the same in the same words have one name, and from a
 * cosine on those that say it in others too. A place is all that an answer depends on beside the words: nothing is shared
 * beyond it.
 */
export interface Alike {
  /** `said` are its words; its vector is asked for where they are not known yet, and may not be there. */
  nameOf(place: string, said: string, vectorOf: () => Promise<Float32Array | undefined>): Promise<string>;
}

/** What is held against a new question, in memory and under hashes: the least recently used go. */
const placesMax = 200;
const questionsMax = 50;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** `near` is the cosine, and with 1 only words count; `shared` is told of each question that gets the name of another. */
export const openAlike = (near: number, shared: () => void): Alike => {
  const places = new LRUCache<string, LRUCache<string, Int8Array>>({ max: placesMax });
  return {
    nameOf: async (place, said, vectorOf) => {
      const own = hashOf(said);
      if (near >= 1) return own;
      const at = hashOf(place);
      const questions = places.get(at) ?? new LRUCache<string, Int8Array>({ max: questionsMax });
      places.set(at, questions);
      if (questions.get(own)) return own;
      const given = await vectorOf();
      if (!given) return own;
      const vector = quantised(given);
      const [nearest] = [...questions]
        .map(([name, other]) => ({ name, cosine: similarity(vector, other) }))
        .filter(({ cosine }) => cosine >= near)
        .sort((one, other) => other.cosine - one.cosine);
      if (nearest) {
        questions.get(nearest.name);
        shared();
        return nearest.name;
      }
      questions.set(own, vector);
      return own;
    },
  };
};
