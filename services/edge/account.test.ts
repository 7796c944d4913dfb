import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openIds } from './ids.ts';
import { routeOf, routes } from './routes.ts';
import {
  call,
  type Edges,
  encryptionKey,
  logIn,
  openSocket,
  type Replica,
  startEdges,
} from './test-replicas.ts';

let edges: Edges;
let one: Replica;
let two: Replica;
beforeAll(async () => {
  edges = await startEdges(2);
  [one, two] = edges.replicas as [Replica, Replica];
});
afterAll(() => edges?.[Symbol.asyncDispose]());
beforeEach(async () => {
  edges.facts.length = 0;
  await edges.sql('update sessions set ended_at = now(), reason = $1 where ended_at is null', ['logout']);
  await edges.sql('delete from second_factors');
});

const [ana, bia, caio, eva] = [
  'ana@north.example',
  'bia@north.example',
  'caio@north.example',
  'eva@south.example',
];
const said = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['code']];
const renew = (replica: Replica, refreshToken: string) =>
  call(replica, '/v1/auth/token', { body: { grant_type: 'refresh_token', refresh_token: refreshToken } });
/** Any request that takes a token. */
const enter = (replica: Replica, token: string) => call(replica, '/v1/auth/sessions', { token });
const fact = (name: string) =>
  until(`the fact ${name}`, () => edges.facts.find((known) => known.name === name));

/** Gives an account an authenticator app; each code is of a step of its own, so that tests need not wait for the next. */
const enrol = async (email: string) => {
  const { token } = await logIn(one, email);
  const { body } = await call(one, '/v1/auth/mfa/enrol', { token, body: {} });
  const secret = String(body['secret']);
  const confirmed = await call(one, '/v1/auth/mfa/confirm', {
    token,
    body: { otp: totpAt(secret, Date.now() - 30_000) },
  });
  expect(confirmed.status).toBe(200);
  return {
    secret,
    uri: String(body['otpauth_uri']),
    recoveryCodes: confirmed.body['recovery_codes'] as string[],
    token: String(confirmed.body['access_token']),
    code: () => totpAt(secret, Date.now()),
    next: () => totpAt(secret, Date.now() + 30_000),
    wrong: () => {
      const near = [-60, -30, 0, 30, 60].map((seconds) => totpAt(secret, Date.now() + seconds * 1_000));
      return (
        ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code)) ??
        ''
      );
    },
  };
};

