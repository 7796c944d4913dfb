import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type KeyPair, keyPair, ringOf } from '@jangada/testkit/identity.ts';
import { openRing, type Ring } from '@jangada/trust/ring.ts';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Account, Accounts } from './accounts.ts';
import { openIdentities } from './identity.ts';

const account: Account = {
  id: 'user-1',
  tenant: 'clinic',
  email: 'ana@clinic.example',
  role: 'professional',
  person: 'provider-1',
  passwordHash: '',
};
const accounts: Accounts = {
  byEmail: async (email) => (email === 'ana@clinic.example' ? account : undefined),
  byId: async (id) => (id === account.id ? account : undefined),
  tenant: async () => undefined,
};
const mine = keyPair('mine');
const ringWith = (...token: KeyPair[]): Ring => {
  const { root, statement } = ringOf({ token });
  const ring = openRing(root);
  ring.offer(statement);
  return ring;
};
const open = (issuer?: string) =>
  openIdentities(
    { TOKEN_PRIVATE_KEYS: () => mine.secret, OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'api' },
    ringWith(mine),
    accounts,
    { adopt: async () => undefined },
  );

const now = () => Math.floor(Date.now() / 1_000);
const ours = { tid: 'clinic', role: 'admin', sid: 's-1', acr: 'aal1', amr: ['pwd'] };
const proof = { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], authenticatedAt: 1_790_000_000_000 } as const;

/** A token like ours, wrong in what the test says. */
const token = (over: {
  claims?: object;
  header?: object;
  key?: KeyObject | Uint8Array;
  issuer?: string;
  audience?: string;
  expires?: string | number;
  notBefore?: string;
  issuedAt?: number;
}) => {
  const {
    claims = {},
    header = {},
    key = mine.signer().key,
    issuer = 'jangada',
    audience = 'jangada',
    expires = '10m',
    notBefore,
    issuedAt = now(),
  } = over;
  const jwt = new SignJWT({ ...ours, jti: crypto.randomUUID(), auth_time: now(), ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'mine', ...header })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('user-1')
    .setIssuedAt(issuedAt)
    .setExpirationTime(expires);
  return (notBefore ? jwt.setNotBefore(notBefore) : jwt).sign(key);
};
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('our own tokens', () => {
  test('what was issued is read back as the account', async () => {
    const identities = open();
    const { token, expiresInSeconds } = await identities.issue(account, 's-1', proof);
    const identity = await identities.of(token);
    expect(identity).toMatchObject({
      tenant: 'clinic',
      subject: 'user-1',
      role: 'professional',
      person: 'provider-1',
      session: 's-1',
      ...proof,
    });
    expect(expiresInSeconds).toBe(600);
    expect(identity.expiresAt).toBeGreaterThan(Date.now() + (expiresInSeconds - 5) * 1_000);
    expect(identities.publicKeys().keys[0]).not.toHaveProperty('d');
  });

  test('a remembered token ends when it says so', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const identities = open();
      const short = await token({ expires: Math.floor(Date.now() / 1_000) + 60 });
      await identities.of(short);
      vi.advanceTimersByTime(61_000);
      vi.setSystemTime(Date.now() + 10_000);
      await expect(identities.of(short)).rejects.toThrow('AUTH_EXPIRED');
    } finally {
      vi.useRealTimers();
    }
  });

  const publicPem = createPublicKey(mine.signer().key).export({ type: 'spki', format: 'pem' });
  const payload = {
    ...ours,
    jti: 'j-1',
    auth_time: now(),
    iat: now(),
    sub: 'user-1',
    iss: 'jangada',
    aud: 'jangada',
    exp: now() + 600,
  };
  /** A token that our own key signed, whatever stands in it. */
  const signed = (claims: string, header: object = { alg: 'EdDSA', typ: 'at+jwt', kid: 'mine' }) => {
    const text = `${base64(header)}.${Buffer.from(claims).toString('base64url')}`;
    return `${text}.${sign(null, Buffer.from(text), mine.signer().key).toString('base64url')}`;
  };
  const said = (claims: object) => JSON.stringify({ ...payload, ...claims });
  const attacks: readonly [string, () => string | Promise<string>][] = [
    ['no algorithm', () => `${base64({ alg: 'none', typ: 'at+jwt' })}.${base64(payload)}.`],
    [
      'an HMAC keyed with our public key',
      () => {
        const signed = `${base64({ alg: 'HS256', typ: 'at+jwt', kid: 'mine' })}.${base64(payload)}`;
        return `${signed}.${createHmac('sha256', publicPem).update(signed).digest('base64url')}`;
      },
    ],
    ['another key under our key id', () => token({ key: keyPair('mine').signer().key })],
    ['another key id', () => token({ header: { kid: 'other' } })],
    [
      'a key that the token itself brings',
      () => {
        const { privateKey, publicKey } = generateKeyPairSync('ed25519');
        return token({
          key: privateKey,
          header: { jwk: publicKey.export({ format: 'jwk' }), kid: 'theirs' },
        });
      },
    ],
    [
      'keys at an address that the token names',
      () => token({ key: keyPair('x').signer().key, header: { kid: 'x', jku: 'http://127.0.0.1:1/keys' } }),
    ],
    [
      'an address of keys beside a signature that is ours',
      () => signed(said({}), { alg: 'EdDSA', typ: 'at+jwt', kid: 'mine', x5u: 'https://evil.example/x' }),
    ],
    ['not yet valid', () => token({ notBefore: '5m' })],
    ['issued in the future', () => token({ issuedAt: now() + 60, expires: now() + 120 })],
    ['an expiry that is text', () => signed(said({ exp: '9999999999' }))],
    ['a beginning that is text', () => signed(said({ nbf: 'invalid' }))],
    ['a time of log-in that is text', () => signed(said({ auth_time: '1' }))],
    ['no time of issue', () => signed(said({ iat: undefined }))],
    ['an assurance that nobody gives', () => signed(said({ acr: 'aal9' }))],
    ['two tenants', () => signed(said({}).replace('{', '{"tid":"other",'))],
    ['two tenants, one of them escaped', () => signed(said({}).replace('{', '{"t\\u0069d":"other",'))],
    [
      'a critical extension, signed by us',
      () => signed(said({}), { alg: 'EdDSA', typ: 'at+jwt', kid: 'mine', crit: ['x'], x: 1 }),
    ],
    ['another issuer', () => token({ issuer: 'https://elsewhere.example' })],
    ['another audience', () => token({ audience: 'another-api' })],
    ['an identity token', () => token({ header: { typ: 'JWT' } })],
    ['no tenant', () => token({ claims: { tid: undefined } })],
    ...['*', '>', 'a.b', 'a b', 'a\u0000'].map((tid): [string, () => Promise<string>] => [
      `a tenant that no subject may hold: ${tid}`,
      () => token({ claims: { tid } }),
    ]),
    [
      'a critical extension nobody knows',
      () =>
        `${base64({ alg: 'EdDSA', typ: 'at+jwt', kid: 'mine', crit: ['x'], x: 1 })}.${base64(payload)}.AA`,
    ],
    ['nothing like a token', () => 'Bearer'],
    ['an empty string', () => ''],
  ];
  test.each(attacks)('are refused: %s', async (_name, make) => {
    await expect(open().of(await make())).rejects.toThrow('AUTH_INVALID');
  });

  test('are refused: expired', async () => {
    await expect(open().of(await token({ expires: Math.floor(Date.now() / 1_000) - 60 }))).rejects.toThrow(
      'AUTH_EXPIRED',
    );
  });

  test('are refused: older than any token of ours may get, whatever it says of its end', async () => {
    const old = token({ issuedAt: now() - 660, expires: now() + 3_600 });
    await expect(open().of(await old)).rejects.toThrow('AUTH_EXPIRED');
  });

  test('a changed claim breaks the signature', async () => {
    const [header, , signature] = (await token({})).split('.');
    await expect(
      open().of(`${header}.${base64({ ...payload, role: 'owner' })}.${signature}`),
    ).rejects.toThrow('AUTH_INVALID');
  });
});

