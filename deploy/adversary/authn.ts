import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttackCase } from './case.ts';
import { area, NotBuilt, type Observed } from './driver.ts';
import { forgery, type Ground, jwtOf, queryFrame, type Told } from './ground.ts';

/** Tokens that are not what they say, and ways to try them. */

type Forged = Awaited<ReturnType<typeof forgery>>;
type Make = (real: Forged) => string | readonly string[] | Promise<string | readonly string[]>;

const now = (): number => Math.floor(Date.now() / 1_000);
const publicJwk = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' });
const hmac = (secret: string | Buffer) => (input: string) =>
  createHmac('sha256', secret).update(input).digest();

/** What everybody who holds a token does with it: as a header of the handshake, as the first frame, and over HTTP. */
export const offer = async (ground: Ground, token: string): Promise<Observed> => {
  const address = ground.address();
  const handshake = await ground.socket({ token, address }).catch(() => undefined);
  const overHttp = await ground.http('POST', '/v1/query', {
    token,
    address,
    body: { query: 'quantas consultas tenho hoje?' },
  });
  using talk = await ground.socket({ address });
  talk.send({ op: 'auth', token });
  const framed = await talk.code();
  const close = framed === undefined ? undefined : await Promise.race([talk.closed, sleep(1_000, undefined)]);
  const codes = [handshake?.refusal?.code, overHttp.code, framed];
  handshake?.[Symbol.dispose]();
  return {
    refused: handshake?.refusal !== undefined && overHttp.status >= 400 && framed !== undefined,
    code: new Set(codes).size === 1 ? framed : codes.join('/'),
    close,
    told: [overHttp.text, ...talk.frames],
    secrets: { token },
  };
};

const offering =
  (make: Make) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const made = await make(await forgery(ground));
    const seen: Observed[] = [];
    for (const token of typeof made === 'string' ? [made] : made) seen.push(await offer(ground, token));
    const failed = seen.find(({ refused }) => !refused);
    const codes = [...new Set(seen.map(({ code }) => code))];
    return { ...(failed ?? seen.at(-1)), code: codes.join(' or '), refused: failed === undefined };
  };

const resigned =
  (change: (payload: Record<string, unknown>) => Record<string, unknown>, header = {}): Make =>
  (real) =>
    jwtOf({ ...real.header, ...header }, change(real.payload), real.key);

/** The attacker’s own key, named in the header in each way there is; nobody may come to fetch it. */
const namedKey = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  let connections = 0;
  const server = createServer((_request, response) => {
    connections += 1;
    response.end('{"keys":[]}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  try {
    const { privateKey } = generateKeyPairSync('ed25519');
    const seen = await offering((real) =>
      [{ jku: url }, { x5u: url }, { jwk: publicJwk(privateKey) }, { jku: url, kid: 'theirs' }].map((named) =>
        jwtOf({ ...real.header, ...named }, real.payload, privateKey),
      ),
    )(_one, ground);
    return { ...seen, figures: { 'net.connect': connections } };
  } finally {
    server.close();
  }
};

const inUrl = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await forgery(ground);
  using talk = await ground.socket({ path: `/v1/agent?access_token=${token}&token=${token}` });
  if (!talk.refusal) talk.send(queryFrame('quantas consultas tenho hoje?'));
  const code = await talk.code();
  const overHttp = await ground.http('POST', `/v1/query?access_token=${token}`, { body: { query: 'oi' } });
  return {
    refused: code !== undefined && overHttp.status === 401,
    code: code === overHttp.code ? code : `${code}/${overHttp.code}`,
    told: [...talk.frames, overHttp.text],
    secrets: { token },
  };
};

const expiresWhileOpen = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { header, payload, key } = await forgery(ground);
  const expiresAt = now() + 3;
  const token = jwtOf(header, { ...payload, iat: now(), exp: expiresAt }, key);
  using talk = await ground.socket({ token });
  if (talk.refusal) return { refused: false, code: talk.refusal.code, note: 'was not let in at first' };
  const close = await Promise.race([talk.closed, sleep(12_000, undefined)]);
  const late = Date.now() - expiresAt * 1_000;
  const sayable = talk.frames.map((frame) => frame).join('\n');
  return {
    refused: close !== undefined,
    close,
    // Whoever is closed by their token's end is told by the frame before it or by the close code's reason.
    code: /AUTH_EXPIRED/.test(sayable) || close === 4401 ? 'AUTH_EXPIRED' : undefined,
    ms: Math.max(0, late),
  };
};

