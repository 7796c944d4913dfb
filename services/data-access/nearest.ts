import { createHash } from 'node:crypto';
import type { Embedding } from '@jangada/knowledge/embedding.ts';
import { meantBy, nearOf, ranked } from '@jangada/knowledge/ranking.ts';
import type { Candidate } from '@jangada/packs/knowledge.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { LRUCache } from 'lru-cache';
import { openAlike } from './alike.ts';

/** Which of the texts that a grant opens are near to a question. What is compared was read under it, and nothing else. */
export interface Searching {
  near(
    candidates: readonly Candidate[],
    plan: Plan,
    pack: Pick<Pack, 'concepts'>,
    signal: AbortSignal,
  ): Promise<readonly Candidate[]>;
  /** What is searched for, as what is found is remembered by: other words for the same are the same within a place. */
  asked(place: string, search: Plan, pack: Pick<Pack, 'concepts'>, signal: AbortSignal): Promise<string>;
}

/** Questions whose vectors are kept, in memory and under a hash. */
const keptVectors = 1_000;

export interface Told {
  /** One search: in which table, whether anything was near, and whether only words could be compared. */
  searched(source: string, result: 'hit' | 'miss'): void;
  /** There was no vector of the question: why is the endpoint's to say, and never the text. */
  onlyWords(reason: 'unavailable' | 'index'): void;
  /** A question was taken for another that was asked before. */
  shared(): void;
}

/** `alike` is the cosine from which questions share what is found. */
export const openSearching = (embedding: Embedding, told: Told, alike: number): Searching => {
  const { nameOf } = openAlike(alike, told.shared);
  const kept = new LRUCache<string, Float32Array>({ max: keptVectors });
  const vectorOf = async (
    text: string,
    concepts: NonNullable<Pack['concepts']>,
    signal: AbortSignal,
  ): Promise<Float32Array | undefined> => {
    const key = createHash('sha256')
      .update(`${embedding.space(concepts)}\n${text}`)
      .digest('base64url');
    const known = kept.get(key);
    if (known) return known;
    const [vector] = await embedding.embed([text], { concepts, signal });
    if (vector) kept.set(key, vector);
    return vector;
  };
  return {
    asked: async (place, { filter: { nearest, ...filter }, ...search }, { concepts = [] }, signal) => {
      const { text = '', language } = nearest ?? {};
      const within = [search, filter, language];
      // Words that make no difference to what is found make none to what it is remembered by.
      const said = embedding.hasSmallWords ? text : meantBy(text, concepts);
      const name = await nameOf(JSON.stringify([place, within]), said, () =>
        vectorOf(text, concepts, signal).catch(() => undefined),
      );
      return JSON.stringify([within, name]);
    },
    near: async (candidates, { source, limit, filter }, { concepts = [] }, signal) => {
      const text = filter.nearest?.text ?? '';
      const space = embedding.space(concepts);
      const isIndexed = candidates.some((one) => one.space === space);
      // Another index is being made, by what this service is not set to yet, or was not made at all.
      if (candidates.length > 0 && !isIndexed) told.onlyWords('index');
      const vector = isIndexed
        ? await vectorOf(text, concepts, signal).catch(() => {
            signal.throwIfAborted();
            told.onlyWords('unavailable');
            return undefined;
          })
        : undefined;
      const passages = candidates.map((one) => ({
        id: one.id,
        text: `${one.title}\n${one.text}`,
        vectors: one.space === space ? one.vectors.map(bytesOf) : [],
      }));
      const found = nearOf(ranked({ text, vector }, passages, { concepts }), embedding.near, limit);
      told.searched(source, found.length > 0 ? 'hit' : 'miss');
      const byId = new Map(candidates.map((one) => [one.id, one]));
      return found.flatMap(({ id }) => byId.get(id) ?? []);
    },
  };
};

const bytesOf = (bytes: Buffer): Int8Array => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
