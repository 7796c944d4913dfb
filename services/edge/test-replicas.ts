import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings, type Values } from '@jangada/config/settings.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { packs } from '@jangada/packs/registry.ts';
import { headers, core as subjects } from '@jangada/proto/envelope.ts';
import type { Part } from '@jangada/proto/reply.ts';
import { refused, requested } from '@jangada/proto/run.ts';
import { publishReply } from '@jangada/runtime/emit.ts';
import { bodyOf, headOf } from '@jangada/runtime/heard.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { openService, type Service } from '@jangada/runtime/service.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import * as core from '@jangada/store/0001_core.ts';
import * as keys from '@jangada/store/0002_keys.ts';
import * as identity from '@jangada/store/0004_identity.ts';
import * as conversations from '@jangada/store/0015_conversations.ts';
import * as feedback from '@jangada/store/0018_feedback.ts';
import * as retention from '@jangada/store/0022_retention_plans.ts';
import * as factorVault from '@jangada/store/0025_factor_vault.ts';
import { connect } from '@jangada/store/store.ts';
import { judgeOverheard, overhear } from '@jangada/testkit/overheard.ts';
import { until } from '@jangada/testkit/until.ts';
import type { Origin } from '@jangada/trust/origin.ts';
import { type Pass, passReader } from '@jangada/trust/pass.ts';
import { hashPassword } from '@jangada/trust/password.ts';
import { openRoot } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { WebSocket } from 'ws';
import { contract } from './contract.ts';
import { openServer } from './server.ts';
import { bodies, keySets, openTeller, origins, passKeys, ring, startBroker } from './test-broker.ts';

/** Replicas of the edge over one broker and one database, for tests of who may come in. */

/** What owners' ids are tagged by, among others. */
export const encryptionKey = Buffer.alloc(32, 7);
export const password = 'correct horse battery staple';

/** One replica. */
export interface Replica {
  readonly url: string;
  readonly service: Service;
}

export interface Edges extends AsyncDisposable {
  readonly replicas: readonly Replica[];
  readonly database: Server;
  /** Facts of the door as they were said: `<name> <id>` and the body. */
  readonly facts: {
    readonly name: string;
    readonly tenant: string;
    readonly id: string;
    readonly body: object;
    /** What an auditor reads of where the call came from. */
    readonly from: Origin | undefined;
  }[];
  /** Passes of the questions that came in; a question `wait` is answered when its test says so, or cancelled, and of `later` nothing is told before. */
  readonly passes: Pass[];
  /** Tells more of a run. */
  tell(pass: Pass, key: string, ...parts: readonly Part[]): Promise<unknown>;
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Opens one replica more. */
  open(over?: object): Promise<Replica>;
}

export const text = (words: string): Part => ({ type: 'text', attempt: 1, text: words });
export const end: Part = {
  type: 'answered',
  ...{ confidence: 1, cached: false, degraded: false, intent: 'any' },
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 1 },
};

const people = [
  ['ana', 'north', 'admin'],
  ['bia', 'north', 'client'],
  ['caio', 'north', 'admin'],
  ['eva', 'south', 'admin'],
] as const;

