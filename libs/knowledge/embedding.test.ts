import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { readConfig } from '@jangada/config/config.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chunksOf } from './chunks.ts';
import { type Embedding, embeddingSettings, openEmbedding } from './embedding.ts';
import { gathered } from './gathered.ts';
import { nearOf, ranked } from './ranking.ts';
import { quantised, similarity } from './vectors.ts';

const concepts = [['neta', 'neto', 'crianca*', 'child*']];
const opened = (env: Record<string, string> = {}, sent?: (texts: number) => void): Promise<Embedding> =>
  // However busy this machine is.
  openEmbedding(readConfig(embeddingSettings, env), sent, 60_000);
const one = async (embedding: Embedding, said: string, of = concepts): Promise<Float32Array> => {
  const [vector] = await embedding.embed([said], { concepts: of });
  if (!vector) throw new Error('no vector came');
  return vector;
};

describe('vectors of this code', () => {
  test('are the same for the same text, and near for what means the same', async () => {
    const local = await opened();
    const asked = await one(local, 'posso levar minha neta?');
    expect(await one(local, 'posso levar minha neta?')).toEqual(asked);
    const [children, prices] = [
      await one(local, 'Crianças nas visitas'),
      await one(local, 'Preço do quarto'),
    ];
    expect(similarity(asked, children)).toBeGreaterThan(similarity(asked, prices) + 0.2);
    expect(similarity(asked, await one(local, 'Crianças nas visitas', []))).toBeLessThan(0.2);
  });

  test('lose next to nothing as bytes, and are of another space where anything of it changed', async () => {
    const [local, short] = [await opened(), await opened({ EMBEDDING_DIMENSIONS: '64' })];
    const vector = await one(local, 'quanto custa morar aqui?');
    expect(similarity(quantised(vector), vector)).toBeGreaterThan(0.999);
    expect(await one(short, 'quanto custa morar aqui?')).toHaveLength(64);
    expect(similarity(vector, await one(short, 'quanto custa morar aqui?'))).toBe(0);
    expect(new Set([local.space(concepts), local.space([]), short.space(concepts)]).size).toBe(3);
  });
});

describe('a ranking', () => {
  const vector = Float32Array.from([1, 0]);
  const passages = [
    { id: 'words', text: 'spot na Azure', vectors: [Float32Array.from([0, 1])] },
    { id: 'meaning', text: 'máquinas despejáveis', vectors: [Float32Array.from([0, 1]), vector] },
    { id: 'neither', text: 'reserva', vectors: [] },
  ];
  const order = (by: 'text' | 'vector' | 'hybrid') =>
    ranked({ text: 'spot Azure', vector }, passages, { by }).map(({ id }) => id);

  test('is by words, by the best part of a text, or by both', () => {
    expect(order('text')).toEqual(['words']);
    expect(order('vector')).toEqual(['meaning']);
    expect(order('hybrid')).toEqual(['meaning', 'words']);
  });

  test('is by what words mean too, and the more words a text has for it the more it is about it', () => {
    const about = [
      { id: 'list', text: 'The waiting list: a name on it costs nothing', vectors: [vector] },
      { id: 'fee', text: 'The monthly fee covers meals; nursing is charged apart', vectors: [vector] },
      { id: 'garden', text: 'The garden is open all day', vectors: [] },
    ];
    const found = ranked({ text: 'Tell me about pricing', vector }, about, {
      concepts: [['pricing', 'cost*', 'fee', 'charge*'], ['garden*']],
    });
    expect(found.map(({ id }) => id)).toEqual(['fee', 'list']);
    expect(found.map(({ coverage }) => coverage)).toEqual([0, 0]);
  });

  test('holds what is near enough by either, and no more than is wanted', () => {
    const found = ranked({ text: 'spot Azure', vector }, passages);
    expect(nearOf(found, { similarity: 0.9, coverage: 0.9 }, 5)).toHaveLength(2);
    expect(nearOf(found, { similarity: 2, coverage: 0.9 }, 5).map(({ id }) => id)).toEqual(['words']);
    expect(nearOf(found, { similarity: 0.9, coverage: 0.9 }, 1)).toHaveLength(1);
  });
});

test('a long text is cut at the ends of sentences, each part under its title, which is one too', () => {
  const sentence = `${'palavra '.repeat(30).trim()}. `;
  const [title, ...parts] = chunksOf('Título', sentence.repeat(4));
  expect(title).toBe('Título');
  expect(parts).toHaveLength(4);
  for (const part of parts) expect(part).toBe(`Título\n${sentence.trim()}`);
  expect(chunksOf('Título', '')).toEqual(['Título']);
  expect(chunksOf('', ' ')).toEqual([]);
});

