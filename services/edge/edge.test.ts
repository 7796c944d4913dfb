import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryObjects } from 'node:v8';
import { HttpAgent } from '@ag-ui/client';
import { settings, type Values } from '@jangada/config/settings.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { headers, core as subjects } from '@jangada/proto/envelope.ts';
import { given } from '@jangada/proto/feedback.ts';
import type { Body, Message } from '@jangada/proto/message.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Part } from '@jangada/proto/reply.ts';
import { listedTextOf, refused as refusedFact, requested, understood } from '@jangada/proto/run.ts';
import { publishReply } from '@jangada/runtime/emit.ts';
import { bodyOf, headOf } from '@jangada/runtime/heard.ts';
import { openService, type Service } from '@jangada/runtime/service.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { startRedis } from '@jangada/servers/redis.ts';

import * as core from '@jangada/store/0001_core.ts';
import * as keys from '@jangada/store/0002_keys.ts';
import * as identity from '@jangada/store/0004_identity.ts';
import * as conversations from '@jangada/store/0015_conversations.ts';
import * as factorVault from '@jangada/store/0025_factor_vault.ts';
import { connect } from '@jangada/store/store.ts';

import type { CoreTables } from '@jangada/store/tables.ts';
import { judgeOverheard, overhear } from '@jangada/testkit/overheard.ts';
import { until } from '@jangada/testkit/until.ts';
import { type Pass, passReader, questionHash } from '@jangada/trust/pass.ts';
import { hashPassword } from '@jangada/trust/password.ts';
import { openRoot } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { HttpAgent as OlderHttpAgent } from 'ag-ui-client-0';
import { decodeJwt, SignJWT } from 'jose';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { contract } from './contract.ts';
import { openServer } from './server.ts';
import { bodies, keySets, openTeller, passKeys, ring, startBroker, tokenKeys } from './test-broker.ts';

const password = 'correct horse battery staple';
const usage = { promptTokens: 1, completionTokens: 2, totalTokens: 3, processingTimeMs: 1 };
const answered: Part = {
  type: 'answered',
  confidence: 0.9,
  usage,
  cached: false,
  degraded: false,
  intent: 'appointments',
};
const named = { type: 'subject', value: 'Ana' } as const;
const text = (words: string, attempt = 1): Part => ({ type: 'text', attempt, text: words });

let broker: Awaited<ReturnType<typeof startBroker>>;
let database: Awaited<ReturnType<typeof startPostgres>>;
let redis: Awaited<ReturnType<typeof startRedis>>;
let teller: Awaited<ReturnType<typeof openTeller>>;
let service: Service;
let url: string;
let closing: (() => PromiseLike<unknown>)[] = [];

/** What the services behind the edge saw. */
interface Asked {
  readonly tenant: string;
  readonly pass: Pass;
  readonly body: { question?: string | undefined; plan?: Plan };
}
let asked: Asked[] = [];
let refused: { subject: string; body: { code: string } }[] = [];
let cancels: string[] = [];
/** Goes on with the runs that were told to wait. */
let goOn = Promise.withResolvers<void>();

const configOf = (over: object = {}) => {
  const own = {
    ...{ NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed, HEALTH_PORT: 0, LOG_LEVEL: 'ERROR' },
    ...{ JANGADA_PORT: 0, ALLOWED_ORIGINS: 'https://app.example', RUN_DEADLINE_MS: 3_000 },
    ...{ REDIS_URL: redis.url, RATE_LIMIT_PROFILE: 'loadtest', KEY_RING_ROOT: ring.root },
    ...{ ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'), DATABASE_URL: database.url, ...over },
  };
  const read = Object.entries(settings).map(([name, { value }]) => [
    name,
    value.safeParse(own[name as keyof typeof own]).data,
  ]);
  return { ...Object.fromEntries(read), ...keySets } as Values<keyof typeof settings>;
};

/** The services, as far as the edge can tell: the question says what they do. */
const answer = async (tenant: string, { rid }: Pass, question: string): Promise<void> => {
  const tell = (key: string, ...parts: Part[]) =>
    publishReply(teller, { tenant, id: rid, pass: undefined, traceparent: '' }, key, parts);
  if (question === 'silence') return;
  if (question === 'refuse')
    return void (await tell('1', {
      type: 'refused',
      code: 'AUTHZ_DENIED',
      message: 'Insufficient permissions for this query',
    }));
  if (question === 'impossible') {
    const message = 'The request is not valid';
    return void (await tell('1', { type: 'refused', code: 'INPUT_INVALID', message, field: 'period' }));
  }
  if (question === 'consents of busy') {
    const standing = { policy: 'data-user', max: 50, windowSeconds: 900, remaining: 0, resetSeconds: 9 };
    const limit = { retryAfter: 9, limits: [standing] };
    return void (await tell('1', { type: 'refused', code: 'RATE_LIMITED', message: 'Wait', limit }));
  }
  if (question === 'consents of cli-1') {
    const rows = [{ action: 'withdrawn', level: 'contact', holds: null }];
    return void (await tell('1', { ...answered, rows, nextCursor: 'WyIxIl0' }));
  }
  if (question === 'appointments of nobody') {
    const rows = [{ start: '2026-11-22T12:00:00Z', status: 'confirmed' }];
    return void (await tell('1', { ...answered, cached: true, asOf: '2026-11-21T12:00:00.000Z', rows }));
  }
  if (question === 'foreign') {
    // What another run was told, in the place of this one's.
    const place = { tenant, message: 'reply', version: '1', head: '', id: 'other' };
    const said = JSON.stringify({ parts: [text('somebody else’s'), answered] });
    const bytes = bodies.seal({ ...place, subject: `reply.${tenant}.other` }, said);
    return void (await teller.bus.publish(`reply.${tenant}.${rid}`, bytes, { [headers.schema]: '1' }));
  }
  await tell('1', text('Good '));
  if (question === 'wait') await goOn.promise;
  if (cancels.includes(`cancel.${tenant}.${rid}`)) return void (await tell('2', { type: 'cancelled' }));
  if (question === 'die') await tell('2', text('Best ', 2));
  await tell('3', text('day', question === 'die' ? 2 : 1), { ...answered, entities: [named] });
};

beforeAll(async () => {
  overhear();
  const dir = await mkdtemp(join(tmpdir(), 'jangada-edge-'));
  [broker, database, redis] = await Promise.all([
    startBroker(dir),
    startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' }),
    startRedis({ dir: join(dir, 'redis') }),
  ]);
  const db = new Kysely<CoreTables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url }) }),
  });
  for (const { up } of [core, keys, identity, conversations, factorVault]) await up(db as never);
  const tenant = {
    pack: 'aesthetic-clinic',
    time_zone: 'America/Sao_Paulo',
    locale: 'en',
    currency: 'BRL',
  } as const;
  await db
    .insertInto('tenants')
    .values([
      { id: 'clinic', name: 'clinic', ...tenant },
      { id: 'other', name: 'other', ...tenant, pack: 'clinic-scheduling' },
    ])
    .execute();
  const hash = await hashPassword(password);
  const accounts = [
    ['ana', 'clinic'],
    ['bia', 'clinic'],
    ['eva', 'other'],
    ['guessed', 'clinic'],
  ] as const;
  await db
    .insertInto('accounts')
    .values(
      accounts.map(([id, tenant_id]) => ({
        id,
        tenant_id,
        alias: id,
        email: `${id}@${tenant_id}.example`,
        password_hash: hash,
        role: 'admin',
        person_id: null,
      })),
    )
    .execute();
  await db.destroy();

  teller = await openTeller(broker);
  const readPass = passReader(passKeys.find);
  const hear = <M extends Message>(
    message: M,
    filter: string,
    questionOf: (body: Body<M>) => string,
  ): void => {
    teller.bus.nc.subscribe(filter, {
      callback: (_error, raw) => {
        const tenant = raw.subject.split('.')[2] ?? '';
        const pass = readPass(raw.headers?.get(headers.pass) ?? '');
        const body = bodyOf(message, { tenant, id: pass.rid }, raw, bodies);
        // The stream keeps a copy that was sent twice from being stored, not from being heard here.
        if (asked.some((one) => one.pass.rid === pass.rid)) return;
        asked.push({ tenant, pass, body: body as Asked['body'] });
        void answer(tenant, pass, questionOf(body));
      },
    });
  };
  hear(requested, 'run.requested.*', (body) => ('about' in body ? '' : body.question));
  hear(
    understood,
    'run.understood.*.*',
    ({ plan: { source, filter } }) => `${source} of ${filter.subjectId ?? 'nobody'}`,
  );
  hear(given, 'feedback.given.*', () => 'hello');
  teller.bus.nc.subscribe('run.refused.*.*', {
    callback: (_error, message) =>
      void refused.push({ subject: message.subject, body: headOf(refusedFact, message) }),
  });
  teller.bus.nc.subscribe(subjects.cancel('*', '*'), {
    callback: (_error, message) => {
      cancels.push(message.subject);
      goOn.resolve();
    },
  });
  await teller.bus.nc.flush();

  const config = configOf();
  const store = connect('edge', config);
  service = await openService(contract, config, { database: () => store.ping() });
  const limits = openLimits({
    settings: config,
    secret: config.ENCRYPTION_KEY,
    metrics: service.metrics,
  });
  const probes = { database: () => store.ping() };
  const vault = openVault(await openRoot(config), service.metrics);
  ({ url } = await openServer(service, config, { store, limits, probes, vault }));
  closing = [
    () => limits[Symbol.asyncDispose](),
    () => redis.stop(),
    () => service[Symbol.asyncDispose](),
    () => store[Symbol.asyncDispose](),
    () => teller.bus.close(),
    () => broker.stop(),
    () => database.stop(),
    () => rm(dir, { recursive: true, force: true }),
  ];
});
afterAll(async () => {
  for (const close of closing) await close();
  await judgeOverheard();
});
beforeEach(() => {
  asked = [];
  refused = [];
  cancels = [];
  goOn = Promise.withResolvers();
});

