import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@jangada/servers/redis.ts';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { password, seedQuery, startEdge } from './test-edge.ts';

let dir: string;
let redis: Awaited<ReturnType<typeof startRedis>>;
let one: Awaited<ReturnType<typeof startEdge>>;
let other: Awaited<ReturnType<typeof startEdge>>;
/** A client of its own for each test, so that none has used up what the next needs. */
let from = '';
let count = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-edge-limits-'));
  redis = await startRedis({ dir });
  const settings = {
    REDIS_URL: redis.url,
    RATE_LIMIT_PROFILE: 'production',
    AI_AGENT_MAX_SESSIONS_PER_IP: 3,
    TRUSTED_PROXIES: '127.0.0.1',
  };
  [one, other] = await Promise.all([
    startEdge(settings, () => ['Good day']),
    startEdge({ ...settings, TRUSTED_PROXIES: '' }, () => ['Good day']),
  ]);
});
afterAll(async () => {
  await one?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
  await redis?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  from = `198.51.100.${++count}`;
});

const headersOf = ({ headers }: Response) =>
  ['ratelimit', 'ratelimit-policy', 'retry-after'].map((name) => headers.get(name));
const post = async (edge: typeof one, path: string, body: unknown, email?: string) =>
  fetch(`${edge.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await edge.tokenOf(email)}` },
    body: JSON.stringify(body),
  });
const open = (edge: typeof one, protocol?: string) => {
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/v1/agent`, protocol ? [protocol] : [], {
    headers: { 'x-forwarded-for': from },
  });
  const frames: Record<string, unknown>[] = [];
  let code: number | undefined;
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  socket.on('close', (closed) => {
    code = closed;
  });
  return { socket, frames, code: () => code };
};

test('twenty questions a minute, over every transport and at every replica, and the next is told when to come back', async () => {
  const asked = { query: 'hello' };
  for (let question = 0; question < 9; question++) {
    const answer = await post(one, '/v1/query', asked);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit')).toContain(`"ai-user";r=${19 - question};t=`);
    expect(answer.headers.get('ratelimit-policy')).toContain('"ai-user";q=20;w=60');
    expect(answer.headers.get('retry-after')).toBeNull();
  }
  const seed = await one.socket();
  seed.send(seedQuery());
  await seed.frame('a response', ({ type }) => type === 'response');
  const input = (content: string) => ({
    threadId: 't',
    runId: crypto.randomUUID(),
    messages: [{ id: '1', role: 'user', content }],
    tools: [],
    context: [],
  });
  for (let question = 0; question < 10; question++) {
    const answer = await post(other, '/v1/agui/assistant', input('hello'));
    expect(await answer.text()).toContain('RUN_FINISHED');
    expect(answer.headers.get('ratelimit')).toContain(`"ai-user";r=${9 - question};t=`);
  }
  for (const edge of [one, other]) {
    for (const path of ['/v1/query', '/v1/agui/assistant']) {
      const refused = await post(edge, path, path === '/v1/query' ? asked : input('hello'));
      const body = (await refused.json()) as { retryAfter: number };
      expect([refused.status, body]).toMatchObject([429, { code: 'RATE_LIMITED', retryable: true }]);
      expect(refused.headers.get('ratelimit')).toMatch(/"ai-user";r=0;t=\d+/);
      expect(Number(refused.headers.get('retry-after'))).toBe(body.retryAfter);
      expect(body.retryAfter).toBeGreaterThan(0);
    }
  }
  const facts = {
    code: 'RATE_LIMITED',
    retryAfter: expect.any(Number),
    limits: expect.arrayContaining([expect.objectContaining({ policy: 'ai-user', max: 20, remaining: 0 })]),
  };
  seed.send(seedQuery());
  const said = await seed.frame('the seed’s error', ({ type }) => type === 'error');
  expect(said['payload']).toMatchObject({ ...facts, retryable: true });
  const multiplexed = await one.socket('/v1/agent', { protocols: ['agui.v1'] });
  multiplexed.send({ op: 'run', input: input('hello') });
  expect(await multiplexed.frame('the operation’s error', ({ op }) => op === 'error')).toMatchObject({
    ...facts,
    status: 429,
  });
  const bare = await one.socket('/v1/agent', { protocols: ['agui.v1.bare'] });
  bare.send(input('hello'));
  const { code, ...rawEvent } = facts;
  expect(await bare.frame('the run’s error', ({ type }) => type === 'RUN_ERROR')).toMatchObject({
    code,
    rawEvent,
  });
  for (const { socket } of [seed, multiplexed, bare]) socket.close();
  // None of the refused was asked, and nobody else is refused.
  expect([one.asked.length, other.asked.length]).toEqual([10, 10]);
  expect((await post(one, '/v1/query', asked, 'eva@south.example')).status).toBe(200);
  expect(await one.metric('limits_refused_total{policy="ai-user"')).toBe(5);
});

test('ten wrong one-time codes from one address, for whatever accounts are enough', async () => {
  const logIn = async (email: string, address: string) => {
    const answer = await fetch(`${one.url}/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
      body: JSON.stringify({ email, password, otp: '000000' }),
    });
    return [answer.status, ((await answer.json()) as { code: string }).code];
  };
  for (let attempt = 0; attempt < 10; attempt++)
    expect(await logIn('ana@north.example', from)).toEqual([401, 'AUTH_INVALID']);
  expect(await logIn('eva@south.example', from)).toEqual([429, 'RATE_LIMITED']);
  expect(await logIn('eva@south.example', '203.0.113.77')).toEqual([401, 'AUTH_INVALID']);
});

