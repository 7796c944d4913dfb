import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startEdge } from './test-edge.ts';
import { serverFactory } from './tls.ts';

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));

/** A certificate that vouches for itself, for `localhost` (RFC 5280 §4.1): nothing in the runtime makes one. */
const selfMade = (): { cert: string; key: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid('2a8648ce3d040302'));
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from('localhost')))));
  const dates = sequence(...['250101000000Z', '491231235959Z'].map((at) => der(0x17, Buffer.from(at))));
  const alternative = der(0x04, sequence(der(0x82, Buffer.from('localhost'))));
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    dates,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(oid('551d11'), alternative))),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const bytes = sequence(signed, algorithm, signature).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${bytes.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};

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