const tokens = new Map<string, string>();
const logIn = (email: string, secret = password) =>
  fetch(`${url}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: secret }),
  });
const tokenOf = async (email: string): Promise<string> => {
  const known =
    tokens.get(email) ?? ((await (await logIn(email)).json()) as { access_token: string }).access_token;
  tokens.set(email, known);
  return known;
};
const ana = () => tokenOf('ana@clinic.example');
const bia = () => tokenOf('bia@clinic.example');
const eva = () => tokenOf('eva@other.example');
const call = async (
  path: string,
  {
    token,
    body,
    at = url,
    ...more
  }: {
    token?: string;
    body?: unknown;
    at?: string;
    method?: string;
    headers?: Record<string, string>;
  } = {},
) =>
  fetch(`${at}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...more,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...more.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const codeOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { code: string }).code,
];
const metric = async (name: string): Promise<number> => {
  const lines = (await service.metrics.text())
    .split('\n')
    .filter((line) => line.startsWith(name) && !line.startsWith('#'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};
const input = (content: string, over: object = {}) => ({
  threadId: crypto.randomUUID(),
  runId: crypto.randomUUID(),
  protocolVersion: '1.0',
  messages: [{ id: '1', role: 'user', content }],
  tools: [],
  context: [],
  ...over,
});

describe('the door', () => {
  test('a password opens it, a wrong one and an unknown person do not, and guessing ends', async () => {
    const response = await logIn('ANA@clinic.example');
    expect(await response.json()).toMatchObject({ token_type: 'Bearer', expires_in: 600 });
    expect(await codeOf(await logIn('ana@clinic.example', 'wrong'))).toEqual([401, 'AUTH_INVALID']);
    for (let attempt = 0; attempt < 10; attempt++) await logIn('nobody@clinic.example');
    const refused = await logIn('Nobody@clinic.example');
    expect(refused.headers.get('ratelimit')).toMatch(/"signin-account";r=0;t=\d+/);
    expect(refused.headers.get('ratelimit-policy')).toContain('"signin-account";q=10;w=900');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(880);
    expect(await codeOf(refused)).toEqual([429, 'RATE_LIMITED']);
    expect((await logIn('ana@clinic.example')).status).toBe(200);
  });

  test('ten wrong passwords close an account for the right one too, and twenty right ones do not', async () => {
    for (let attempt = 0; attempt < 20; attempt += 10) {
      const many = Array.from({ length: 10 }, () => logIn('bia@clinic.example'));
      for (const { status } of await Promise.all(many)) expect(status).toBe(200);
    }
    // At once, so that a guess does not slip in before the others are counted.
    const guesses = await Promise.all([
      ...Array.from({ length: 30 }, () => logIn('guessed@clinic.example', 'wrong')),
      logIn('guessed@clinic.example'),
    ]);
    expect(guesses.map(({ status }) => status)).not.toContain(200);
    expect((await logIn('guessed@clinic.example')).status).toBe(429);
  });

  test('without a token there is no difference between what exists and what does not', async () => {
    const before = await metric('agent_authentication_failures_total');
    for (const path of [
      '/v1/clients',
      '/v1/query',
      '/v1/agui/assistant/capabilities',
      '/agui/other',
      '/v1/agent',
      '/invocations',
      '/copilotkit/info',
    ]) {
      expect(await codeOf(await call(path))).toEqual([401, 'AUTH_MISSING']);
    }
    expect(await metric('agent_authentication_failures_total')).toBe(before + 7);
    expect(await codeOf(await call('/v1/nowhere', { token: await ana() }))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await call('/elsewhere'))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await call('/v1/query', { token: 'forged', body: {} }))).toEqual([
      401,
      'AUTH_INVALID',
    ]);
  });

  test('a page of another origin is refused unless it is listed', async () => {
    const from = (origin: string, method = 'GET') => call('/v1/health', { method, headers: { origin } });
    expect((await from('https://evil.example')).status).toBe(403);
    expect((await from('null')).status).toBe(403);
    expect((await from(url)).status).toBe(200);
    const listed = await from('https://app.example', 'OPTIONS');
    expect([listed.status, listed.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://app.example',
    ]);
  });

  test('a tenant that is not the token’s is refused and kept, wherever it is said', async () => {
    const token = await ana();
    const tenantSaid = { 'x-tenant-id': 'other' };
    const responses = [
      await call('/v1/agui/assistant/capabilities', { token, headers: tenantSaid }),
      await call('/v1/agui/assistant', {
        token,
        body: input('hello', { forwardedProps: { tenantId: 'other' } }),
      }),
    ];
    for (const response of responses)
      expect(await codeOf(response)).toEqual([403, 'TENANT_ISOLATION_VIOLATION']);
    expect(
      await codeOf(await call('/v1/query', { token, body: { query: 'hello', tenantId: 'other' } })),
    ).toEqual([403, 'TENANT_ISOLATION_VIOLATION']);
    await until('three refusals on the bus', () => refused.length === 3);
    expect(refused[0]?.subject).toBe(`run.refused.clinic.${responses[0]?.headers.get('jangada-run')}`);
    expect(refused[0]?.body.code).toBe('TENANT_ISOLATION_VIOLATION');
    expect(asked).toEqual([]);
    expect(
      (await call('/v1/agui/assistant/capabilities', { token, headers: { 'x-tenant-id': 'clinic' } })).status,
    ).toBe(200);
  });

  test.each(['a.b', '*', '>', 'a b', 'a\u0000'])(
    'a tenant that no subject may hold publishes nothing: %j',
    async (tenant) => {
      const token = await ana();
      const wrong = [400, 'INPUT_INVALID'];
      expect(
        await codeOf(await call('/v1/query', { token, body: { query: 'hello', tenantId: tenant } })),
      ).toEqual(wrong);
      const forwardedProps = { tenantId: tenant };
      const body = input('hello', { forwardedProps });
      expect(await codeOf(await call('/v1/agui/assistant', { token, body }))).toEqual(wrong);
      // HTTP itself carries no null.
      if (!tenant.includes('\u0000')) {
        const headers = { 'x-tenant-id': tenant };
        expect(await codeOf(await call('/v1/agui/assistant/capabilities', { token, headers }))).toEqual(
          wrong,
        );
      }
      // What is published after it is heard after it.
      await call('/v1/query', { token, body: { query: 'hello' } });
      await until('the question', () => asked.length > 0);
      expect(refused).toEqual([]);
      expect(asked).toHaveLength(1);
    },
  );

  test('what is too long, not JSON or not a question is refused with its own code', async () => {
    const token = await ana();
    const post = async (body: unknown) => codeOf(await call('/v1/query', { token, body }));
    expect(await post({ query: 'x'.repeat(300_000) })).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    expect(await post('{')).toEqual([400, 'INPUT_INVALID']);
    expect(await post({ query: 7 })).toEqual([400, 'INPUT_INVALID']);
    expect(await post({ query: '  ' })).toEqual([400, 'INPUT_INVALID']);
    expect(await post({ query: 'x'.repeat(2_001) })).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    expect(await post({ query: 'hello', purpose: 'Everything!' })).toEqual([400, 'INPUT_INVALID']);
  });
});

