import { once } from 'node:events';
import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Journey, sharedJourney } from './journey.ts';

/** Who may come in, how they prove more, and how they are shown the door. */

let journey: Journey;
beforeAll(async () => {
  journey = await sharedJourney();
});

const post = async (path: string, body: object, token?: string) => {
  const response = await fetch(`${journey.system.local.edgeUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const said: Record<string, unknown> = text ? JSON.parse(text) : {};
  return { status: response.status, challenge: response.headers.get('www-authenticate'), said };
};

const accountOf = (alias: string) => {
  const account = journey.system.accounts.find((known) => known.alias === alias);
  if (!account) throw new Error(`there is no account ${alias}`);
  return account;
};
const logIn = (alias: string, otp?: string) => {
  const { email, password } = accountOf(alias);
  return post('/v1/auth/token', { email, password, ...(otp && { otp }) });
};

/** The code that the demo administrator's app shows now: for another half a minute at least it is none too old. */
const codeNow = (): string => totpAt(accountOf('admin').totpSecret ?? '', Date.now());

/** What audit keeps of a fact of an account, once it does. */
const audited = (fact: string, actor: string) =>
  until(`audit to keep ${fact}`, async () => {
    const [entry] = await journey.sql<{ code: string | null; details: object }>(
      'select code, details from audit_entries where fact = $1 and actor = $2',
      [fact, actor],
    );
    return entry;
  });

test('an administrator proves it twice, a code works once, and a revoked person is out within two seconds', async () => {
  const person = await journey.as('professional2');
  const socket = new WebSocket(
    `${journey.system.local.edgeUrl.replace('http', 'ws')}/v1/agent`,
    ['agui.v1'],
    {
      headers: { authorization: `Bearer ${person.token}` },
    },
  );
  const closed = once(socket, 'close').then(([code]) => ({ code, at: performance.now() }));
  await once(socket, 'open');
  expect((await person.query('quantas consultas tenho amanhã?')).status).toBe(200);

  const weak = await logIn('admin');
  const token = String(weak.said['access_token']);
  const revoke = (bearer: string) => post('/v1/auth/revoke', { account: person.id }, bearer);
  const refused = await revoke(token);
  expect(refused).toMatchObject({
    status: 403,
    challenge: 'Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="300"',
    said: { code: 'MFA_REQUIRED', acr_values: 'aal2', max_age: 300 },
  });

  // The code of this minute may have been used by a journey before.
  await journey.sql('update second_factors set last_step = 0');
  const code = codeNow();
  const proven = await post('/v1/auth/mfa/verify', { otp: code }, token);
  expect(proven.status).toBe(200);
  expect((await logIn('admin', code)).said).toMatchObject({ code: 'MFA_REPLAY' });

  const revokedAt = performance.now();
  expect((await revoke(String(proven.said['access_token']))).status).toBe(204);
  const end = await closed;
  expect(end.code).toBe(4401);
  expect(end.at - revokedAt).toBeLessThan(2_000);
  expect(await person.query('quantas consultas tenho amanhã?')).toMatchObject({
    status: 401,
    code: 'AUTH_REVOKED',
  });

  const [admin, out] = ['clinica-aurora-admin', person.id];
  expect(await audited('session.revoked', admin)).toMatchObject({
    details: { account: out, reason: 'revoked' },
  });
  await audited('mfa.replay', admin);
  expect(await audited('auth.denied', out)).toMatchObject({ code: 'AUTH_REVOKED' });
});

test('a wrong password is audited under its account, and an unknown person under nobody', async () => {
  const { email } = accountOf('client');
  for (const who of [email, 'nobody@clinica-aurora.example'])
    expect((await post('/v1/auth/token', { email: who, password: 'wrong' })).said).toMatchObject({
      code: 'AUTH_INVALID',
    });
  expect(await audited('auth.denied', 'clinica-aurora-client')).toMatchObject({ code: 'AUTH_INVALID' });
  const rows = await journey.sql(`select from audit_entries where audit_entries::text like '%nobody@%'`);
  expect(rows).toEqual([]);
});

test('the command line supplies the code by itself, and asks on when it was used', async () => {
  const listed = await journey.jangada('accounts', '--json');
  const accounts = JSON.parse(listed.stdout) as { alias: string; totpSecret?: string }[];
  const withCodes = accounts.filter(({ totpSecret }) => totpSecret).map(({ alias }) => alias);
  expect(withCodes).toEqual(['admin', 'manager', 'coordinator']);
  for (let time = 0; time < 2; time++) {
    const asked = await journey.jangada('ask', '--as', 'admin', 'quantas consultas temos amanhã?');
    expect(asked).toMatchObject({ code: 0 });
  }
});

test('an operator takes the second factor of whoever lost it, and with it every session', async () => {
  const { email } = accountOf('admin');
  const before = await logIn('admin');
  const token = String(before.said['access_token']);
  const reset = await journey.jangada('accounts', 'reset-factor', email, '--json');
  expect(reset).toMatchObject({ code: 0, stderr: '' });
  const { account, ended } = JSON.parse(reset.stdout) as { account: string; ended: number };
  expect(ended).toBeGreaterThan(0);

  await until('the session to be over', async () => {
    const url = `${journey.system.local.edgeUrl}/v1/auth/sessions`;
    return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status === 401;
  });
  // Without it the phone that was lost opens nothing, and the password alone may enrol another.
  expect((await logIn('admin', codeNow())).status).toBe(401);
  const fresh = String((await logIn('admin')).said['access_token']);
  expect((await post('/v1/auth/mfa/enrol', {}, fresh)).status).toBe(200);
  expect(await audited('mfa.changed', 'operator')).toMatchObject({ details: { account, change: 'reset' } });
  expect(await audited('session.revoked', 'operator')).toMatchObject({ details: { account } });

  const nobody = await journey.jangada('accounts', 'reset-factor', 'nobody@clinic.example');
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('no account has this address') });
});