describe('a session', () => {
  test('is carried on by refresh tokens, each of which works once and keeps how the person proved themselves', async () => {
    const first = await logIn(one, ana ?? '');
    const renewed = await renew(two, first.refreshToken);
    expect(renewed.body).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
    const [before, after] = [decodeJwt(first.token), decodeJwt(String(renewed.body['access_token']))];
    expect(after).toMatchObject({
      sid: before['sid'],
      acr: 'aal1',
      amr: ['pwd'],
      auth_time: before['auth_time'],
    });
    expect(after.jti).not.toBe(before.jti);
    expect((await enter(two, String(renewed.body['access_token']))).status).toBe(200);
    expect(said(await renew(one, 'north.nonsense'))).toEqual([401, 'AUTH_INVALID']);
    expect(said(await renew(one, String(renewed.body['refresh_token']).replace('north', 'south')))).toEqual([
      401,
      'AUTH_INVALID',
    ]);
  });

  test('is over when one of its refresh tokens comes a second time, whoever sent it', async () => {
    const { token, refreshToken } = await logIn(one, ana ?? '');
    const next = String((await renew(one, refreshToken)).body['refresh_token']);
    expect(said(await renew(two, refreshToken))).toEqual([401, 'AUTH_REPLAY']);
    expect(said(await renew(one, next))).toEqual([401, 'AUTH_REVOKED']);
    await until('both replicas to refuse its tokens', async () => {
      const answers = [await enter(one, token), await enter(two, token)];
      return answers.every(({ status }) => status === 401);
    });
    expect(await fact('refresh.reuse')).toMatchObject({ tenant: 'north', body: { actor: 'ana' } });
  });

  test('gives one new refresh token to twenty that ask with the same at the same time, at most', async () => {
    const { refreshToken } = await logIn(one, ana ?? '');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => renew(index % 2 ? one : two, refreshToken)),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBe(1);
  });

  test('that is revoked at one replica is over at the other: its socket and stream within two seconds', async () => {
    const { token } = await logIn(two, bia ?? '');
    const socket = await openSocket(two, { token });
    socket.send({
      op: 'run',
      input: {
        threadId: 't',
        runId: 'r',
        protocolVersion: '1.0',
        messages: [{ id: '1', role: 'user', content: 'wait' }],
        tools: [],
        context: [],
      },
    });
    await socket.frame('some text', ({ seq }) => seq === 3);
    const stream = call(two, '/v1/query', { token, body: { query: 'wait' } });
    await until('the question to come in', () => edges.passes.filter(({ sub }) => sub === 'bia').length >= 2);
    const admin = await enrol(ana ?? '');
    const revokedAt = performance.now();
    const answer = await call(one, '/v1/auth/revoke', { token: admin.token, body: { account: 'bia' } });
    expect(answer.status).toBe(204);
    expect(await socket.closed).toBe(4401);
    expect(said(await stream)).toEqual([401, 'AUTH_REVOKED']);
    expect(performance.now() - revokedAt).toBeLessThan(2_000);
    expect(socket.frames).toContainEqual(expect.objectContaining({ op: 'error', code: 'AUTH_REVOKED' }));
    for (const replica of [one, two])
      expect(said(await enter(replica, token))).toEqual([401, 'AUTH_REVOKED']);
    await expect(openSocket(one, { token })).rejects.toThrow('HTTP 401');
    expect((await fact('session.revoked')).body).toEqual({ actor: 'ana', account: 'bia', reason: 'revoked' });
    expect((await fact('auth.denied')).body).toEqual({ actor: 'bia', code: 'AUTH_REVOKED' });
    for (const [name, requestPath] of [
      ['session.opened', '/v1/auth/token'],
      ['mfa.changed', '/v1/auth/mfa/confirm'],
      ['session.revoked', '/v1/auth/revoke'],
      ['auth.denied', '/v1/auth/sessions'],
    ] as const)
      expect([name, (await fact(name)).from]).toEqual([
        name,
        { userAgent: 'node', ipAddress: '127.0.0.1', requestPath },
      ]);
  });

  test('that was ended where no broadcast reached is refused all the same, and its socket let go', async () => {
    const { token } = await logIn(one, bia ?? '');
    expect((await enter(one, token)).status).toBe(200);
    const socket = await openSocket(one, { token });
    await edges.sql(`update sessions set ended_at = now(), reason = 'revoked' where account_id = 'bia'`);
    await until('the word of the database', async () => (await enter(one, token)).status === 401, 8_000);
    expect(await socket.closed).toBe(4401);
  });

  test('ends with a log-out, here or everywhere', async () => {
    const [first, second, third] = [
      await logIn(one, bia ?? ''),
      await logIn(one, bia ?? ''),
      await logIn(two, bia ?? ''),
    ];
    expect((await call(one, '/v1/auth/logout', { token: first.token, body: {} })).status).toBe(204);
    expect(said(await enter(one, first.token))).toEqual([401, 'AUTH_REVOKED']);
    const listed = await call(one, '/v1/auth/sessions', { token: second.token });
    expect(listed.body['sessions']).toMatchObject([{ current: false }, { current: true, acr: 'aal1' }]);
    await call(one, '/v1/auth/logout', { token: second.token, body: { everywhere: true } });
    await until('the other replica to hear', async () => (await enter(two, third.token)).status === 401);
    expect(said(await renew(two, third.refreshToken))).toEqual([401, 'AUTH_REVOKED']);
  });

  test('ends when nobody uses it for half an hour, and twelve hours after its log-in', async () => {
    const silent = await logIn(one, bia ?? '');
    const busy = await logIn(one, bia ?? '');
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      let { refreshToken } = busy;
      vi.setSystemTime(Date.now() + 20 * 60_000);
      refreshToken = String((await renew(one, refreshToken)).body['refresh_token']);
      vi.setSystemTime(Date.now() + 11 * 60_000);
      expect(said(await renew(one, silent.refreshToken))).toEqual([401, 'AUTH_EXPIRED']);
      const renewed = await renew(one, refreshToken);
      expect(renewed.status).toBe(200);
      expect((await enter(one, String(renewed.body['access_token']))).status).toBe(200);
      refreshToken = String(renewed.body['refresh_token']);
      let code: unknown;
      let minutes = 31;
      for (; code === undefined; minutes += 29) {
        vi.setSystemTime(Date.now() + 29 * 60_000);
        const { body } = await renew(one, refreshToken);
        ({ code } = body);
        refreshToken = String(body['refresh_token'] ?? refreshToken);
      }
      expect([code, Math.floor(minutes / 60)]).toEqual(['AUTH_EXPIRED', 12]);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('a socket whose session nobody uses is closed and the session ended, and one that says something stays', async () => {
  const replica = await edges.open({ AI_AGENT_SESSION_TTL_MINUTES: 5 });
  const [silent, busy] = [await logIn(replica, bia ?? ''), await logIn(replica, ana ?? '')];
  const [left, used] = [await openSocket(replica, silent), await openSocket(replica, busy)];
  const pongs = async (count: number): Promise<void> => {
    used.send({ op: 'ping' });
    await until('a pong', () => used.frames.filter(({ op }) => op === 'pong').length === count);
  };
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    vi.setSystemTime(Date.now() + 4 * 60_000);
    await pongs(1);
    vi.setSystemTime(Date.now() + 2 * 60_000);
    expect(await left.closed).toBe(4401);
    expect(left.frames.at(-1)).toMatchObject({ op: 'error', code: 'AUTH_EXPIRED' });
    await pongs(2);
  } finally {
    vi.useRealTimers();
  }
  const reasonOf = async ({ token }: { token: string }) => {
    const rows = await edges.sql('select reason from sessions where id = $1', [decodeJwt(token)['sid']]);
    return rows[0]?.['reason'];
  };
  await until('the session to be ended', async () => (await reasonOf(silent)) === 'expired');
  expect(await reasonOf(busy)).toBeNull();
  used.socket.close();
});

describe('a second factor', () => {
  test('is enrolled by scanning and one code; from then on a log-in with a code is aal2', async () => {
    const app = await enrol(bia ?? '');
    expect(app.uri).toBe(`otpauth://totp/Jangada:bia%40north.example?secret=${app.secret}&issuer=Jangada`);
    const { token } = await logIn(one, bia ?? '', app.code());
    expect(decodeJwt(token)).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    await call(one, '/v1/query', { token, body: { query: 'hello' } });
    expect(edges.passes.at(-1)).toMatchObject({ sub: 'bia', acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    expect(Date.now() - (edges.passes.at(-1)?.auth_time ?? 0)).toBeLessThan(60_000);
    expect(decodeJwt((await logIn(one, bia ?? '')).token)).toMatchObject({ acr: 'aal1', amr: ['pwd'] });
    const [row] = await edges.sql('select secret from second_factors');
    expect(String(row?.['secret'])).not.toContain(app.secret);
    expect((await fact('mfa.changed')).body).toEqual({ actor: 'bia', change: 'enrolled' });
  });

  test('and what a role may do are told to who asks about themselves', async () => {
    const { token } = await logIn(one, ana ?? '');
    const { body } = await call(one, '/v1/auth/me', { token });
    expect(body).toMatchObject({
      account: 'ana',
      email: 'ana@north.example',
      role: 'admin',
      tenant: { id: 'north' },
      assurance: 'aal1',
      secondFactor: false,
    });
    expect(body['permissions']).toContain('admin:users');
    const enrolled = await enrol(ana ?? '');
    expect((await call(two, '/v1/auth/me', { token: enrolled.token })).body).toMatchObject({
      assurance: 'aal2',
      secondFactor: true,
    });
  });

  test('another takes the place of the first only with a code of the first', async () => {
    await enrol(bia ?? '');
    const { token } = await logIn(one, bia ?? '');
    expect(said(await call(one, '/v1/auth/mfa/enrol', { token, body: {} }))).toEqual([401, 'AUTH_STEP_UP']);
  });

  test('a code works once, in its window too', async () => {
    const app = await enrol(bia ?? '');
    const code = app.code();
    await logIn(one, bia ?? '', code);
    await expect(logIn(two, bia ?? '', code)).rejects.toThrow('MFA_REPLAY');
    expect((await fact('mfa.replay')).body).toEqual({ actor: 'bia' });
    // One step ahead is within the window, and then nothing before it is good any more.
    await logIn(one, bia ?? '', app.next());
    await expect(logIn(one, bia ?? '', app.code())).rejects.toThrow('MFA_REPLAY');
  });

  test('twenty uses of one code at the same time are one', async () => {
    const app = await enrol(bia ?? '');
    const code = app.code();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        logIn(index % 2 ? one : two, bia ?? '', code).then(
          () => 'in',
          (error: Error) => error.message,
        ),
      ),
    );
    expect(
      Object.fromEntries(
        Map.groupBy(outcomes, (outcome) => outcome)
          .entries()
          .map(([key, all]) => [key, all.length]),
      ),
    ).toEqual({
      in: 1,
      MFA_REPLAY: 19,
    });
  });

  test('after five wrong codes no code is judged for a quarter of an hour, not even a right one', async () => {
    const app = await enrol(bia ?? '');
    const wrong = app.wrong();
    for (let attempt = 0; attempt < 5; attempt++)
      await expect(logIn(attempt % 2 ? one : two, bia ?? '', wrong)).rejects.toThrow('AUTH_INVALID');
    await expect(logIn(one, bia ?? '', app.code())).rejects.toThrow('RATE_LIMITED');
    expect((await fact('mfa.locked')).body).toEqual({ actor: 'bia' });
    // The password alone still does what it did.
    expect(decodeJwt((await logIn(one, bia ?? '')).token)).toMatchObject({ acr: 'aal1' });
    await edges.sql(`update second_factors set failed_since = now() - interval '15 minutes'`);
    await logIn(one, bia ?? '', app.code());
  });

  test('twenty wrong codes at the same time are five tries', async () => {
    const app = await enrol(bia ?? '');
    const wrong = app.wrong();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => logIn(one, bia ?? '', wrong).catch((error: Error) => error.message)),
    );
    expect(outcomes.filter((outcome) => outcome === 'AUTH_INVALID').length).toBe(5);
    expect(outcomes.filter((outcome) => outcome === 'RATE_LIMITED').length).toBe(15);
  });

  test('is not told about before the password is right', async () => {
    await enrol(bia ?? '');
    const wrong = (email: string, otp?: string) =>
      call(one, '/v1/auth/token', { body: { email, password: 'wrong', ...(otp && { otp }) } });
    const answers = [
      await wrong(bia ?? ''),
      await wrong(bia ?? '', '123456'),
      await wrong('no@north.example', '123456'),
    ];
    for (const answer of answers) {
      const { requestId: _, ...body } = answer.body;
      expect([answer.status, body]).toEqual([
        401,
        { code: 'AUTH_INVALID', message: 'The sign-in is not valid', retryable: false },
      ]);
    }
  });

  test('a recovery code stands in for a lost phone, once', async () => {
    const app = await enrol(bia ?? '');
    expect(new Set(app.recoveryCodes).size).toBe(10);
    const [code = '', other = ''] = app.recoveryCodes;
    const uses = await Promise.all(
      [one, two, one].map((replica) =>
        logIn(replica, bia ?? '', code).then(
          () => 'in',
          (error: Error) => error.message,
        ),
      ),
    );
    expect(uses.sort()).toEqual(['MFA_REPLAY', 'MFA_REPLAY', 'in']);
    const { token } = await logIn(one, bia ?? '', other);
    expect(decodeJwt(token)).toMatchObject({ acr: 'aal2' });
    expect((await call(one, '/v1/auth/mfa/enrol', { token, body: {} })).status).toBe(200);
    await expect(
      logIn(
        one,
        bia ?? '',
        other.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
      ),
    ).rejects.toThrow('AUTH_INVALID');
    const rows = await edges.sql('select hash from recovery_codes');
    expect(JSON.stringify(rows)).not.toContain(code.slice(2));
  });
});