describe('GET /v1/consents/:subject', () => {
  test('asks by name, with a pass for exactly that, and answers with the rows', async () => {
    const response = await call('/v1/consents/cli-1?cursor=WyIyIl0', { token: await ana() });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      subjectId: 'cli-1',
      consents: [{ action: 'withdrawn', level: 'contact', holds: null }],
      nextCursor: 'WyIxIl0',
    });
    const [seen] = asked;
    expect(seen?.body.plan).toMatchObject({
      ...{ source: 'consents', ask: 'list', filter: { subjectId: 'cli-1' }, cursor: 'WyIyIl0' },
    });
    const signed = '{"about":"consents","subjectId":"cli-1","cursor":"WyIyIl0"}';
    expect(listedTextOf(seen?.body.plan as Plan)).toBe(signed);
    expect(seen?.pass).toMatchObject({ sub: 'ana', qh: questionHash(signed) });
    expect(response.headers.get('jangada-run')).toBe(seen?.pass.rid);
  });

  test('and what else a pack lists is told by its name, as old as it is', async () => {
    const token = await ana();
    const span = 'from=2026-11-22T00:00:00-03:00&to=2026-11-23T00:00:00-03:00';
    const response = await call(`/v1/appointments?state=confirmed&${span}`, { token });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      appointments: [{ start: '2026-11-22T12:00:00Z', status: 'confirmed' }],
      cached: true,
      asOf: '2026-11-21T12:00:00.000Z',
    });
    expect(asked[0]?.body.plan?.filter).toEqual({
      state: 'confirmed',
      period: { from: '2026-11-22T03:00:00.000Z', to: '2026-11-23T03:00:00.000Z' },
    });
    // Days are the tenant's, and the last is one of them.
    expect((await call('/v1/appointments?from=2026-11-22&to=2026-11-23', { token })).status).toBe(200);
    expect(asked[1]?.body.plan?.filter).toEqual({
      period: { from: '2026-11-22T03:00:00.000Z', to: '2026-11-24T03:00:00.000Z' },
    });
    for (const [path, field] of [
      ['appointments?state=lost', 'state'],
      ['appointments?from=2026-11-22T00:00:00Z', 'to'],
      ['appointments?to=2026-11-22T00:00:00Z&from=2026-11-22T00:00:00Z', 'to'],
      ['appointments?from=2026-11-23&to=2026-11-22', 'to'],
      ['appointments?from=2026-11-22&to=2026-11-31', 'to'],
      ['clients?from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z', 'period'],
      ['billing?limit=5', 'limit'],
    ] as const) {
      const refused = await call(`/v1/${path}`, { token });
      expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'INPUT_INVALID', field }]);
    }
    expect(await codeOf(await call('/v1/aesthetic_records', { token }))).toEqual([404, 'NOT_FOUND']);
    // A source of that name is in the other's pack too, which does not list it.
    expect(await codeOf(await call('/v1/appointments', { token: await eva() }))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await call('/v1/appointments'))).toEqual([401, 'AUTH_MISSING']);
    expect(asked.length).toBe(2);
  });

  test('is refused when the limit of what is read refuses, which says when to come back', async () => {
    const refused = await call('/v1/consents/busy', { token: await ana() });
    expect(refused.headers.get('retry-after')).toBe('9');
    expect(refused.headers.get('ratelimit-policy')).toBe('"data-user";q=50;w=900');
    expect(refused.headers.get('jangada-run')).toBe(asked[0]?.pass.rid);
    expect(await codeOf(refused)).toEqual([429, 'RATE_LIMITED']);
  });

  test('is refused for what is no id or no cursor, and to whoever is not signed in', async () => {
    const token = await ana();
    for (const [path, field] of [
      ['/v1/consents/cli%201', 'subjectId'],
      ['/v1/consents/cli-1?cursor=%2F', 'cursor'],
      ['/v1/consents/cli-1?all=1', 'all'],
    ] as const) {
      const refused = await call(path, { token });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ code: 'INPUT_INVALID', field });
    }
    expect(await codeOf(await call('/v1/consents/cli-1'))).toEqual([401, 'AUTH_MISSING']);
    expect(asked).toEqual([]);
  });
});

