import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openIssuer } from './issuer.ts';

/** An issuer that speaks the real protocol and misbehaves as a test says. */

interface Pair {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}
const pair = (kid: string): Pair => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });

let issuer: string;
let keys: Pair[] = [];
/** What goes wrong with which document. */
let fault: { path?: string; how?: 'hang' | 'huge' | 'fail' | 'redirect' | 'text' } = {};
let document: object | undefined;
let asked: string[] = [];

const server = createServer((request, response) => {
  const path = request.url ?? '';
  asked.push(path);
  const isFaulty = fault.path !== undefined && path.endsWith(fault.path);
  if (isFaulty && fault.how === 'hang') return;
  if (isFaulty && fault.how === 'redirect')
    return void response.writeHead(302, { location: '/elsewhere' }).end();
  response.writeHead(isFaulty && fault.how === 'fail' ? 500 : 200, { 'content-type': 'application/json' });
  if (isFaulty && fault.how === 'text') return void response.end('<html>');
  const padding = isFaulty && fault.how === 'huge' ? { padding: 'x'.repeat(300 * 1024) } : {};
  const jwks = {
    keys: keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' })),
  };
  const found = path === '/keys' ? jwks : (document ?? { issuer, jwks_uri: `${issuer}/keys` });
  response.end(JSON.stringify({ ...found, ...padding }));
});
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  keys = [pair('first')];
  fault = {};
  document = undefined;
  asked = [];
});

const now = () => Math.floor(Date.now() / 1_000);
const token = (
  key: Pair,
  over: { issuedAt?: number; alg?: string; header?: object; sign?: KeyObject | Uint8Array } = {},
) =>
  new SignJWT({})
    .setProtectedHeader({ alg: over.alg ?? 'ES256', kid: key.kid, ...over.header })
    .setIssuer(issuer)
    .setAudience('api')
    .setSubject('idp|1')
    .setIssuedAt(over.issuedAt ?? now())
    .setExpirationTime('5m')
    .sign(over.sign ?? key.privateKey);
const open = () => openIssuer(issuer, 'api');
const first = (): Pair => keys[0] as Pair;

describe('an issuer’s keys', () => {
  test('are asked for once, and again when a token names one that is not known', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const verify = open();
      for (let time = 0; time < 3; time++) await verify(await token(first()));
      expect(asked).toEqual(['/.well-known/openid-configuration', '/keys']);
      const old = first();
      keys = [old, pair('second')];
      vi.setSystemTime(Date.now() + 11_000);
      expect(await verify(await token(keys[1] as Pair))).toMatchObject({ sub: 'idp|1' });
      expect(await verify(await token(old))).toMatchObject({ sub: 'idp|1' });
      expect(asked.filter((path) => path === '/keys')).toHaveLength(2);
      // One that is gone is gone with the next look.
      keys = [pair('third')];
      vi.setSystemTime(Date.now() + 11_000);
      await verify(await token(first()));
      await expect(verify(await token(old))).rejects.toThrow('no applicable key');
    } finally {
      vi.useRealTimers();
    }
  });

  test('are not asked for again and again by tokens with keys that nobody has', async () => {
    const verify = open();
    for (let time = 0; time < 20; time++)
      await expect(verify(await token(pair(`forged-${time}`)))).rejects.toThrow('no applicable key');
    expect(asked.filter((path) => path === '/keys')).toHaveLength(1);
  });
});

describe('a token', () => {
  test.each<[string, () => Promise<string>]>([
    ['of another key under a known name', () => token({ ...pair('first') })],
    ['that says another algorithm', () => token(first(), { alg: 'HS256', sign: Buffer.alloc(32, 1) })],
    [
      'keyed with the public key',
      () =>
        token(first(), {
          alg: 'HS256',
          sign: Buffer.from(first().publicKey.export({ type: 'spki', format: 'pem' }).toString()),
        }),
    ],
    ['issued in the future', () => token(first(), { issuedAt: now() + 60 })],
    [
      'that names other keys itself',
      () => token(pair('mine'), { header: { jku: 'http://127.0.0.1:1/keys' } }),
    ],
  ])('is refused: %s', async (_name, make) => {
    await expect(open()(await make())).rejects.toThrow();
    expect(asked.every((path) => path === '/keys' || path.startsWith('/.well-known'))).toBe(true);
  });
});

describe('an issuer that misbehaves is away, and is asked again later', () => {
  test.each<['openid-configuration' | 'keys', NonNullable<typeof fault.how>]>(
    (['openid-configuration', 'keys'] as const).flatMap((path) =>
      (['huge', 'fail', 'redirect', 'text'] as const).map((how) => [path, how] as const),
    ) as never,
  )('%s: %s', async (path, how) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const verify = open();
      fault = { path, how };
      await expect(verify(await token(first()))).rejects.toThrow('token issuer is not available');
      fault = {};
      vi.setSystemTime(Date.now() + 11_000);
      expect(await verify(await token(first()))).toMatchObject({ sub: 'idp|1' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('one that never answers holds nobody longer than five seconds, and then nobody at all', async () => {
    const verify = open();
    fault = { path: 'openid-configuration', how: 'hang' };
    const begun = performance.now();
    await expect(verify(await token(first()))).rejects.toThrow('token issuer is not available');
    expect(performance.now() - begun).toBeLessThan(8_000);
    await expect(verify(await token(first()))).rejects.toThrow('token issuer is not available');
    expect(asked).toHaveLength(1);
  });

  test.each<[string, () => object]>([
    ['another issuer', () => ({ issuer: 'https://evil.example', jwks_uri: `${issuer}/keys` })],
    ['keys over another protocol', () => ({ issuer, jwks_uri: `ftp://127.0.0.1/keys` })],
    ['no keys at all', () => ({ issuer })],
  ])('a document that names %s', async (_name, make) => {
    document = make();
    await expect(open()(await token(first()))).rejects.toThrow('token issuer is not available');
    expect(asked).not.toContain('/keys');
  });
});
