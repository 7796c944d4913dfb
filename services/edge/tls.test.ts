import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { selfMade } from '@jangada/testkit/certificate.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startEdge } from './test-edge.ts';
import { serverFactory } from './tls.ts';

const made = selfMade();
const plain = { JANGADA_HOST: '127.0.0.1', TLS_CERT: undefined, TLS_KEY: undefined, TLS_PROXY: false };

describe('with a certificate, the door', () => {
  let edge: Awaited<ReturnType<typeof startEdge>>;
  let port: number;
  beforeAll(async () => {
    edge = await startEdge({ TLS_CERT: made.cert, TLS_KEY: made.key });
    port = Number(new URL(edge.url).port);
  });
  afterAll(() => edge[Symbol.asyncDispose]());

  const secured = { servername: 'localhost', ca: made.cert };

  test('speaks TLS 1.3', async () => {
    expect(edge.url).toMatch(/^https:/);
    const socket = connect({ port, host: '127.0.0.1', ...secured });
    await once(socket, 'secureConnect');
    expect([socket.authorized, socket.getProtocol()]).toEqual([true, 'TLSv1.3']);
    socket.write('GET /v1/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toMatch(/strict-transport-security: max-age=/i);
  });

  test.each(['TLSv1.2', 'TLSv1.1'] as const)('speaks no %s', async (maxVersion) => {
    const socket = connect({ port, host: '127.0.0.1', ...secured, minVersion: 'TLSv1', maxVersion });
    const [error] = await once(socket, 'error');
    expect(String(error)).toMatch(/protocol|version/i);
  });

  test('speaks no plain HTTP', async () => {
    await expect(fetch(`http://127.0.0.1:${port}/v1/ready`)).rejects.toThrow();
  });

  test('opens WebSockets over it, and bounds how long a handshake may take to say who it is', async () => {
    const socket = new WebSocket(`wss://localhost:${port}/v1/agent`, { ...secured, family: 4 });
    await once(socket, 'open');
    expect((await once(socket, 'close'))[0]).toBe(4408);
  });
});

describe('without one, the door', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('opens on %s', (JANGADA_HOST) => {
    expect(() => serverFactory({ ...plain, JANGADA_HOST })).not.toThrow();
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example'])(
    'does not open on %s, unless a proxy is declared to end TLS',
    (JANGADA_HOST) => {
      expect(() => serverFactory({ ...plain, JANGADA_HOST })).toThrow('plain HTTP beyond this machine');
      expect(() => serverFactory({ ...plain, JANGADA_HOST, TLS_PROXY: true })).not.toThrow();
    },
  );

  test('does not open with half of one, or with something else', () => {
    expect(() => serverFactory({ ...plain, TLS_CERT: made.cert })).toThrow('belong together');
    const other = createHash('sha256').update('x').digest('hex');
    const factory = serverFactory({ ...plain, TLS_CERT: other, TLS_KEY: made.key });
    expect(() => factory(() => undefined, {})).toThrow('not a certificate');
  });
});
