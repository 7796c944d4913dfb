import type { Values } from '@jangada/config/settings.ts';
import type { LanguageModel } from 'ai';

/** The protocols that models are spoken to in, each by its library; only the one that is set is loaded. */

type Protocol = Values<'AI_SERVICE_PROVIDER'>['AI_SERVICE_PROVIDER'];

export interface Endpoint {
  readonly provider: Protocol;
  readonly url: string;
  readonly key: string | undefined;
}

interface Provider {
  model(name: string): LanguageModel;
  /** Where it is asked how it does, beside its API: the next where one is not there. */
  readonly health: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

type Fetch = typeof globalThis.fetch;

/** Rows go to the endpoint that is set and nowhere that it points to. */
const direct: Fetch = (input, init) => fetch(input, { ...init, redirect: 'error' });

const bearer = (key: string | undefined): Record<string, string> =>
  key ? { authorization: `Bearer ${key}` } : {};

const open: Readonly<Record<Protocol, (endpoint: Endpoint) => Promise<Provider>>> = {
  openai: async ({ url, key }) => {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
    const headers = bearer(key);
    const model = createOpenAICompatible({
      name: 'model',
      baseURL: url,
      includeUsage: true,
      headers,
      fetch: direct,
    });
    return { model, health: ['health', 'models'], headers };
  },
  anthropic: async ({ url, key = '' }) => {
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    const model = createAnthropic({ baseURL: url, apiKey: key, fetch: direct });
    return {
      model,
      health: ['models?limit=1'],
      headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
    };
  },
  ollama: async ({ url, key }) => {
    const { createOllama } = await import('ollama-ai-provider-v2');
    const headers = bearer(key);
    const model = createOllama({ baseURL: url, headers, fetch: whole });
    return { model, health: ['version'], headers };
  },
};

export const openProvider = (endpoint: Endpoint): Promise<Provider> => open[endpoint.provider](endpoint);

/**
 * The library leaves out a line that it cannot read, and writes it to the console; and it does not catch what becomes of a
 * body that broke off. So a body ends here at the first of either, and without its last line it is no answer.
 */
const whole: Fetch = async (input, init) => {
  const response = await direct(input, init);
  if (!response.ok || !response.body) return response;
  return new Response(ReadableStream.from(linesOf(response.body)), response);
};

async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let rest = '';
  try {
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((each) => each.trim())) {
        if (!isAnswer(line)) return;
        yield encoder.encode(`${line}\n`);
      }
    }
    if (isAnswer(rest)) yield encoder.encode(rest);
  } catch {
    // Broken off.
  }
}

/** Whether a line is one of Ollama's chat. */
const isAnswer = (line: string): boolean => {
  try {
    const read = JSON.parse(line) as { readonly done?: unknown; readonly message?: unknown } | null;
    return typeof read?.done === 'boolean' && typeof read.message === 'object';
  } catch {
    return false;
  }
};