describe('an endpoint that speaks as OpenAI’s embeddings', () => {
  let server: Server;
  let url: string;
  /** How it misbehaves next. */
  let fault: 'none' | 'status' | 'refusal' | 'short' | 'fewer' | 'redirect' | 'broken' = 'none';
  const heard: {
    path: string | undefined;
    authorization: string | undefined;
    body: Record<string, unknown>;
  }[] = [];

  const read = async (request: IncomingMessage): Promise<string[]> => {
    const body = JSON.parse(await text(request)) as Record<string, unknown> & { input: string[] };
    heard.push({ path: request.url, authorization: request.headers.authorization, body });
    return body.input;
  };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const input = await read(request);
      // As https://platform.openai.com/docs/api-reference/embeddings has it.
      const data = input.map((said, index) => ({
        ...{ object: 'embedding', index },
        embedding: Array.from({ length: fault === 'short' ? 4 : 32 }, (_, at) => said.length + at),
      }));
      if (fault === 'redirect') return response.writeHead(307, { location: '/elsewhere' }).end();
      if (fault === 'status') return response.writeHead(503).end('{"error":{"message":"busy"}}');
      if (fault === 'refusal' && input.includes('too long'))
        return response.writeHead(400).end('{"error":{"message":"too long"}}');
      response.writeHead(200, { 'content-type': 'application/json' });
      const usage = { prompt_tokens: 1, total_tokens: 1 };
      const whole = JSON.stringify({
        ...{ object: 'list', model: 'm', usage },
        data: fault === 'fewer' ? data.slice(1) : data,
      });
      if (fault === 'broken') {
        response.write(whole.slice(0, 20));
        return response.destroy();
      }
      return response.end(whole);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => server.close());

  const endpoint = (sent?: (texts: number) => void) =>
    opened(
      {
        ...{ EMBEDDING_PROVIDER: 'openai', EMBEDDING_URL: url, EMBEDDING_MODEL: 'm', EMBEDDING_API_KEY: 'k' },
        EMBEDDING_DIMENSIONS: '16',
      },
      sent,
    );

  test('is asked for several texts at once, and its vectors are shortened', async () => {
    fault = 'none';
    const vectors = await (await endpoint()).embed(['a', 'bc'], { concepts });
    expect(heard).toMatchObject([
      {
        ...{ path: '/v1/embeddings', authorization: 'Bearer k' },
        body: { model: 'm', input: ['a', 'bc'], dimensions: 16 },
      },
    ]);
    expect(vectors).toHaveLength(2);
    for (const vector of vectors) {
      expect(vector).toHaveLength(16);
      expect(Math.hypot(...vector)).toBeCloseTo(1);
    }
    expect((await endpoint()).space(concepts)).toBe('openai:m:16');
  });

  test('is asked once for what many ask at nearly the same time, and each is given its own', async () => {
    fault = 'none';
    const [asked, sent] = [heard.length, [] as number[]];
    const embedding = await endpoint((texts) => sent.push(texts));
    const texts = Array.from({ length: 50 }, (_, length) => 'a'.repeat(length + 1));
    const vectors = await Promise.all(texts.map((said) => one(embedding, said)));
    expect(heard).toHaveLength(asked + 1);
    expect(sent).toEqual([50]);
    for (const [at, said] of texts.entries()) {
      const numbers = Float32Array.from({ length: 16 }, (_, number) => said.length + number);
      expect(similarity(vectors[at] ?? new Float32Array(), numbers)).toBeCloseTo(1);
    }
    // Who gives up takes nobody along.
    const gone = AbortSignal.abort();
    const both = [embedding.embed(['x'], { concepts, signal: gone }), one(embedding, 'y')];
    const [left, stayed] = await Promise.allSettled(both);
    expect([left?.status, stayed?.status]).toEqual(['rejected', 'fulfilled']);
    expect(sent).toEqual([50, 2]);
  });

  test('refuses one text, which takes no other along; where it is away nobody is asked again', async () => {
    const askedOf = async (kind: typeof fault) => {
      fault = kind;
      const [first, embedding] = [heard.length, await endpoint()];
      const all = ['a', 'too long', 'b'].map((said) => one(embedding, said));
      const statuses = (await Promise.allSettled(all)).map(({ status }) => status);
      return { statuses, requests: heard.slice(first).map(({ body }) => body['input']) };
    };
    const refused = await askedOf('refusal');
    expect(refused.statuses).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(refused.requests).toHaveLength(4);
    expect(refused.requests).toEqual(
      expect.arrayContaining([['a', 'too long', 'b'], ['a'], ['too long'], ['b']]),
    );
    expect(await askedOf('status')).toEqual({
      statuses: ['rejected', 'rejected', 'rejected'],
      requests: [['a', 'too long', 'b']],
    });
  });

  test('is waited for as long as whoever waits longest', async () => {
    const waits: number[] = [];
    const lengthOf = gathered(
      async (texts, waitsMs) => {
        waits.push(waitsMs);
        return texts.map(({ length }) => length);
      },
      () => false,
    );
    expect(await Promise.all([lengthOf('a', 1_500), lengthOf('bc', 4_500)])).toEqual([1, 2]);
    expect(waits).toEqual([4_500]);
  });

  test.each(['status', 'short', 'fewer', 'redirect', 'broken'] as const)(
    'gives no vector where it misbehaves: %s',
    async (kind) => {
      fault = kind;
      const asked = heard.length;
      await expect((await endpoint()).embed(['a'], { concepts })).rejects.toThrow();
      expect(heard).toHaveLength(asked + 1);
    },
  );

  test('has to be named', async () => {
    await expect(opened({ EMBEDDING_PROVIDER: 'openai' })).rejects.toThrow('EMBEDDING_URL');
  });
});