describe('commands', () => {
  test('under one key are one, whichever replica hears of it', async () => {
    const body = { type: 'RegisterAvailability', providerId: 'p1', day: '2035-03-01', open: [] };
    const init = { token: await ana(), headers: { 'idempotency-key': crypto.randomUUID() } };
    expect((await call('/v1/commands', { ...init, body })).status).toBe(202);
    const config = configOf();
    await using store = connect('edge', config);
    await using replica = await openService(contract, config);
    await using limits = openLimits({
      settings: config,
      secret: config.ENCRYPTION_KEY,
      metrics: replica.metrics,
    });
    await until('Redis', () => limits.ping().catch(() => undefined));
    const vault = openVault(await openRoot(config), replica.metrics);
    const other = await openServer(replica, config, { store, limits, vault, probes: {} });
    const again = (providerId: string) =>
      call('/v1/commands', { ...init, body: { ...body, providerId }, at: other.url });
    expect((await again('p1')).status).toBe(202);
    expect(await codeOf(await again('p2'))).toEqual([409, 'RUN_CONFLICT']);
  });

  test('are told by how they ended last, where they were given again after they failed', async () => {
    const token = await ana();
    const body = { type: 'CancelAppointment', appointmentId: 'b1' };
    const given = await call('/v1/commands', { token, body });
    expect(given.status).toBe(202);
    const id = given.headers.get('jangada-run') ?? '';
    const tell = (key: string, part: Part) =>
      publishReply(teller, { tenant: 'clinic', id, pass: undefined, traceparent: '' }, key, [part]);
    const told = async () =>
      (await call(given.headers.get('location') ?? '', { token })).json() as Promise<object>;
    await tell('1', { type: 'failed', code: 'UPSTREAM_UNAVAILABLE', message: 'Not now' });
    expect(await told()).toMatchObject({ status: 'failed', code: 'UPSTREAM_UNAVAILABLE' });
    await tell('2', { ...answered, items: [{ appointmentId: 'b1', version: 2 }] });
    expect(await told()).toMatchObject({ status: 'done', version: 2 });
  });
});