const bruteForce = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const { accounts } = ground.journey.system;
  // Nobody else's attack needs this account, which stays locked.
  const account = accounts.find(({ alias }) => alias === 'viewer');
  if (!account) throw new NotBuilt('no account to try');
  const address = ground.address();
  const allowed = Number(one.expected['after'] ?? 10);
  const { email, password } = account;
  const tries = [];
  for (let attempt = 0; attempt <= allowed; attempt++)
    tries.push(
      await ground.http('POST', '/v1/auth/token', { address, body: { email, password: `wrong-${attempt}` } }),
    );
  const right = await ground.http('POST', '/v1/auth/token', { address, body: { email, password } });
  const after = tries.findIndex(({ code }) => code === 'RATE_LIMITED');
  return {
    refused: right.status === 429,
    code: right.code,
    headers: Object.keys(right.headers),
    figures: { after: after === -1 ? Number.POSITIVE_INFINITY : after },
    told: tries.map(({ text }) => text),
  };
};

/** Somebody who does not exist is answered as somebody whose password is wrong. */
const enumeration = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { accounts } = ground.journey.system;
  const known = accounts.find(({ alias }) => alias === 'client')?.email ?? '';
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const attempt = (email: string) =>
    ground.http('POST', '/v1/auth/token', {
      address: ground.address(),
      body: { email, password: 'wrong-password' },
    });
  // In turn, so that whatever else goes on meets both alike.
  const told: { known: Told[]; nobody: Told[] } = { known: [], nobody: [] };
  for (let count = 0; count < 7; count++) {
    told.known.push(await attempt(known));
    told.nobody.push(await attempt('nobody@clinica-aurora.example'));
  }
  const seen = (answers: readonly Told[]) => ({
    bodies: new Set(answers.map(({ text, status }) => `${status} ${JSON.parse(text).code}`)),
    ms: median(answers.map(({ ms }) => ms)),
  });
  const [there, nowhere] = [seen(told.known), seen(told.nobody)];
  const ratio = Math.max(there.ms, nowhere.ms) / Math.min(there.ms, nowhere.ms);
  const alike =
    there.bodies.size === 1 && [...there.bodies].join() === [...nowhere.bodies].join() && ratio < 2;
  return {
    refused: true,
    code: [...there.bodies].join().split(' ')[1],
    holds: alike ? ['indistinguishable', 'uniform', 'reject'] : [],
    figures: { same_size: alike },
    note: `medians ${there.ms.toFixed(0)} and ${nowhere.ms.toFixed(0)} ms`,
  };
};

const nothingAtAll = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  using talk = await ground.socket();
  talk.send(queryFrame('quantas consultas tenho hoje?'));
  const code = await talk.code();
  const close = await Promise.race([talk.closed, sleep(6_500, undefined)]);
  const overHttp = await ground.http('POST', '/v1/query', { body: { query: 'oi' } });
  return { refused: code !== undefined && overHttp.status === 401, code, close, told: talk.frames };
};

/** A session that was ended keeps neither its token nor its open sockets. */
const revoked = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { accounts } = ground.journey.system;
  const account = accounts.find(({ alias }) => alias === 'client');
  const signedIn = await ground.http('POST', '/v1/auth/token', {
    address: ground.address(),
    body: { email: account?.email, password: account?.password },
  });
  const { access_token: token } = JSON.parse(signedIn.text) as { access_token: string };
  using talk = await ground.socket({ token });
  const ended = await ground.http('POST', '/v1/auth/logout', { token, body: {} });
  if (ended.status === 404) throw new NotBuilt('nothing ends a session');
  const startedAt = performance.now();
  const close = await Promise.race([talk.closed, sleep(5_000, undefined)]);
  const ms = performance.now() - startedAt;
  const again = await ground.http('POST', '/v1/query', { token, body: { query: 'oi' } });
  return { refused: again.status === 401 && close !== undefined, code: again.code, close, ms };
};

const duplicateClaims: Make = ({ header, payload, key }) => {
  const text = JSON.stringify(payload);
  return [
    jwtOf(header, `{"tid":"clinica-brisa",${text.slice(1)}`, key),
    jwtOf(header, `${text.slice(0, -1)},"tid":"clinica-brisa"}`, key),
    jwtOf(header, `${text.slice(0, -1)},"\\u0074id":"clinica-brisa"}`, key),
  ];
};