test('every other call is counted apart from questions: a hundred in fifteen minutes', async () => {
  const call = async () =>
    fetch(`${one.url}/v1/agui/assistant/capabilities`, {
      headers: { authorization: `Bearer ${await one.tokenOf('eva@south.example')}` },
    });
  for (let calls = 0; calls < 100; calls++) expect((await call()).status).toBe(200);
  const refused = await call();
  expect(refused.status).toBe(429);
  expect(headersOf(refused)).toEqual([
    expect.stringMatching(/^"api-user";r=0;t=\d+$/),
    '"api-user";q=100;w=900',
    expect.stringMatching(/^[89]\d\d$/),
  ]);
  expect((await fetch(`${one.url}/v1/ready`)).headers.get('ratelimit')).toBeNull();
});

describe('sockets of one address', () => {
  test('are three at once, at whatever replica, and one that closes makes room', async () => {
    const held = [open(one), open(one), open(one)];
    await until('three to be open', () => held.every(({ socket }) => socket.readyState === socket.OPEN));
    const fourth = open(one, 'agui.v1');
    await until('the fourth to be turned away', () => fourth.code() === 4429);
    expect(fourth.frames).toMatchObject([
      { op: 'error', status: 429, code: 'SESSION_LIMIT', retryable: true },
    ]);
    const bare = open(one, 'agui.v1.bare');
    await until('a bare one to be turned away', () => bare.code() === 4429);
    expect(held.map(({ code }) => code())).toEqual([undefined, undefined, undefined]);
    held[0]?.socket.close();
    await until('room', async () => {
      const next = open(one, 'agui.v1');
      const closed = new Promise((resolve) => next.socket.once('close', resolve));
      await new Promise((resolve) => next.socket.once('open', resolve));
      next.socket.send('{"op":"auth","token":"none"}');
      await closed;
      return next.code() === 4401;
    });
    for (const { socket } of held) socket.close();
  });

  test('another address has its own places', async () => {
    const sockets = [1, 2, 3].map(() => open(one));
    await until('all to be open', () => sockets.every(({ socket }) => socket.readyState === socket.OPEN));
    from = `203.0.113.${count}`;
    const elsewhere = open(one, 'agui.v1');
    await new Promise((resolve) => elsewhere.socket.once('open', resolve));
    elsewhere.socket.send('{"op":"auth","token":"none"}');
    await until('it to be asked to sign in', () => elsewhere.code() === 4401);
    for (const { socket } of sockets) socket.close();
  });

  test('what a caller says of its address counts only if a proxy that is trusted says it', async () => {
    const sockets = [1, 2, 3].map(() => {
      from = `203.0.113.${100 + count++}`;
      return open(other);
    });
    await until('all to be open', () => sockets.every(({ socket }) => socket.readyState === socket.OPEN));
    from = '203.0.113.200';
    const fourth = open(other);
    await until('the fourth to be turned away', () => fourth.code() === 4429);
    for (const { socket } of sockets) socket.close();
  });
});

test('without Redis what is used up stays used up, and everybody else goes on', async () => {
  await redis.stop();
  const statuses = await Promise.all(
    Array.from(
      { length: 30 },
      async () => (await post(one, '/v1/query', { query: 'hello' }, 'eva@south.example')).status,
    ),
  );
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(20);
  expect(statuses).toContain(429);
  expect(statuses).toContain(200);
});
