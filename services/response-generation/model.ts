import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Resilience } from '@jangada/runtime/resilience.ts';
import { streamText } from 'ai';
import { type Model, Silent, type Tokens } from './port.ts';
import type { Prompt, Size } from './prompt.ts';
import { type Endpoint, openProvider } from './provider.ts';

/** Longest silence between two pieces of text. */
const chunkMs = 5_000;

/** Longest answer. One that is cut off there is no answer, and the composer tells it. */
const maxOutputTokens = 2_000;

// What it warns of it would write to the console, past our log.
globalThis.AI_SDK_LOG_WARNINGS = false;

export const openModel = async (
  endpoint: Endpoint,
  /** Names of the models. */
  names: Readonly<Record<Size, string>>,
  resilience: Resilience,
): Promise<Model> => {
  const provider = await openProvider(endpoint);
  const stream = ({ system, data, size }: Prompt, stop: AbortController) => {
    const result = streamText({
      model: provider.model(names[size]),
      system,
      messages: [{ role: 'user', content: data }],
      abortSignal: stop.signal,
      maxRetries: 0,
      maxOutputTokens,
      // Its library sends the limit where Ollama does not look for it.
      providerOptions: { ollama: { options: { num_predict: maxOutputTokens } } },
      timeout: { chunkMs },
      onError: () => undefined,
    });
    const usage = Promise.resolve(result.usage);
    usage.catch(() => undefined);
    const parts = result.fullStream[Symbol.asyncIterator]();
    const next = async (): Promise<string | undefined> => {
      for (;;) {
        const { done, value } = await parts.next().catch((error: unknown) => {
          throw new Unavailable('model', error);
        });
        if (done || value.type === 'error') throw new Unavailable('model');
        if (value.type === 'abort') throw stop.signal.aborted ? new Unavailable('model') : new Silent();
        if (value.type === 'text-delta') return value.text;
        if (value.type === 'finish') {
          // Anything else is half an answer: too long, filtered, broken off, or the call of a tool that there is not.
          if (value.finishReason !== 'stop') throw new Unavailable('model');
          return undefined;
        }
      }
    };
    return {
      next,
      text: async function* (first: string, until: AbortSignal) {
        const end = (): void => stop.abort();
        until.addEventListener('abort', end);
        if (until.aborted) end();
        let whole = false;
        try {
          for (let piece: string | undefined = first; piece !== undefined; piece = await next()) yield piece;
          whole = true;
        } finally {
          until.removeEventListener('abort', end);
          if (!whole) end();
        }
      },
      usage: async (): Promise<Tokens> => {
        const { inputTokens, outputTokens } = await usage;
        return { promptTokens: inputTokens ?? 0, completionTokens: outputTokens ?? 0 };
      },
    };
  };
  return {
    begin: (prompt, signal) =>
      resilience.call(async (attempt) => {
        // The stream outlives this call, whose own signal is aborted as soon as it returns.
        const stop = new AbortController();
        const cut = Promise.withResolvers<never>();
        const giveUp = (): void => {
          stop.abort();
          cut.reject(new Unavailable('model'));
        };
        attempt.addEventListener('abort', giveUp);
        try {
          const telling = stream(prompt, stop);
          const first = await Promise.race([telling.next(), cut.promise]);
          if (first === undefined) throw new Unavailable('model');
          return { text: (until) => telling.text(first, until), usage: telling.usage };
        } catch (error) {
          stop.abort();
          throw error;
        } finally {
          attempt.removeEventListener('abort', giveUp);
        }
      }, signal),
    ping: async (signal) => {
      const { health, headers } = provider;
      const base = endpoint.url.replace(/\/?$/, '/');
      let status = 0;
      for (const path of health) {
        const response = await fetch(new URL(path, base), { signal, headers, redirect: 'error' });
        await response.body?.cancel();
        if (response.ok) return;
        status = response.status;
        if (status !== 404) break;
      }
      throw new Unavailable(`AI service returned ${status}`);
    },
  };
};
