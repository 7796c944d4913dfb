import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Plan } from '@jangada/proto/plan.ts';
import { describe, expect, test } from 'vitest';
import { databasePart, type Grant, grantReader, grantSealer, planHash } from './grant.ts';
import { type Pass, passReader, passSealer, questionHash } from './pass.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signer = () => ({ kid: 'k1', key: privateKey });
const find = (kid: string) => (kid === 'k1' ? publicKey : undefined);
const databaseKey = { kid: 'd1', secret: randomBytes(32) };
const refused = expect.objectContaining({ code: 'CTX_INVALID' });

const plan: Plan = {
  source: 'appointments',
  ask: 'list',
  joins: ['clients', 'providers'],
  filter: { subject: 'Ana', period: { from: '2026-11-21T03:00:00Z', to: '2026-11-22T03:00:00Z' } },
  fields: ['start', 'client'],
  limit: 50,
};
const claims: Grant = {
  rid: 'run-1',
  tid: 'casa',
  sub: 'user-1',
  ph: planHash(plan),
  reach: 'related',
  by: 'pro-1',
  pur: 'care',
  fields: plan.fields,
  limit: 50,
  exp: 1_000,
};

describe('the hash of a plan', () => {
  test('is the same whatever the order of its keys', () => {
    const { source, filter, ...rest } = plan;
    const { period, subject } = filter;
    const turned = { ...rest, filter: { period: { to: period?.to, from: period?.from }, subject }, source };
    expect(Object.keys(turned)).not.toEqual(Object.keys(plan));
    expect(planHash(turned as Plan)).toBe(claims.ph);
  });

  test('is the same after a plan has travelled as JSON, absent parts included', () => {
    const { subject, period } = plan.filter;
    const sparse = { ...plan, cursor: undefined, filter: { subject, period, state: undefined } };
    expect(planHash(JSON.parse(JSON.stringify(sparse)) as Plan)).toBe(planHash(sparse as unknown as Plan));
    expect(planHash(sparse as unknown as Plan)).toBe(claims.ph);
  });

  test.each<[string, Partial<Plan>]>([
    ['source', { source: 'clients' }],
    ['ask', { ask: 'count' }],
    ['order of fields', { fields: ['client', 'start'] }],
    ['fields', { fields: ['start', 'client', 'service'] }],
    ['limit', { limit: 51 }],
    ['person', { filter: { ...plan.filter, subject: 'Bia' } }],
    ['role of the person', { filter: { period: plan.filter.period, provider: 'Ana' } as Plan['filter'] }],
    ['cursor', { cursor: 'abc' }],
    ['joins', { joins: ['clients,providers'] }],
  ])('is another for another %s', (_what, own) => {
    expect(planHash({ ...plan, ...own })).not.toBe(claims.ph);
  });
});

const statement = await grantSealer(signer, () => databaseKey)(claims);

describe('a grant', () => {
  const read = grantReader(find);

  test('is read back as it was signed', () => {
    expect(read(statement)).toEqual(claims);
  });

  test.each<[string, Partial<Grant>]>([
    ['reach', { reach: 'tenant' }],
    ['fields', { fields: ['start', 'client', 'phone'] }],
    ['tenant', { tid: 'other' }],
    ['plan', { ph: 'another' }],
    ['limit', { limit: 100 }],
  ])('cannot be widened in its %s', (_what, own) => {
    const [payload = '', ...seals] = statement.split('.');
    const said = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const wider = Buffer.from(JSON.stringify({ ...said, ...own })).toString('base64url');
    expect(() => read([wider, ...seals].join('.'))).toThrow(refused);
  });

  test('without its signature is none, even with the seal for the database', () => {
    expect(() => read(databasePart(statement))).toThrow(refused);
  });

  test('shows the database what its rows depend on, under a seal of the database’s key, and not the signature', async () => {
    const [, , signature = ''] = statement.split('~')[0]?.split('.') ?? [];
    const part = databasePart(statement);
    const said = 'casa.related.care.70726f2d31.1000.d1';
    expect(part).toBe(`${said}.${createHmac('sha256', databaseKey.secret).update(said).digest('hex')}`);
    expect(signature).toHaveLength(86);
    expect(part).not.toContain(signature);
    expect(
      databasePart(await grantSealer(signer, () => ({ kid: 'd1', secret: randomBytes(32) }))(claims)),
    ).not.toBe(part);
  });

  test.each<[string, Partial<Grant>]>([
    ['tenant', { tid: 'casa.tenant' }],
    ['purpose', { pur: 'care.x' }],
    ['reach', { reach: 'all' as Grant['reach'] }],
  ])('with a %s that could be taken for more is not signed', async (_what, own) => {
    await expect(grantSealer(signer, () => databaseKey)({ ...claims, ...own })).rejects.toThrow();
  });

  test('names any person to the database without a dot', async () => {
    const part = databasePart(await grantSealer(signer, () => databaseKey)({ ...claims, by: 'p.1; ’é' }));
    expect(part.split('.')).toHaveLength(7);
    expect(Buffer.from(part.split('.')[3] ?? '', 'hex').toString()).toBe('p.1; ’é');
  });

  test('for the longest plan fits what a transaction may claim', async () => {
    const fields = Array.from({ length: 20 }, (_, index) => `${'f'.repeat(38)}${index}`);
    const ids = { rid: 'r'.repeat(64), tid: 't'.repeat(26), sub: 's'.repeat(64), by: 'b'.repeat(64) };
    const longest = await grantSealer(signer, () => databaseKey)({ ...claims, ...ids, fields });
    expect(databasePart(longest).length).toBeLessThan(4_096);
  });
});

describe('a pass', () => {
  const pass: Pass = {
    env: 'local',
    tid: 'casa',
    sub: 'user-1',
    rol: 'admin',
    acr: 'aal2',
    amr: ['pwd', 'otp', 'mfa'],
    auth_time: 1,
    sid: 'session-1',
    rid: 'run-1',
    qh: questionHash('quem é Ana?'),
    pur: 'care',
    pack: 'aesthetic-clinic',
    zone: 'America/Sao_Paulo',
    loc: 'pt-BR',
    cur: 'BRL',
    iat: 1,
    exp: 2,
  };

  test('is read back as it was signed', async () => {
    expect(passReader(find)(await passSealer(signer)(pass))).toEqual(pass);
  });

  test('is no grant, nor a grant a pass, though one key signed both', async () => {
    const signed = await passSealer(signer)(pass);
    expect(() => passReader(find)(statement)).toThrow(refused);
    expect(() => grantReader(find)(`${signed}~seal`)).toThrow(refused);
  });

  test('is bound to its question, to the letter', () => {
    expect(questionHash('quem é Ana?')).toBe(pass.qh);
    expect(questionHash('quem é Ana')).not.toBe(pass.qh);
  });
});