describe('POST /v1/query', () => {
  test('answers in one piece, and the services see a pass that says who asked', async () => {
    const response = await call('/v1/query', {
      token: await ana(),
      body: { query: ' hello ', sessionId: 's-1', clientId: 'client-7' },
    });
    const body = (await response.json()) as Record<string, unknown>;
    expect(response.status).toBe(200);
    expect(body).toMatchObject({
      type: 'response',
      content: 'Good day',
      confidence: 0.9,
      cached: false,
      degraded: false,
    });
    expect(body['usage']).toMatchObject({ promptTokens: 1, completionTokens: 2, totalTokens: 3 });
    const [seen] = asked;
    expect(seen).toMatchObject({ tenant: 'clinic', body: { question: 'hello', subjectId: 'client-7' } });
    expect(seen?.pass).toMatchObject({
      tid: 'clinic',
      sub: 'ana',
      rol: 'admin',
      rid: body['runId'],
      qh: questionHash('hello'),
      loc: 'en',
    });
    expect(seen?.pass.sid).toMatch(/^s-1_/);
    expect(response.headers.get('jangada-run')).toBe(body['runId']);
  });

  test('a newer telling replaces the older one', async () => {
    const response = await call('/v1/query', { token: await ana(), body: { query: 'die' } });
    expect(await response.json()).toMatchObject({ content: 'Best day' });
  });

  test('a refusal has the status of its code, no confidence, and a text that is safe', async () => {
    const before = await metric('agent_authorization_failures_total');
    const response = await call('/v1/query', { token: await ana(), body: { query: 'refuse' } });
    expect(response.status).toBe(403);
    const { usage: spent, ...body } = (await response.json()) as { usage: { processingTimeMs: number } };
    expect(body).toMatchObject({
      type: 'error',
      code: 'AUTHZ_DENIED',
      content: 'Insufficient permissions for this query',
      confidence: 0,
      retryable: false,
    });
    expect(spent).toMatchObject({ promptTokens: 0, completionTokens: 0, totalTokens: 0 });
    expect(spent.processingTimeMs).toBeGreaterThan(0);
    expect(await metric('agent_authorization_failures_total')).toBe(before + 1);
  });

  test('a refusal by a service says which field is at fault, as one at the door does', async () => {
    const response = await call('/v1/query', { token: await ana(), body: { query: 'impossible' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: 'error', code: 'INPUT_INVALID', field: 'period' });
  });

  test('a reply of another run is not told, and counted as what nobody refused', async () => {
    const counted = async () => [
      await metric('ai_agent_tenant_isolation_violations_total{source="reply"'),
      await metric(
        'ai_agent_security_violations_total{violation_type="tenant_isolation",severity="critical"',
      ),
    ];
    expect(await counted()).toEqual([0, 0]);
    const response = await call('/v1/query', { token: await ana(), body: { query: 'foreign' } });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('somebody else');
    expect(await counted()).toEqual([1, 1]);
  });

  test('services that say nothing are an outage after the deadline, not a hang', async () => {
    const response = await call('/v1/query', { token: await ana(), body: { query: 'silence' } });
    expect(await codeOf(response)).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
  });

  test('sent twice under one run id it is asked once, and another question under it is a conflict', async () => {
    const [token, runId] = [await ana(), crypto.randomUUID()];
    const ask = (query: string) => call('/v1/query', { token, body: { query, runId } });
    const answers = await Promise.all([ask('hello'), ask('hello')]);
    for (const one of answers) expect(await one.json()).toMatchObject({ content: 'Good day' });
    // Where the broker does not answer in time, what is stored is told to who asks again.
    await until('the same answer', async () => {
      const told = (await (await ask('hello')).json()) as { content: string };
      return told.content === 'Good day';
    });
    expect(asked.length).toBe(1);
    expect(await codeOf(await ask('other'))).toEqual([409, 'RUN_CONFLICT']);
  });

  test('a tenant that floods is refused alone', async () => {
    const token = await eva();
    const flood = Array.from({ length: 130 }, () => call('/v1/query', { token, body: { query: 'silence' } }));
    const jam = (await Promise.all(flood)).filter(({ status }) => status === 429);
    for (const refused of jam) expect(refused.headers.get('retry-after')).toBe('1');
    expect(jam.length).toBeGreaterThan(0);
    expect(await codeOf(jam[0] as Response)).toEqual([429, 'OVERLOADED']);
    // What asks no question does not wait behind those that do.
    expect((await call('/v1/auth/me', { token })).status).toBe(200);
    expect((await call('/v1/query', { token: await ana(), body: { query: 'hello' } })).status).toBe(200);
  });

  test('counts questions and failures by what they asked', async () => {
    const counted = async () => [
      await metric('agent_queries_by_type_total'),
      await metric('agent_errors_by_type_total'),
      await metric('agent_query_latency_seconds_count'),
    ];
    const [queries = 0, errors = 0, latencies = 0] = await counted();
    await call('/v1/query', { token: await ana(), body: { query: 'hello' } });
    await call('/v1/query', { token: await ana(), body: { query: 'refuse' } });
    const timed = (await service.metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('http_request_duration_seconds_count{'));
    for (const status of ['200', '403'])
      expect(timed).toContainEqual(expect.stringMatching(`route="/v1/query".*status="${status}"`));
    expect(await counted()).toEqual([queries + 2, errors + 1, latencies + 2]);
    expect(await metric('agent_queries_by_type_total{type="appointments"')).toBeGreaterThan(0);
  });
});

describe('AG-UI over HTTP', () => {
  test.each([
    ['1.0.0', HttpAgent],
    ['0.0.59', OlderHttpAgent],
  ] as const)('the genuine client %s asks and is answered', async (_version, Agent) => {
    const agent = new Agent({
      url: `${url}/v1/agui/assistant`,
      headers: { authorization: `Bearer ${await ana()}` },
    });
    agent.messages = [{ id: '1', role: 'user', content: 'hello' }];
    await agent.runAgent();
    expect(agent.messages.at(-1)).toMatchObject({ role: 'assistant', content: 'Good day' });
  });

  test('a stream is served to whoever admits anything, event by event with its place', async () => {
    const asking = input('hello');
    const response = await call('/v1/agui/assistant', {
      token: await ana(),
      body: asking,
      headers: { accept: '*/*' },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const lines = (await response.text()).split('\n');
    const ids = lines.filter((line) => line.startsWith('id: '));
    expect(ids).toEqual(ids.map((_, index) => `id: ${asking.runId}:${index + 1}`));
    expect(lines.some((line) => line.includes('"type":"RUN_FINISHED"'))).toBe(true);
  });

  test('a client that went away mid-answer gets exactly the rest', async () => {
    const [token, asking] = [await ana(), input('wait', { threadId: 'thread' })];
    const first = await call('/v1/agui/assistant', { token, body: asking });
    const reader = first.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    while (!seen.includes('Good ')) seen += (await reader?.read())?.value ?? '';
    await reader?.cancel();
    const place =
      seen
        .match(/id: (\S+)/g)
        ?.at(-1)
        ?.slice('id: '.length) ?? '';
    goOn.resolve();
    const rest = await call(`/v1/agui/assistant/runs/${asking.runId}/events?threadId=thread`, {
      token,
      headers: { 'last-event-id': place },
    });
    const events = (await rest.text())
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice(6)));
    expect(events).toMatchObject([
      { type: 'TEXT_MESSAGE_CONTENT', delta: 'day' },
      { type: 'TEXT_MESSAGE_END' },
      { type: 'RUN_FINISHED', threadId: 'thread', runId: asking.runId },
    ]);
  });

  test('another person’s run is not there, by either of its names', async () => {
    const asking = input('hello');
    const done = await call('/v1/agui/assistant', { token: await ana(), body: asking });
    await done.text();
    const inside = done.headers.get('jangada-run');
    const [other, foreigner] = [await bia(), await eva()];
    const tries = [other, foreigner].flatMap((token) =>
      [asking.runId, inside].flatMap((name) => {
        const run = `/v1/agui/assistant/runs/${name}`;
        return [call(`${run}/events`, { token }), call(`${run}/cancel`, { token, body: {} })];
      }),
    );
    for (const response of await Promise.all(tries))
      expect(await codeOf(response)).toEqual([404, 'NOT_FOUND']);
    expect((await call(`/v1/agui/assistant/runs/${inside}/events`, { token: await ana() })).status).toBe(200);
    expect(cancels).not.toContain(`cancel.clinic.${inside}`);
  });

  test('a cancelled run ends as cancelled for everybody who follows it', async () => {
    const [token, asking] = [await ana(), input('wait')];
    const response = await call('/v1/agui/assistant', { token, body: asking });
    const cancel = await call(`/v1/agui/assistant/runs/${asking.runId}/cancel`, { token, body: {} });
    expect([cancel.status, await cancel.json()]).toEqual([202, { cancelled: true }]);
    expect(await response.text()).toContain('"outcome":{"type":"cancelled"}');
  });

  test('what the agent can do is told, and a name that is no agent’s is not found', async () => {
    const token = await ana();
    expect(await (await call('/v1/agui/helper/capabilities', { token })).json()).toMatchObject({
      transport: { streaming: true, resumable: true },
      state: { snapshots: true, deltas: true },
      custom: { steps: true, state: true, activities: ['search'], clientTools: ['show_chart', 'show_table'] },
      tools: { supported: true, clientProvided: true },
    });
    expect((await call('/v1/agui/NOT_ONE/capabilities', { token })).status).toBe(404);
  });
});

/** A socket and the frames that came, as JSON. */
const openSocket = async (
  path: string,
  {
    protocols = [],
    token,
    origin,
    autoPong = true,
  }: { protocols?: string[]; token?: string; origin?: string; autoPong?: boolean } = {},
) => {
  const options = {
    autoPong,
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(origin ? { origin } : {}) },
  };
  const socket = new WebSocket(url.replace('http', 'ws') + path, protocols, options);
  const frames: Record<string, unknown>[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  const closed = once(socket, 'close').then(([code]) => code as number);
  const opened = once(socket, 'open');
  const rejected = once(socket, 'unexpected-response').then(([, response]) => {
    socket.terminate();
    throw new Error(`HTTP ${response.statusCode}`);
  });
  socket.on('error', () => undefined);
  closed.catch(() => undefined);
  await Promise.race([opened, rejected]);
  rejected.catch(() => undefined);
  return {
    socket,
    frames,
    closed,
    send: (frame: unknown) =>
      socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    frame: (what: string, matches: (frame: Record<string, unknown>) => boolean) =>
      until(what, () => frames.find(matches)),
  };
};
const eventTypes = (frames: Record<string, unknown>[]) =>
  frames.flatMap(({ event }) => (event ? [(event as { type: string }).type] : []));
const whole = [
  'RUN_STARTED',
  'TEXT_MESSAGE_START',
  'TEXT_MESSAGE_CONTENT',
  'TEXT_MESSAGE_CONTENT',
  'TEXT_MESSAGE_END',
  'RUN_FINISHED',
];

describe('a socket', () => {
  test('is not opened with a wrong token, or from an origin that is not listed', async () => {
    await expect(openSocket('/v1/agent', { token: 'wrong' })).rejects.toThrow('HTTP 401');
    await expect(
      openSocket('/v1/agent', {
        protocols: ['agui.v1', `bearer.${Buffer.from('wrong').toString('base64url')}`],
      }),
    ).rejects.toThrow('HTTP 401');
    await expect(
      openSocket('/v1/agent', { token: await ana(), origin: 'https://evil.example' }),
    ).rejects.toThrow('HTTP 403');
    await expect(openSocket('/v1/nothing', { token: await ana() })).rejects.toThrow('HTTP 404');
  });

  test('takes the token as a subprotocol beside the real one, and never echoes it', async () => {
    const bearer = `bearer.${Buffer.from(await ana()).toString('base64url')}`;
    const { socket, send, frame } = await openSocket('/v1/agent', { protocols: [bearer, 'agui.v1'] });
    expect(socket.protocol).toBe('agui.v1');
    send({ op: 'ping' });
    await frame('a pong', ({ op }) => op === 'pong');
    socket.close();
  });

  test('takes the token as its first frame, and nothing before it', async () => {
    const { socket, send, frame } = await openSocket('/v1/agent', { protocols: ['agui.v1'] });
    send({ op: 'auth', token: await ana() });
    send({ op: 'ping' });
    await frame('a pong', ({ op }) => op === 'pong');
    socket.close();
    const stranger = await openSocket('/v1/agent');
    stranger.send({ op: 'run', input: input('hello') });
    expect(await stranger.closed).toBe(4401);
    expect(stranger.frames).toMatchObject([{ op: 'error', code: 'AUTH_MISSING' }]);
    expect(asked).toEqual([]);
  });

  test('closes when nobody signs in, and when the token ends', async () => {
    const silent = await openSocket('/v1/agent');
    const { sid } = decodeJwt(await ana());
    const token = await new SignJWT({
      ...{ tid: 'clinic', role: 'admin', sid, jti: 'j' },
      ...{ acr: 'aal1', amr: ['pwd'], auth_time: 1 },
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'token' })
      .setIssuer('jangada')
      .setAudience('jangada')
      .setSubject('ana')
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1_000) + 2)
      .sign(tokenKeys.signer().key);
    const short = await openSocket('/v1/agent', { token });
    expect(await short.closed).toBe(4401);
    expect(await silent.closed).toBe(4408);
  });

  test('that answers pings stays and one that does not is let go; what is closed leaves nothing', async () => {
    const token = await ana();
    await until('the sockets of other tests to be gone', async () => (await metric('ws_connections')) === 0);
    const kept = queryObjects(WebSocket, { format: 'count' });
    const open = async (): Promise<void> => {
      const sockets = await Promise.all(
        Array.from({ length: 300 }, () => openSocket('/v1/agent', { protocols: ['agui.v1'], token })),
      );
      const deaf = await openSocket('/v1/agent', { protocols: ['agui.v1'], token, autoPong: false });
      expect(await metric('ws_connections')).toBe(301);
      vi.useFakeTimers({ toFake: ['Date'] });
      try {
        for (let pings = 0; pings < 2; pings++) {
          const pinged = Promise.all(sockets.map(({ socket }) => once(socket, 'ping')));
          vi.setSystemTime(Date.now() + 21_000);
          await pinged;
          for (const { send } of sockets) send({ op: 'ping' });
          await until('every pong', () => sockets.every(({ frames }) => frames.length > pings));
        }
      } finally {
        vi.useRealTimers();
      }
      expect(await deaf.closed).toBe(1006);
      expect(await metric('ws_connections')).toBe(300);
      for (const { socket } of sockets) socket.close();
      await Promise.all(sockets.map(({ closed }) => closed));
      await until('the gauge to fall', async () => (await metric('ws_connections')) === 0);
    };
    await open();
    await until(
      'both ends of each to be forgotten',
      () => queryObjects(WebSocket, { format: 'count' }) <= kept,
    );
  }, 90_000);
});