describe('tokens of an outside issuer', () => {
  const theirs = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let issuer: string;
  const server = createServer((request, response) => {
    const jwk = { ...theirs.publicKey.export({ format: 'jwk' }), kid: 'theirs', alg: 'ES256' };
    const document = request.url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const foreign = (claims: object, over: { audience?: string; subject?: string } = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'theirs' })
      .setIssuer(issuer)
      .setAudience(over.audience ?? 'api')
      .setSubject(over.subject ?? 'idp|42')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(theirs.privateKey);

  test('lead to the account of a verified address or of their subject, and to its tenant and role', async () => {
    const byEmail = await foreign({
      email: 'ana@clinic.example',
      email_verified: true,
      tid: 'other',
      role: 'admin',
    });
    expect(await open(issuer).of(byEmail)).toMatchObject({
      tenant: 'clinic',
      subject: 'user-1',
      role: 'professional',
    });
    expect(await open(issuer).of(await foreign({}, { subject: 'user-1' }))).toMatchObject({
      subject: 'user-1',
    });
  });

  test('are refused with an address that the issuer does not vouch for, or without an account', async () => {
    for (const claims of [
      { email: 'ana@clinic.example' },
      { email: 'ana@clinic.example', email_verified: false },
      {},
    ]) {
      await expect(open(issuer).of(await foreign(claims))).rejects.toThrow('AUTH_INVALID');
    }
    const elsewhere = await foreign({}, { audience: 'elsewhere', subject: 'user-1' });
    await expect(open(issuer).of(elsewhere)).rejects.toThrow('AUTH_INVALID');
  });

  test('do not let our issuer’s name in, nor ours theirs', async () => {
    const posing = new SignJWT({ tid: 'clinic', role: 'admin', sid: 's' })
      .setProtectedHeader({ alg: 'ES256', kid: 'theirs', typ: 'at+jwt' })
      .setIssuer('jangada')
      .setAudience('jangada')
      .setSubject('user-1')
      .setExpirationTime('5m');
    await expect(open(issuer).of(await posing.sign(theirs.privateKey))).rejects.toThrow('AUTH_INVALID');
    await expect(open(issuer).of(await token({ issuer, audience: 'api' }))).rejects.toThrow('AUTH_INVALID');
    await expect(open().of(await foreign({}, { subject: 'user-1' }))).rejects.toThrow('AUTH_INVALID');
  });

  test('say that the service is away when its keys cannot be had, and work once they can', async () => {
    const identities = open('http://127.0.0.1:1');
    const posing = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('http://127.0.0.1:1')
      .sign(theirs.privateKey);
    await expect(identities.of(posing)).rejects.toThrow('token issuer is not available');
  });
});