describe('administration', () => {
  const challenge = 'Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="300"';

  test('takes a role, a second factor, and that it was given lately', async () => {
    const revoke = (token: string) => call(one, '/v1/auth/revoke', { token, body: { account: 'caio' } });
    expect(said(await revoke((await logIn(one, bia ?? '')).token))).toEqual([403, 'AUTHZ_DENIED']);
    const { token } = await logIn(one, ana ?? '');
    const refused = await revoke(token);
    expect([...said(refused), refused.headers.get('www-authenticate')]).toEqual([
      403,
      'MFA_REQUIRED',
      challenge,
    ]);
    expect(refused.body).toMatchObject({ acr_values: 'aal2', max_age: 300 });
    await until('audit to be told', () =>
      edges.facts.some(
        ({ name, body }) => name === 'run.refused' && 'code' in body && body.code === 'MFA_REQUIRED',
      ),
    );

    const app = await enrol(ana ?? '');
    const caios = await logIn(one, caio ?? '');
    const steppedUp = await call(one, '/v1/auth/mfa/verify', { token, body: { otp: app.code() } });
    const strong = String(steppedUp.body['access_token']);
    expect(decodeJwt(strong)).toMatchObject({ sid: decodeJwt(token)['sid'], acr: 'aal2' });
    expect((await revoke(strong)).status).toBe(204);
    expect(said(await enter(one, caios.token))).toEqual([401, 'AUTH_REVOKED']);

    await edges.sql(
      `update sessions set authenticated_at = now() - interval '301 seconds' where reason is null`,
    );
    const { refreshToken } = await logIn(one, ana ?? '', app.next());
    await edges.sql(
      `update sessions set authenticated_at = now() - interval '301 seconds' where reason is null`,
    );
    const old = String((await renew(one, refreshToken)).body['access_token']);
    const tooOld = await revoke(old);
    expect([...said(tooOld), tooOld.headers.get('www-authenticate')]).toEqual([
      401,
      'AUTH_STEP_UP',
      challenge,
    ]);
  });

  test('and whatever hands out, removes or keeps, takes a step-up at every route, and no route is without a line', async () => {
    const kinds =
      /\/(?:admin|keys|holds|break-glass)\b|retention|export|compliance|audit|revoke|relationship|eras|delet|deliver|review|^POST .*privacy/;
    const named = Object.entries(routes).filter(([name]) => kinds.test(name));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(([, { assurance }]) => assurance !== 'step-up')).toEqual([]);
    expect(() => routeOf('GET', '/v1/unheard-of')).toThrow('GET /v1/unheard-of is not in the table');

    const { token: weak } = await logIn(one, ana ?? '');
    const { refreshToken } = await logIn(one, ana ?? '', (await enrol(ana ?? '')).code());
    await edges.sql(
      `update sessions set authenticated_at = now() - interval '301 seconds' where reason is null`,
    );
    const old = String((await renew(one, refreshToken)).body['access_token']);
    // Commands are judged behind the door: services/access has each of them.
    for (const [name, { assurance, permission, commands }] of Object.entries(routes)) {
      if (assurance !== 'step-up' || commands) continue;
      const [method, url = ''] = name.split(' ');
      const ask = async (token: string) =>
        said(
          await call(one, url.replace(/:\w+/g, '1'), { token, ...(method === 'POST' ? { body: {} } : {}) }),
        );
      const without = permission === undefined ? [401, 'AUTH_STEP_UP'] : [403, 'MFA_REQUIRED'];
      expect([name, await ask(weak), await ask(old)]).toEqual([name, without, [401, 'AUTH_STEP_UP']]);
    }
  });

  test('and what is handed out once has no HEAD, which would use it up', async () => {
    const { token } = await logIn(one, ana ?? '', (await enrol(ana ?? '')).code());
    const path = `/v1/privacy/deliveries/${'a'.repeat(43)}`;
    const asked = await fetch(new URL(path, one.url), {
      method: 'HEAD',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(asked.status).toBe(404);
  });

  test('does not reach into another tenant, nor tell what is there', async () => {
    const admin = await enrol(eva ?? '');
    const victim = await logIn(one, bia ?? '');
    const { sid } = decodeJwt(victim.token) as { sid: string };
    const tries = [
      { account: 'bia' },
      { session: sid },
      { account: 'nobody' },
      { session: crypto.randomUUID() },
    ];
    const answers = await Promise.all(
      tries.map((body) => call(one, '/v1/auth/revoke', { token: admin.token, body })),
    );
    for (const answer of answers) expect(said(answer)).toEqual([404, 'NOT_FOUND']);
    const listed = await call(one, '/v1/auth/sessions?account=bia', { token: admin.token });
    expect(listed.body).toEqual({ sessions: [] });
    expect((await enter(one, victim.token)).status).toBe(200);
  });

  test('lists sessions of others and open connections', async () => {
    const { token } = await logIn(one, bia ?? '');
    const [{ socket }, foreign] = [await openSocket(one, { token }), await logIn(one, eva ?? '')];
    const other = await openSocket(one, { token: foreign.token });
    expect(said(await call(one, '/v1/auth/sessions?account=ana', { token }))).toEqual([403, 'AUTHZ_DENIED']);
    const admin = await enrol(ana ?? '');
    const { body } = await call(one, '/v1/admin/connections', { token: admin.token });
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(body['connections']).toEqual([
      {
        id: expect.any(String),
        user: 'bia',
        session: decodeJwt(token)['sid'],
        createdAt: iso,
        lastActivity: iso,
      },
    ]);
    const sessions = await call(one, '/v1/auth/sessions?account=bia', { token: admin.token });
    expect(sessions.body['sessions']).toMatchObject([{ id: decodeJwt(token)['sid'], current: false }]);
    socket.close();
    other.socket.close();
  });

  test('shows how services do and which limits hold, to who may operate', async () => {
    const { token } = await logIn(one, bia ?? '');
    for (const path of ['/v1/admin/services', '/v1/admin/limits'])
      expect(said(await call(one, path, { token }))).toEqual([403, 'AUTHZ_DENIED']);
    const admin = await enrol(ana ?? '');
    const { body } = await call(one, '/v1/admin/services', { token: admin.token });
    expect(body['services']).toContainEqual({
      name: 'edge',
      answered: true,
      ready: true,
      breaker: 'closed',
      inFlight: 0,
      checks: expect.any(Array),
      queue: null,
    });
    const { body: limited } = await call(one, '/v1/admin/limits', { token: admin.token });
    expect(limited['limits']).toContainEqual(
      expect.objectContaining({ name: 'ai-user', class: 'ai', key: 'user', windowMs: 60_000 }),
    );
    expect(body['flags']).toContainEqual({
      name: 'AI_AGENT_PUBLIC_ENABLED',
      value: 'true',
      services: ['edge'],
    });
  });

  test('shows what lies dead of a tenant, and has it sent again, by who keeps it', async () => {
    const { token } = await logIn(one, bia ?? '');
    const weak = await logIn(one, ana ?? '');
    const replay = (sequence: unknown, by: string) =>
      call(one, `/v1/admin/letters/${sequence}/replay`, { token: by, body: {} });
    for (const answer of [await call(one, '/v1/admin/letters', { token }), await replay(7, token)])
      expect(said(answer)).toEqual([403, 'AUTHZ_DENIED']);
    for (const answer of [
      await call(one, '/v1/admin/letters', { token: weak.token }),
      await replay(7, weak.token),
    ])
      expect(said(answer)).toEqual([403, 'MFA_REQUIRED']);

    const admin = await enrol(ana ?? '');
    expect(said(await replay(7, admin.token))).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
    const letter = {
      ...{ sequence: 7, at: '2026-11-20T12:00:00Z', hop: 'intent', reason: 'MSG_POISON: no plan' },
      ...{ tenant: 'north', run: 'run-1', subject: 'run.understood.north.run-1', bytes: 512 },
    };
    const asked: unknown[] = [];
    const keeper = two.service.bus.nc.subscribe('letters.*.north', {
      callback: (_error, message) => {
        const question = message.json<{ sequence?: number }>();
        asked.push([message.subject, question]);
        const told =
          question.sequence === undefined
            ? { letters: [{ ...letter, mayGoOn: true }], next: 7 }
            : question.sequence === 7
              ? { letter }
              : { refused: 'NOT_FOUND' };
        message.respond(JSON.stringify(told));
      },
    });
    await two.service.bus.nc.flush();
    const { tenant: _tenant, subject: _subject, ...rest } = { ...letter, message: 'run.understood' };
    expect((await call(one, '/v1/admin/letters?cursor=3', { token: admin.token })).body).toEqual({
      items: [{ ...rest, mayGoOn: true }],
      nextCursor: '7',
    });
    expect((await replay(7, admin.token)).body).toEqual({ replayed: rest });
    expect(said(await replay(8, admin.token))).toEqual([404, 'NOT_FOUND']);
    for (const wrong of ['x', '0', '1.5'])
      expect(said(await replay(wrong, admin.token))).toEqual([400, 'INPUT_INVALID']);
    expect(asked).toEqual([
      ['letters.list.north', { after: 3 }],
      ['letters.replay.north', { sequence: 7, actor: 'ana' }],
      ['letters.replay.north', { sequence: 8, actor: 'ana' }],
    ]);
    keeper.unsubscribe();
  });

  test('shows how long data are kept, what was removed and what is held, of one tenant', async () => {
    for (const tenant of ['north', 'south']) {
      await edges.sql(
        `insert into retention_runs values ($1, '2026-11-20', '2026-11-20 06:00Z', '2026-11-20 06:00:02Z', $2)`,
        [tenant, JSON.stringify({ rules: [{ class: tenant, before: '2024-11-20', deleted: 4 }] })],
      );
      await edges.sql(
        `insert into legal_holds (tenant_id, class, reason, placed_at) values ($1, 'billing_data', 'a lawsuit', '2026-11-01 12:00Z')`,
        [tenant],
      );
    }
    const { token } = await logIn(one, bia ?? '');
    expect(said(await call(one, '/v1/admin/retention', { token }))).toEqual([403, 'AUTHZ_DENIED']);
    const admin = await enrol(ana ?? '');
    await edges.sql(`insert into retention_plans (tenant_id, tick, class, policy, before, asked_by, planned_at, planned, rows_then, root, needs, finished_at)
      values ('north', 'n-1', 'billing_data', 'v1', now(), 'schedule', now(), 2, 9, sha256(''), 'share', null),
        ('north', 'n-0', 'billing_data', 'v1', now(), 'schedule', now() - interval '1 day', 7, 9, sha256(''), null, now()),
        ('north', 'n-2', 'billing_data', 'v1', now(), 'schedule', null, null, null, null, null, now()),
        ('south', 's-1', 'feedback', 'v1', now(), 'schedule', now(), 1, 1, sha256(''), null, now())`);
    const { body } = await call(one, '/v1/admin/retention', { token: admin.token });
    expect(body).toMatchObject({
      plans: [{ tick: 'n-1', class: 'billing_data', planned: 2, of: 9, needs: 'share', state: 'waiting' }],
      zone: 'America/Sao_Paulo',
      // Three in the morning there.
      nextAt: expect.stringMatching(/T06:00:00Z$/),
      reports: [{ tick: '2026-11-20', removed: [{ class: 'north', before: '2024-11-20', deleted: 4 }] }],
      holds: [{ class: 'billing_data', reason: 'a lawsuit', releasedAt: null }],
    });
    expect(body['classes']).toMatchObject({
      en: { audit_logs: 'audit trail' },
      'pt-BR': { audit_logs: 'auditoria' },
    });
    expect(body['rules']).toContainEqual(
      expect.objectContaining({
        class: 'billing_data',
        keep: 'P7Y',
        legalMin: 'P5Y',
        basis: expect.stringContaining('CTN'),
        held: true,
        here: true,
      }),
    );
    expect(body['rules']).toContainEqual(
      expect.objectContaining({ class: 'system_logs', keep: 'P90D', held: false, here: false }),
    );
  });

  test('shows how good answers were, of their own tenant and of the days that are asked for', async () => {
    await edges.sql(`insert into feedback (tenant_id, id, subject_id, rating, at) values
      ('north', 'run-1', 'bia', 5, now()), ('north', 'run-2', 'bia', 5, now()), ('north', 'run-3', 'ana', 3, now()),
      ('north', 'run-4', 'bia', 1, now() - interval '40 days'), ('south', 'run-5', 'eva', 1, now())`);
    const { token } = await logIn(one, bia ?? '');
    expect(said(await call(one, '/v1/admin/feedback', { token }))).toEqual([403, 'AUTHZ_DENIED']);
    const admin = await enrol(ana ?? '');
    const figures = async (query: string) =>
      (await call(one, `/v1/admin/feedback${query}`, { token: admin.token })).body;
    const ratings = { 1: 0, 2: 0, 3: 1, 4: 0, 5: 2 };
    expect(await figures('')).toEqual({ days: 30, count: 3, average: 4.33, ratings });
    expect(await figures('?days=60')).toMatchObject({
      count: 4,
      average: 3.5,
      ratings: { ...ratings, 1: 1 },
    });
    expect(await figures('?days=0')).toMatchObject({ code: 'INPUT_INVALID', field: 'days' });
    await edges.sql('delete from feedback');
    expect(await figures('')).toMatchObject({ count: 0, average: null });
  });

  test('how somebody logged in is never believed of a message', async () => {
    const { token } = await logIn(one, ana ?? '');
    const spoofed = { amr: ['otp', 'mfa'], acr: 'aal2', auth_time: Date.now() };
    const answer = await call(one, '/v1/auth/revoke', {
      token,
      body: { account: 'bia', ...spoofed },
      headers: { 'x-acr': 'aal2' },
    });
    expect(said(answer)).toEqual([403, 'MFA_REQUIRED']);
    const socket = await openSocket(one, { token });
    const input = {
      threadId: 't',
      runId: 'spoof',
      protocolVersion: '1.0',
      messages: [{ id: '1', role: 'user', content: 'export' }],
      tools: [],
      context: [],
    };
    socket.send({ op: 'run', input, ...spoofed });
    await socket.frame(
      'the frame to be refused',
      ({ op, code, field }) => op === 'error' && code === 'INPUT_INVALID' && field === 'amr',
    );
    socket.send({ op: 'run', input: { ...input, state: spoofed } });
    const refusal = await socket.frame(
      'the refusal',
      ({ event }) => (event as { code?: string })?.code === 'AUTH_STEP_UP',
    );
    expect(refusal['event']).toMatchObject({
      type: 'RUN_ERROR',
      rawEvent: { acr_values: 'aal2', max_age: 300 },
    });
    expect(edges.passes.at(-1)).toMatchObject({ acr: 'aal1', amr: ['pwd'] });
    socket.send({ op: 'ping' });
    await socket.frame('the socket to stay open', ({ op }) => op === 'pong');
    socket.socket.close();
  });
});

describe('what became of questions', () => {
  const keep = (run: string, fact: string, own: object = {}) => {
    const entry = {
      tenant: 'north',
      actor: 'bia',
      decision: 'done',
      code: null,
      minute: 0,
      details: {},
      ...own,
    };
    const { tenant, actor, decision, code, minute, details } = entry;
    return edges.sql(
      `insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, role, purpose, decision, code, resource, details)
       values ($1, $2, $3, $4::int, timestamptz '2026-11-20 12:00Z' + $4::int * interval '1 minute', $5, 'client', 'care', $6, $7, 'things', $8)`,
      [tenant, run, fact, minute, actor, decision, code, JSON.stringify(details)],
    );
  };
  const get = async (path: string, token: string) => call(two, path, { token });
  const owned = openIds(encryptionKey)('run', { tenant: 'north', subject: 'bia' }, 'run-1');
  const runsIn = ({ body }: { body: Record<string, unknown> }) =>
    (body['items'] as { run: string }[]).map(({ run }) => run);

  beforeAll(async () => {
    await keep(owned, 'run.understood', { details: { intent: 'count' } });
    await keep(owned, 'run.answered', { minute: 1, details: { askedAt: '2026-11-20T12:00:59.500Z' } });
    await keep('run-2', 'run.refused', { minute: 2, decision: 'denied', code: 'AUTHZ_DENIED' });
    await keep('run-3', 'run.answered', { minute: 3, actor: 'ana' });
    await keep('run-4', 'run.answered', { minute: 4, tenant: 'south', actor: 'eva' });
    await keep('session-1', 'session.opened', { minute: 5 });
  });

  test('is shown to who asked, the newest first, and nothing of others', async () => {
    const { token } = await logIn(one, bia ?? '');
    const answer = await get('/v1/runs', token);
    expect(runsIn(answer)).toEqual(['run-2', owned]);
    expect((answer.body['items'] as object[])[1]).toEqual({
      run: owned,
      ended: 'answered',
      at: '2026-11-20T12:01:00.000Z',
      actor: 'bia',
      role: 'client',
      purpose: 'care',
      code: null,
      resource: 'things',
      intent: 'count',
      tookMs: 500,
    });
    expect(runsIn(await get('/v1/runs?ended=refused', token))).toEqual(['run-2']);
    for (const name of ['run-1', owned]) {
      const { body } = await get(`/v1/runs/${name}`, token);
      expect((body['facts'] as { fact: string }[]).map(({ fact }) => fact)).toEqual([
        'run.understood',
        'run.answered',
      ]);
    }
    for (const run of ['run-3', 'run-4', 'run-9', 'session-1'])
      expect(said(await get(`/v1/runs/${run}`, token))).toEqual([404, 'NOT_FOUND']);
  });

  test('of a whole tenant, and its trail, take a role and a second factor', async () => {
    const { token } = await logIn(one, bia ?? '');
    const weak = await logIn(one, ana ?? '');
    for (const path of ['/v1/admin/runs', '/v1/admin/runs/run-1', '/v1/admin/audit']) {
      expect(said(await get(path, token))).toEqual([403, 'AUTHZ_DENIED']);
      expect(said(await get(path, weak.token))).toEqual([403, 'MFA_REQUIRED']);
    }
    const admin = await enrol(ana ?? '');
    expect(runsIn(await get('/v1/admin/runs', admin.token))).toEqual(['run-3', 'run-2', owned]);
    expect(runsIn(await get('/v1/admin/runs?actor=bia&code=AUTHZ_DENIED', admin.token))).toEqual(['run-2']);
    expect((await get(`/v1/admin/runs/${owned}`, admin.token)).status).toBe(200);
    expect(said(await get('/v1/admin/runs/run-4', admin.token))).toEqual([404, 'NOT_FOUND']);
    // Whoever looks is seen, once for each thing that they look at.
    const views = () => edges.facts.filter(({ name }) => name === 'trail.viewed');
    await until('what was looked at', () => views().length === 4);
    // What is told again under its id is kept once.
    expect([...new Map(views().map(({ id, body }) => [id, body])).values()]).toEqual([
      { actor: 'ana', what: 'runs' },
      { actor: 'ana', what: 'run', run: owned },
      { actor: 'ana', what: 'run', run: 'run-4' },
    ]);
    expect(edges.facts.at(-1)?.from?.requestPath).toBe('/v1/admin/runs/run-4');
    const sought = await get('/v1/admin/audit?decision=denied&from=2026-11-20T12:00:00Z', admin.token);
    expect(sought.body['items']).toMatchObject([
      { about: 'run-2', fact: 'run.refused', code: 'AUTHZ_DENIED' },
    ]);
    for (const wrong of ['decision=maybe', 'cursor=x', 'from=yesterday', 'other=1'])
      expect(said(await get(`/v1/admin/audit?${wrong}`, admin.token))).toEqual([400, 'INPUT_INVALID']);
  });

  test('comes in pages, none of which repeats or leaves out an entry', async () => {
    const admin = await enrol(eva ?? '');
    for (let at = 0; at < 60; at++)
      await keep(`many-${at}`, 'run.answered', { tenant: 'south', actor: 'eva', minute: 10 + (at >> 2) });
    const seen: string[] = [];
    for (let cursor: unknown = ''; cursor !== undefined; ) {
      const page: { body: Record<string, unknown> } = await get(
        `/v1/admin/runs${cursor ? `?cursor=${cursor}` : ''}`,
        admin.token,
      );
      seen.push(...runsIn(page));
      cursor = page.body['nextCursor'];
    }
    expect(seen.length).toBe(61);
    expect(new Set(seen).size).toBe(61);
    expect(seen.at(-1)).toBe('run-4');
  });
});

describe('a ticket', () => {
  const issue = async (token: string) => {
    const { body } = await call(one, '/v1/auth/ticket', { token, body: {} });
    expect(body).toMatchObject({ expires_in: 30 });
    return String(body['ticket']);
  };

  test('opens one socket at any replica, as subprotocol or first frame, and never a second', async () => {
    const { token } = await logIn(one, bia ?? '');
    const ticket = await issue(token);
    const first = await openSocket(two, { protocols: ['agui.v1', `ticket.${ticket}`] });
    expect(first.socket.protocol).toBe('agui.v1');
    first.send({ op: 'ping' });
    await first.frame('a pong', ({ op }) => op === 'pong');
    await expect(openSocket(two, { protocols: ['agui.v1', `ticket.${ticket}`] })).rejects.toThrow('HTTP 401');
    const second = await openSocket(one);
    second.send({ op: 'auth', ticket });
    await second.frame('the refusal', ({ op, code }) => op === 'error' && code === 'AUTH_REPLAY');
    expect(await second.closed).toBe(4401);
    const third = await openSocket(one);
    third.send({ op: 'auth', ticket: await issue(token) });
    await third.frame('the welcome', ({ op }) => op === 'accepted');
    await call(one, '/v1/auth/logout', { token, body: {} });
    expect(await Promise.all([first.closed, third.closed])).toEqual([4401, 4401]);
  });

  test('opens one of twenty sockets that come with it at the same time', async () => {
    const ticket = await issue((await logIn(one, bia ?? '')).token);
    const opened = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        openSocket(index % 2 ? one : two, { protocols: ['agui.v1', `ticket.${ticket}`] }),
      ),
    );
    const open = opened.filter((result) => result.status === 'fulfilled');
    expect(open.length).toBe(1);
    for (const { value } of open) value.socket.close();
  });

  test('is worth nothing when it is old, forged, of an ended session, or sent as a token', async () => {
    const { token } = await logIn(one, bia ?? '');
    const socketFor = (ticket: string) => openSocket(one, { protocols: ['agui.v1', `ticket.${ticket}`] });
    const old = await issue(token);
    await edges.sql(`update socket_tickets set expires_at = now() - interval '1 second'`);
    const ended = await issue(token);
    expect(said(await enter(one, ended))).toEqual([401, 'AUTH_INVALID']);
    for (const ticket of [old, `north.${'a'.repeat(43)}`, ended.replace('north', 'south'), 'x'])
      await expect(socketFor(ticket)).rejects.toThrow('HTTP 401');
    await call(one, '/v1/auth/logout', { token, body: {} });
    await expect(socketFor(ended)).rejects.toThrow('HTTP 401');
  });
});