describe('agui.v1', () => {
  const open = async (token: string) => openSocket('/v1/agent', { protocols: ['agui.v1'], token });

  test('carries several runs at once, each event with its place', async () => {
    const { socket, send, frames, frame } = await open(await ana());
    const [one, two] = [input('wait'), input('hello')];
    send({ op: 'run', agent: 'assistant', input: one });
    send({ op: 'run', input: two });
    await frame(
      'the second run to end',
      ({ run, event }) => run === two.runId && (event as { type: string })?.type === 'RUN_FINISHED',
    );
    goOn.resolve();
    await frame(
      'the first run to end',
      ({ run, event }) => run === one.runId && (event as { type: string })?.type === 'RUN_FINISHED',
    );
    for (const { runId } of [one, two]) {
      const mine = frames.filter(({ run }) => run === runId);
      expect(eventTypes(mine)).toEqual(whole);
      expect(mine.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    }
    socket.close();
  });

  test('a run is resumed on another socket with what is missing, and nobody else can', async () => {
    const [token, asking] = [await ana(), input('wait')];
    const first = await open(token);
    first.send({ op: 'run', input: asking });
    await first.frame('some text', ({ seq }) => seq === 3);
    first.socket.terminate();
    goOn.resolve();
    const second = await open(token);
    second.send({ op: 'resume', runId: asking.runId, threadId: 'thread', after: 3 });
    await second.frame('the end', ({ seq }) => seq === 6);
    expect(eventTypes(second.frames)).toEqual(whole.slice(3));
    const thief = await open(await bia());
    thief.send({ op: 'resume', runId: asking.runId, after: 0 });
    await thief.frame(
      'an error',
      ({ op, code, runId }) => op === 'error' && code === 'NOT_FOUND' && runId === asking.runId,
    );
    second.socket.close();
    thief.socket.close();
  });

  test('a run is cancelled, and a frame that makes no sense is answered and harms nothing', async () => {
    const { socket, send, frame } = await open(await ana());
    const asking = input('wait');
    send({ op: 'run', input: asking });
    await frame('some text', ({ seq }) => seq === 3);
    for (const nonsense of [
      '{',
      '[]',
      { op: 'fly' },
      { op: 'run', input: { threadId: 7 } },
      Buffer.from([0, 1, 2]),
    ])
      send(nonsense);
    send({ op: 'cancel', runId: asking.runId });
    await frame('the answer to cancel', ({ op, cancelled }) => op === 'cancelled' && cancelled === true);
    await frame(
      'the end',
      ({ event }) => (event as { outcome?: { type: string } })?.outcome?.type === 'cancelled',
    );
    await frame('an error', ({ op, code }) => op === 'error' && code === 'INVALID_MESSAGE');
    socket.close();
  });
});

test('agui.v1.bare: one input in, bare events out, and the socket ends with the run', async () => {
  for (const [path, protocols] of [
    ['/v1/agent', ['agui.v1.bare']],
    ['/agui/ws', []],
  ] as const) {
    const { send, frames, closed } = await openSocket(path, {
      protocols: [...protocols],
      token: await ana(),
    });
    send(input('hello'));
    expect(await closed).toBe(1000);
    expect(frames.map(({ type }) => type)).toEqual(whole);
  }
  const { send, frames, closed } = await openSocket('/agui/ws', { token: await ana() });
  send(input(''));
  expect(await closed).toBe(1000);
  expect(frames).toMatchObject([{ type: 'RUN_ERROR', code: 'INPUT_INVALID' }]);
});

describe('POST …/runs/:runId/feedback', () => {
  const judge = (runId: string, body: unknown, token: string) =>
    call(`/v1/agui/assistant/runs/${runId}/feedback`, { token, body });

  test('keeps a judgement of one’s own run, with a pass for exactly that', async () => {
    const [token, { runId, ...asking }] = [await ana(), input('hello')];
    await (await call('/v1/agui/assistant', { token, body: { ...asking, runId } })).text();
    const kept = await judge(runId, { rating: 4, comment: null }, token);
    expect([kept.status, await kept.text()]).toEqual([204, '']);
    const body = { run: asked[0]?.pass.rid, rating: 4 };
    expect(asked[1]).toMatchObject({ body, pass: { sub: 'ana', qh: questionHash(JSON.stringify(body)) } });
    expect(kept.headers.get('jangada-run')).toBe(asked[1]?.pass.rid);

    for (const name of [runId, String(body.run)])
      expect(await codeOf(await judge(name, { rating: 1 }, await bia()))).toEqual([404, 'NOT_FOUND']);
    expect(await codeOf(await judge('nobodys', { rating: 1 }, token))).toEqual([404, 'NOT_FOUND']);
    for (const [said, field] of [
      [{ rating: 6 }, 'rating'],
      [{ rating: 2.5 }, 'rating'],
      [{ comment: 'fine' }, 'rating'],
      [{ rating: 1, comment: 'x'.repeat(1_001) }, 'comment'],
      [{ rating: 1, run: 'other' }, 'run'],
    ] as const)
      expect(await (await judge(runId, said, token)).json()).toMatchObject({ code: 'INPUT_INVALID', field });
    expect(asked.length).toBe(2);
  });

  test('waits for the answer: nobody can judge one that is still being told', async () => {
    const [token, asking] = [await ana(), input('wait')];
    const running = call('/v1/agui/assistant', { token, body: asking });
    await until('the run', () => asked.length === 1);
    expect(await codeOf(await judge(asking.runId, { rating: 5 }, token))).toEqual([404, 'NOT_FOUND']);
    goOn.resolve();
    await (await running).text();
    expect((await judge(asking.runId, { rating: 5 }, token)).status).toBe(204);
  });
});

describe('AguiMessage', () => {
  const message = (over: object = {}) => ({
    id: crypto.randomUUID(),
    type: 'query',
    timestamp: new Date().toISOString(),
    sessionId: 'session-1',
    payload: { query: 'hello' },
    metadata: { userId: 'ana', version: '1.0' },
    ...over,
  });
  type Said = { type: string; payload: Record<string, unknown>; metadata: Record<string, unknown> };
  const about = (frames: Record<string, unknown>[], id: string) =>
    (frames as unknown as Said[]).filter(({ metadata }) => metadata['requestId'] === id);

  test('greets, tells that it works, streams, and ends with the response', async () => {
    const { socket, send, frames, frame } = await openSocket('/v1/agent', { token: await ana() });
    await frame(
      'the greeting',
      ({ type, payload }) => type === 'status' && (payload as { state: string }).state === 'connected',
    );
    const query = message();
    send(query);
    await frame('the response', ({ type }) => type === 'response');
    const said = about(frames, query.id);
    expect(said.map(({ type }) => type)).toEqual([
      'status',
      'streaming_chunk',
      'streaming_chunk',
      'context_update',
      'response',
    ]);
    expect(said.at(-2)?.payload).toMatchObject({ intent: 'appointments', entities: [named] });
    // Pushed, though nobody asked for it.
    const session = await frame('the session', ({ type }) => type === 'session_update');
    expect(session).toMatchObject({ payload: { role: 'admin', expiresAt: expect.any(String) } });
    const chunks = said.filter(({ type }) => type === 'streaming_chunk').map(({ payload }) => payload);
    expect(chunks.map(({ seq }) => seq)).toEqual([0, 1]);
    expect(said.at(-1)?.payload).toMatchObject({ content: 'Good day', outcome: 'success', confidence: 0.9 });
    for (const { metadata } of said)
      expect(metadata).toMatchObject({ userId: 'ana', version: '1.0', auditTrail: asked[0]?.pass.rid });

    socket.close();
  });

  test('keeps what is said of one’s own answers, by any of their names and on any socket', async () => {
    const { socket, send, frames, frame } = await openSocket('/v1/agent', { token: await ana() });
    const query = message();
    send(query);
    const response = await frame('the response', ({ type }) => type === 'response');
    const chunk = frames.find(({ type }) => type === 'streaming_chunk') as unknown as Said;
    socket.close();

    const other = await openSocket('/v1/agent', { token: await ana() });
    const answerTo = async (judgement: object) => {
      const id = crypto.randomUUID();
      other.send(message({ type: 'feedback', id, payload: judgement }));
      const { type, payload } = await until('an answer', () => about(other.frames, id)[0]);
      return { type, state: payload['state'], code: payload['code'], field: payload['field'] };
    };
    for (const name of [
      { runId: query.id },
      { requestId: query.id },
      { responseId: response['id'] },
      { messageId: chunk.payload['messageId'] },
    ])
      expect(await answerTo({ ...name, rating: 5, comment: ' just right ' })).toMatchObject({
        state: 'received',
      });
    const run = asked[0]?.pass.rid;
    expect(asked.slice(1).map(({ body }) => body)).toEqual(
      [1, 2, 3, 4].map(() => ({ run, rating: 5, comment: 'just right' })),
    );

    const another = await openSocket('/v1/agent', { token: await bia() });
    another.send(
      message({
        type: 'feedback',
        id: 'f-2',
        metadata: undefined,
        sessionId: 'of-bia',
        payload: { responseId: response['id'], rating: 1 },
      }),
    );
    await another.frame('the refusal', ({ payload }) => (payload as { code?: string }).code === 'NOT_FOUND');
    another.socket.close();
    for (const [payload, code, field] of [
      [{ runId: 'nobodys', rating: 1 }, 'NOT_FOUND', undefined],
      [{ rating: 1 }, 'INVALID_MESSAGE', 'runId'],
      [{ runId: query.id }, 'INVALID_MESSAGE', 'rating'],
      [{ runId: query.id, rating: 0 }, 'INVALID_MESSAGE', 'rating'],
      [{ runId: query.id, rating: 5, comment: 'x'.repeat(1_001) }, 'INVALID_MESSAGE', 'comment'],
      [{ runId: query.id, rating: 5, of: 'bia' }, 'INPUT_INVALID', 'of'],
    ] as const)
      expect(await answerTo(payload)).toEqual({ type: 'error', state: undefined, code, field });
    other.socket.close();
  });

  test('answers what is wrong with its own code and stays usable', async () => {
    const { socket, send, frames, frame } = await openSocket('/v1/agent', { token: await ana() });
    const errors: [unknown, string, string?][] = [
      ['{', 'INVALID_MESSAGE', 'Invalid message structure'],
      [Buffer.from([1, 2, 3]), 'INVALID_MESSAGE'],
      ['x'.repeat(5_000_000), 'PAYLOAD_TOO_LARGE'],
      ...['id', 'type', 'timestamp', 'sessionId', 'payload'].map((field): [unknown, string, string] => [
        message({ [field]: undefined }),
        'INVALID_MESSAGE',
        'Invalid message structure',
      ]),
      [message({ type: 'response' }), 'UNSUPPORTED_MESSAGE', 'Unsupported message type: response'],
      [message({ type: 'context_update', payload: { client: 'Ana' } }), 'UNSUPPORTED_MESSAGE'],
      [message({ type: 'session_update', payload: { role: 'admin' } }), 'INPUT_INVALID'],
      [message({ metadata: { userId: 'ana', version: '9.0' } }), 'UNSUPPORTED_VERSION'],
      [message({ metadata: { userId: 'bia', version: '1.0' } }), 'SESSION_MISMATCH'],
      [
        message({ metadata: { userId: 'ana', version: '1.0', tenantId: 'other' } }),
        'TENANT_ISOLATION_VIOLATION',
      ],
      [message({ payload: { query: 'refuse' } }), 'AUTHZ_DENIED'],
    ];
    for (const [sent, code, words] of errors) {
      frames.length = 0;
      send(sent);
      const said = await frame(`${code} for ${String(sent).slice(0, 20)}`, ({ type }) => type === 'error');
      expect(said).toMatchObject({ payload: { code, ...(words ? { message: words } : {}) } });
      if (typeof sent === 'object' && sent && 'id' in sent && sent.id)
        expect(said).toMatchObject({ metadata: { requestId: sent.id } });
    }
    await until('both refusals at the door to be kept', () => refused.length === 2);
    send(message());
    await frame('an answer after all that', ({ type }) => type === 'response');
    socket.close();
  });

  test('a session that another person holds is not shared', async () => {
    const first = await openSocket('/v1/agent', { token: await ana() });
    first.send(message({ sessionId: 'of-ana' }));
    await first.frame('the response', ({ type }) => type === 'response');
    const second = await openSocket('/v1/agent', { token: await bia() });
    second.send(message({ sessionId: 'of-ana', metadata: { userId: 'bia' } }));
    await second.frame(
      'a mismatch',
      ({ payload }) => (payload as { code?: string }).code === 'SESSION_MISMATCH',
    );
    first.socket.close();
    second.socket.close();
  });
});

describe('health', () => {
  test('lists the five checks, and says which nobody vouches for', async () => {
    const asked = async () => {
      const response = await call('/v1/health');
      const document = (await response.json()) as {
        status: string;
        checks: { name: string; status: string }[];
      };
      const statuses = Object.fromEntries(document.checks.map(({ name, status }) => [name, status]));
      return { response, document, statuses };
    };
    // On a busy machine the database may not answer in time.
    const { response, document, statuses } = await until('the database to be healthy', async () => {
      const one = await asked();
      return one.statuses['database'] === 'healthy' ? one : undefined;
    });
    expect(statuses).toEqual({
      database: 'healthy',
      redis: 'unhealthy',
      ai_service: 'unhealthy',
      security: 'unhealthy',
      websocket: 'healthy',
    });
    expect([response.status, document.status]).toEqual([200, 'degraded']);
  });

  test('of all services names who is not ready, and then who does not answer', async () => {
    const overall = async () =>
      (await call('/v1/health/overall')).json() as Promise<{ status: string; reasons: string[] }>;
    const seen = (wanted: string, ...reasons: string[]) =>
      until(`${wanted} ${reasons}`, async () => {
        const health = await overall();
        return health.status === wanted && health.reasons.join() === reasons.join();
      });
    await seen('healthy');
    const permission = {
      ...{ name: 'permission', kind: 'hop', spares: [], ready: false, breaker: 'closed' },
      checks: [{ name: 'database', status: 'unhealthy' }],
    };
    const answering = teller.bus.nc.subscribe(subjects.status, {
      callback: (_error, message) => void message.respond(JSON.stringify(permission)),
    });
    await seen('unhealthy', 'permission has no database');
    answering.unsubscribe();
    await seen('unhealthy', 'permission does not answer');
    expect(await overall()).toMatchObject({ services: { edge: 'healthy', permission: 'unhealthy' } });
    let looks = 0;
    const counting = teller.bus.nc.subscribe(subjects.status, { callback: () => void looks++ });
    await teller.bus.nc.flush();
    const asking = 40;
    await Promise.all(Array.from({ length: asking }, overall));
    counting.unsubscribe();
    expect(looks).toBeLessThan(asking);
  });

  test('is ready while broker and database are there', async () => {
    const response = await call('/v1/ready');
    expect([response.status, await response.json()]).toMatchObject([200, { ready: true }]);
  });
});

test('a port that is taken is said in one sentence', async () => {
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as { port: number };
  const config = { ...configOf(), JANGADA_PORT: port };
  const store = connect('edge', config);
  const second = await openService(contract, config);
  const limits = openLimits({ settings: config, metrics: second.metrics });
  try {
    const vault = openVault(await openRoot(config), second.metrics);
    await expect(openServer(second, config, { store, limits, vault, probes: {} })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken`,
    );
  } finally {
    await limits[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    other.close();
  }
});

test('draining gives runs a last word and lets sockets resume elsewhere, though the broker dies meanwhile', async () => {
  const token = await ana();
  const resumable = await openSocket('/v1/agent', { protocols: ['agui.v1'], token });
  resumable.send({ op: 'run', input: input('wait') });
  await resumable.frame('some text', ({ seq }) => seq === 3);
  const asking = input('wait');
  const stream = await call('/v1/agui/assistant', { token, body: asking });
  const returned = await call(`/v1/agui/assistant/runs/${asking.runId}/events`, { token });
  const seed = await openSocket('/v1/agent', { token });
  const drained = service[Symbol.asyncDispose]();
  await broker.kill();
  expect(await resumable.closed).toBe(1012);
  expect(resumable.frames.at(-1)).toEqual({ op: 'drain' });
  expect(eventTypes(resumable.frames)).not.toContain('RUN_ERROR');
  // Who came back once can again, and is sent at once; who may know no other way is waited for.
  const ended: string[] = [];
  const endOf = (response: Response, which: string) =>
    response.text().then((told) => {
      ended.push(which);
      return told;
    });
  const told = await Promise.all([endOf(stream, 'asked'), endOf(returned, 'returned')]);
  for (const each of told) expect(each).toMatch(/"type":"TEXT_MESSAGE_END".*"type":"RUN_ERROR"/s);
  expect(told[1]).toContain('"code":"DRAINING"');
  expect(ended).toEqual(['returned', 'asked']);
  expect(await seed.closed).toBe(1012);
  await drained;
  await expect(call('/v1/ready')).rejects.toThrow();
});

test('all that was told here the genuine clients take, each stream the one that it was meant for', async () => {
  expect((await judgeOverheard()).whole).toBeGreaterThan(0);
});
