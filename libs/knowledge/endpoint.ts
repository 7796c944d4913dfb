import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { Values } from '@jangada/config/settings.ts';
import { APICallError, embedMany } from 'ai';
import type { Embedding, embeddingSettings } from './embedding.ts';
import { gathered } from './gathered.ts';
import { nearByWords } from './ranking.ts';
import { directed, shortened } from './vectors.ts';

type Settings = Values<(typeof embeddingSettings)[number]>;

/** For each text. A question cannot wait longer, within the 3 s of its hop: it is answered by its words then. */
const questionMs = 1_500;

// What it warns of it would write to the console, past our log.
globalThis.AI_SDK_LOG_WARNINGS = false;

/** Texts go to the endpoint that is set and nowhere that it points to. */
const direct: typeof globalThis.fetch = (input, init) => fetch(input, { ...init, redirect: 'error' });

/** What a text is refused with, as one too long is; who has no key or too many requests is not asked again for each. */
const ofText = [400, 413, 422];
const isOfText = (error: unknown): boolean =>
  APICallError.isInstance(error) && ofText.includes(error.statusCode ?? 0);

/**
 * Vectors of a model that is spoken to as OpenAI's embeddings are. Longer ones than are wanted are shortened here, so
 * that it does not matter whether the endpoint knows how to. What is asked for at nearly the same time goes in one request;
 * `sent` is told of how many texts. @throws Error without its URL
 */
export const openEndpoint = (
  settings: Settings,
  sent: (texts: number) => void,
  withinMs = questionMs,
): Embedding => {
  const { EMBEDDING_URL: url, EMBEDDING_API_KEY: key, EMBEDDING_MODEL: name } = settings;
  const { EMBEDDING_DIMENSIONS: dimensions, EMBEDDING_NEAR: similarity } = settings;
  if (url === undefined) throw new Error('EMBEDDING_URL has to name the endpoint of EMBEDDING_PROVIDER');
  const provider = createOpenAICompatible({
    name: 'embedding',
    baseURL: url,
    headers: key ? { authorization: `Bearer ${key}` } : {},
    fetch: direct,
  });
  const model = provider.embeddingModel(name);
  const vectorOf = gathered(async (texts, waitsMs): Promise<readonly Float32Array[]> => {
    sent(texts.length);
    const { embeddings } = await embedMany({
      model,
      values: [...texts],
      maxRetries: 0,
      abortSignal: AbortSignal.timeout(waitsMs),
      providerOptions: { embedding: { dimensions } },
    });
    if (embeddings.length !== texts.length) throw new Error('the endpoint gave another number of vectors');
    return embeddings.map((numbers) => {
      if (numbers.length < dimensions || !numbers.every(Number.isFinite))
        throw new Error('the endpoint gave a vector of another length');
      return shortened(directed(Float32Array.from(numbers)), dimensions);
    });
  }, isOfText);
  return {
    space: () => `openai:${name}:${dimensions}`,
    embed: async (texts, { signal }) => {
      const waitsMs = withinMs * texts.length;
      const late = AbortSignal.timeout(waitsMs);
      const over = signal ? AbortSignal.any([signal, late]) : late;
      const cut = Promise.withResolvers<never>();
      const giveUp = (): void => cut.reject(over.reason);
      over.addEventListener('abort', giveUp);
      if (over.aborted) giveUp();
      try {
        // Others may have asked in the same request: it goes on for them.
        return await Promise.race([Promise.all(texts.map((text) => vectorOf(text, waitsMs))), cut.promise]);
      } finally {
        over.removeEventListener('abort', giveUp);
      }
    },
    near: { similarity, coverage: nearByWords },
    hasSmallWords: true,
  };
};