export const startEdges = async (count: number, over: object = {}): Promise<Edges> => {
  overhear();
  const dir = await mkdtemp(join(tmpdir(), 'jangada-edge-'));
  const [broker, database] = await Promise.all([
    startBroker(dir),
    startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' }),
  ]);
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => undefined);
  const sql: Edges['sql'] = async (text, values = []) => (await pool.query(text, [...values])).rows;
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  for (const { up } of [core, keys, identity, conversations, feedback, retention, factorVault]) await up(db);
  for (const tenant of ['north', 'south'])
    await sql(`insert into tenants values ($1, $1, $2, 'America/Sao_Paulo', 'en', 'BRL')`, [
      tenant,
      packs[0]?.name,
    ]);
  const hash = await hashPassword(password);
  for (const [id, tenant, role] of people)
    await sql('insert into accounts values ($1, $2, $1, $3, $4, $5)', [
      id,
      tenant,
      `${id}@${tenant}.example`,
      hash,
      role,
    ]);

  const teller = await openTeller(broker);
  const readPass = passReader(passKeys.find);
  const passes: Pass[] = [];
  const tell: Edges['tell'] = ({ tid, rid }, key, ...parts) =>
    publishReply(teller, { tenant: tid, id: rid, pass: undefined, traceparent: '' }, key, parts);
  teller.bus.nc.subscribe('run.requested.*', {
    callback: (_error, message) => {
      const pass = readPass(message.headers?.get(headers.pass) ?? '');
      passes.push(pass);
      const body = bodyOf(requested, { tenant: pass.tid, id: pass.rid }, message, bodies);
      const question = 'about' in body ? undefined : body.question;
      const stepUp = { type: 'refused', code: 'AUTH_STEP_UP', message: 'Confirm' } as const;
      if (question === 'later') return;
      if (question === 'export') void tell(pass, '1', stepUp);
      else void tell(pass, '1', ...(question === 'wait' ? [text('Good day')] : [text('Good day'), end]));
    },
  });
  teller.bus.nc.subscribe(subjects.cancel('*', '*'), {
    callback: (_error, message) => {
      const [, , run] = message.subject.split('.');
      const pass = passes.find(({ rid }) => rid === run);
      if (pass) void tell(pass, 'cancelled', { type: 'cancelled' });
    },
  });
  const facts: Edges['facts'] = [];
  for (const tree of ['auth', 'mfa', 'session', 'refresh', 'trail', 'run.refused']) {
    const subject = tree.includes('.') ? `${tree}.*.*` : `${tree}.*.*.*`;
    teller.bus.nc.subscribe(subject, {
      callback: (_error, message) => {
        const [noun, verb, tenant = '', id = ''] = message.subject.split('.');
        const told = noun === 'run' ? headOf(refused, message) : message.json<object>();
        const { from: sealed, ...body } = told as { from?: string };
        const from = sealed === undefined ? undefined : origins.open({ tenant, id }, sealed);
        facts.push({ name: `${noun}.${verb}`, tenant, id, body, from });
      },
    });
  }
  await teller.bus.nc.flush();

  const closing: (() => PromiseLike<unknown>)[] = [];
  const open: Edges['open'] = async (own = {}) => {
    const said = {
      ...{ NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed, HEALTH_PORT: 0, LOG_LEVEL: 'ERROR' },
      // Where no Redis is, limits are counted by each replica alone.
      ...{ REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_PROFILE: 'loadtest' },
      ...{ JANGADA_PORT: 0, RUN_DEADLINE_MS: 10_000, ENCRYPTION_KEY: encryptionKey.toString('base64') },
      ...{
        KEY_RING_ROOT: ring.root,
        DATABASE_URL: database.url,
      },
      ...over,
      ...own,
    };
    const read = Object.entries(settings).map(([name, { value }]) => [
      name,
      value.safeParse(said[name as keyof typeof said]).data,
    ]);
    const config = { ...Object.fromEntries(read), ...keySets } as Values<keyof typeof settings>;
    const store = connect('edge', config);
    const service = await openService(contract, config);
    const limits = openLimits({ settings: config, secret: config.ENCRYPTION_KEY, metrics: service.metrics });
    closing.push(
      () => service[Symbol.asyncDispose](),
      () => limits[Symbol.asyncDispose](),
      () => store[Symbol.asyncDispose](),
    );
    const vault = openVault(await openRoot(config), service.metrics);
    forgetChangedKeys(service.bus, vault);
    const { url } = await openServer(service, config, { store, limits, vault, probes: {} });
    return { url, service };
  };
  const replicas: Replica[] = [];
  for (let index = 0; index < count; index++) replicas.push(await open());

  return {
    replicas,
    database,
    facts,
    passes,
    tell,
    sql,
    open,
    [Symbol.asyncDispose]: async () => {
      for (const close of closing) await close();
      await teller.bus.close();
      await pool.end();
      await broker.stop();
      await database.stop();
      await judgeOverheard();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** What an answer of the edge says. */
export interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** One request; a body makes it a POST. */
export const call = async (
  { url }: Replica,
  path: string,
  { token, body, headers: own }: { token?: string; body?: object; headers?: Record<string, string> } = {},
): Promise<Said> => {
  const response = await fetch(url + path, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...own,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} };
};

/** What a log-in returns. @throws Error with its code when it is refused */
export const logIn = async (
  replica: Replica,
  email: string,
  otp?: string,
): Promise<{ token: string; refreshToken: string }> => {
  const { status, body } = await call(replica, '/v1/auth/token', {
    body: { email, password, ...(otp && { otp }) },
  });
  if (status !== 200) throw new Error(String(body['code']));
  return { token: String(body['access_token']), refreshToken: String(body['refresh_token']) };
};

/** A WebSocket and the frames that came. */
export const openSocket = async (
  { url }: Replica,
  {
    protocols = ['agui.v1'],
    token,
    path = '/v1/agent',
  }: { protocols?: string[]; token?: string; path?: string } = {},
) => {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const socket = new WebSocket(url.replace('http', 'ws') + path, protocols, { headers });
  const frames: Record<string, unknown>[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(([code]) => code as number);
  closed.catch(() => undefined);
  const refused = once(socket, 'unexpected-response').then(([, response]) => {
    socket.terminate();
    throw new Error(`HTTP ${response.statusCode}`);
  });
  refused.catch(() => undefined);
  await Promise.race([once(socket, 'open'), refused]);
  return {
    socket,
    frames,
    closed,
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    frame: (what: string, matches: (frame: Record<string, unknown>) => boolean) =>
      until(what, () => frames.find(matches)),
  };
};