describe('an address', () => {
  const write = vi.spyOn(process.stdout, 'write');
  afterEach(() => write.mockClear());

  test('that holds a token opens nothing, even beside a good header, and is logged nowhere', async () => {
    const { token } = await logIn(one, bia ?? '');
    for (const name of ['access_token', 'token', 'ACCESS_TOKEN', 'jwt', 'ticket']) {
      await expect(openSocket(one, { path: `/v1/agent?${name}=${token}` })).rejects.toThrow('HTTP 401');
      expect(said(await call(one, `/v1/auth/sessions?${name}=${token}`, { token }))).toEqual([
        401,
        'AUTH_MISSING',
      ]);
    }
    await sleep(50);
    expect(JSON.stringify(write.mock.calls)).not.toContain(token.slice(-40));
  });
});

describe('while the database is away', () => {
  test('who was let in just now is let in for a minute, nobody else, and nothing one-time counts', async () => {
    const { token } = await logIn(one, bia ?? '');
    const enters = (replica: Replica) => call(replica, '/v1/agui/assistant/capabilities', { token });
    expect((await enters(one)).status).toBe(200);
    const { ticket } = (await call(one, '/v1/auth/ticket', { token, body: {} })).body;
    await edges.database.stop();
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      expect(said(await enters(two))).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
      await expect(openSocket(one, { protocols: ['agui.v1', `ticket.${ticket}`] })).rejects.toThrow(
        'HTTP 503',
      );
      vi.setSystemTime(Date.now() + 50_000);
      expect((await enters(one)).status).toBe(200);
      vi.setSystemTime(Date.now() + 12_000);
      expect(said(await enters(one))).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
    } finally {
      vi.useRealTimers();
    }
  });
});
