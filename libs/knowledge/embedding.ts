import type { Values } from '@jangada/config/settings.ts';
import type { Concept } from '@jangada/nlu/features.ts';
import { embedLocally, localSpace } from './local.ts';
import { type Near, nearByWords } from './ranking.ts';

/** What makes vectors of texts. */
export interface Embedding {
  /** Names what vectors can be compared with each other. */
  space(concepts: readonly Concept[]): string;
  /** A vector for each text. @throws what the endpoint answers, where there is one */
  embed(
    texts: readonly string[],
    options: { readonly concepts: readonly Concept[]; readonly signal?: AbortSignal },
  ): Promise<readonly Float32Array[]>;
  /** From where on vectors of it mean the same. */
  readonly near: Near;
  /** Whether words that hold others together, as "not" and "before", make a difference to its vectors. */
  readonly hasSmallWords: boolean;
}

/** Settings that say which. */
export const embeddingSettings = [
  'EMBEDDING_PROVIDER',
  'EMBEDDING_URL',
  'EMBEDDING_API_KEY',
  'EMBEDDING_MODEL',
  'EMBEDDING_DIMENSIONS',
  'EMBEDDING_NEAR',
] as const;
type Settings = Values<(typeof embeddingSettings)[number]>;

/** Found by `npm run eval`: see docs/knowledge.md. */
export const nearLocally: Near = { similarity: 0.28, coverage: nearByWords };

/** `sent` is told how many texts went to the endpoint in one request. @throws Error where one is wanted and none is named */
export const openEmbedding = async (
  settings: Settings,
  sent: (texts: number) => void = () => undefined,
  /** How long a text is waited for, where that is not as long as a question can. */
  withinMs?: number,
): Promise<Embedding> => {
  const dimensions = settings.EMBEDDING_DIMENSIONS;
  if (settings.EMBEDDING_PROVIDER === 'openai') {
    const { openEndpoint } = await import('./endpoint.ts');
    return openEndpoint(settings, sent, withinMs);
  }
  return {
    space: (concepts) => localSpace(dimensions, concepts),
    embed: async (texts, { concepts }) => texts.map((text) => embedLocally(text, { dimensions, concepts })),
    near: nearLocally,
    hasSmallWords: false,
  };
};