export const authn = area('authn', [
  [
    /alg\s*=?\s*none|unsigned|empty signature/i,
    offering(({ header, payload }) => [
      jwtOf({ alg: 'none' }, payload, () => Buffer.alloc(0)),
      jwtOf({ ...header, alg: 'none' }, payload, () => Buffer.alloc(0)),
      jwtOf({ ...header, alg: 'NoNe' }, payload, () => Buffer.alloc(0)),
      jwtOf(header, payload, () => Buffer.alloc(0)),
    ]),
  ],
  [
    /confusion|HS256|symmetric/i,
    offering(({ header, payload, key }) => {
      const publicKey = createPublicKey(key);
      const secrets = [
        publicKey.export({ type: 'spki', format: 'pem' }),
        publicKey.export({ type: 'spki', format: 'der' }),
        Buffer.from(publicJwk(key).x ?? '', 'base64url'),
        JSON.stringify(publicJwk(key)),
      ];
      return secrets.map((secret) => jwtOf({ ...header, alg: 'HS256' }, payload, hmac(secret)));
    }),
  ],
  [/jku|x5u|x5c|\bjwk\b/i, namedKey],
  [/\bcrit\b/i, offering(resigned((payload) => payload, { crit: ['x-bypass'], 'x-bypass': true }))],
  [
    /\bkid\b|key id/i,
    offering(({ header, payload }) => {
      const { privateKey } = generateKeyPairSync('ed25519');
      return ['../../dev/null', "' or 1=1 --", '', 'theirs', '__proto__'].map((kid) =>
        jwtOf({ ...header, kid }, payload, privateKey),
      );
    }),
  ],
  [
    /not.before|\bnbf\b|iat in (?:the )?future|issued in/i,
    offering(({ header, payload, key }) => [
      jwtOf(header, { ...payload, nbf: now() + 60 }, key),
      jwtOf(header, { ...payload, iat: now() + 60 }, key),
    ]),
  ],
  [
    /NumericDate|malformed date|as string/i,
    offering(({ header, payload, key }) => [
      jwtOf(header, { ...payload, nbf: 'invalid' }, key),
      jwtOf(header, { ...payload, exp: '9999999999' }, key),
      jwtOf(header, { ...payload, iat: 'yesterday' }, key),
      jwtOf(header, { ...payload, exp: null }, key),
      jwtOf(header, `${JSON.stringify({ ...payload, exp: 0 }).replace('"exp":0', '"exp":1e400')}`, key),
    ]),
  ],
  [/duplicate claim|parser differential/i, offering(duplicateClaims)],
  [/expires? (?:during|while)|open (?:web)?socket.*expire/i, expiresWhileOpen, { waits: true }],
  [/revok|log.?out|session (?:was )?ended/i, revoked],
  [/expired/i, offering(resigned((payload) => ({ ...payload, iat: now() - 7_200, exp: now() - 3_600 })))],
  [
    /audience|\baud\b|issuer|\biss\b|another service/i,
    offering(({ header, payload, key }) => [
      jwtOf(header, { ...payload, aud: 'another' }, key),
      jwtOf(header, { ...payload, iss: 'https://issuer.example' }, key),
      jwtOf(header, Object.fromEntries(Object.entries(payload).filter(([name]) => name !== 'aud')), key),
    ]),
  ],
  [
    /\btyp\b|id.token|refresh token as/i,
    offering(({ header, payload, key }) => [
      jwtOf({ ...header, typ: 'JWT' }, payload, key),
      jwtOf({ ...header, typ: 'id+jwt' }, payload, key),
    ]),
  ],
  [
    /missing claim|without (?:exp|sub|tid)|required claim/i,
    offering(({ header, payload, key }) =>
      ['exp', 'sub', 'tid', 'role', 'sid'].map((claim) =>
        jwtOf(header, Object.fromEntries(Object.entries(payload).filter(([name]) => name !== claim)), key),
      ),
    ),
  ],
  [
    /tamper|alter|signature (?:stripped|truncated|changed)|payload changed|role raised/i,
    offering(({ token, header, payload }) => {
      const [, , seal = ''] = token.split('.');
      const signature = () => Buffer.from(seal, 'base64url');
      return [
        jwtOf(header, { ...payload, role: 'admin' }, signature),
        jwtOf(header, { ...payload, tid: 'clinica-brisa' }, signature),
        jwtOf(header, payload, () => signature().subarray(0, 32)),
      ];
    }),
  ],
  [
    /malformed token|garbage|truncated token|oversized token/i,
    offering(({ token }) => ['nonsense', '..', token.slice(0, -8), `${token}.${token}`, 'a'.repeat(6_000)]),
  ],
  [/URL|query string/i, inUrl],
  [/brute force|failed log.?ins?|password guess|credential stuffing/i, bruteForce],
  [/enumerat|unknown (?:user|account|e-?mail)/i, enumeration],
  [/no token|missing token|unauthenticated|without a token|anonymous/i, nothingAtAll],
]);
