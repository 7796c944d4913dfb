import { once } from 'node:events';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { origins } from './test-broker.ts';
import { seedQuery, startEdge } from './test-edge.ts';

// From where somebody calls is carried to the audit trail in the pass, sealed; of a socket, from where it was opened.

let edge: Awaited<ReturnType<typeof startEdge>>;

beforeAll(async () => {
  edge = await startEdge({ TRUSTED_PROXIES: '127.0.0.1' });
}, 60_000);
afterAll(() => edge?.[Symbol.asyncDispose]());

const from = { 'user-agent': 'Firefox/150.0 (Canary)', 'x-forwarded-for': '198.51.100.9, 203.0.113.7' };
const expected = { userAgent: 'Firefox/150.0 (Canary)', ipAddress: '203.0.113.7' };

/** What an auditor reads of the question, once it was asked; in what travels there is nothing of it in clear. */
const originOf = async (question: string) => {
  const { tenant, pass, headers } = await until(`${question} to be asked`, () =>
    edge.asked.find(({ body }) => body.question === question),
  );
  expect(JSON.stringify([pass, headers])).not.toMatch(/Canary|203\.0\.113|\/v1\//);
  return origins.open({ tenant, id: pass.rid }, pass.from ?? '');
};

const open = async (path: string, own: Record<string, string>) => {
  const socket = new WebSocket(edge.url.replace('http', 'ws') + path, { headers: { ...from, ...own } });
  await once(socket, 'open');
  return socket;
};

test('of a request: the address that a trusted proxy names, and the path without what is asked', async () => {
  expect((await edge.query({ query: 'by http' }, from)).status).toBe(200);
  expect(await originOf('by http')).toEqual({ ...expected, requestPath: '/v1/query' });
});

test('of a socket that signs in by its header', async () => {
  const socket = await open('/v1/agent?theme=dark', { authorization: `Bearer ${await edge.tokenOf()}` });
  socket.send(JSON.stringify(seedQuery({ payload: { query: 'by socket' } })));
  expect(await originOf('by socket')).toEqual({ ...expected, requestPath: '/v1/agent' });
  socket.terminate();
});

test('of a socket that signs in by its first frame, with a token that came from elsewhere before', async () => {
  const token = await edge.tokenOf();
  await edge.query({ query: 'elsewhere' }, { ...from, 'x-forwarded-for': '192.0.2.1' });
  const socket = await open('/agui/ws', {});
  socket.send(JSON.stringify({ op: 'auth', token }));
  const [accepted] = await once(socket, 'message');
  expect(JSON.parse(String(accepted))).toEqual({ op: 'accepted' });
  socket.send(JSON.stringify(seedQuery({ payload: { query: 'by frame' } })));
  expect((await originOf('elsewhere')).ipAddress).toBe('192.0.2.1');
  expect(await originOf('by frame')).toEqual({ ...expected, requestPath: '/agui/ws' });
  socket.terminate();
});
