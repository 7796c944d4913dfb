import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings, type Values } from '@jangada/config/settings.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { packs } from '@jangada/packs/registry.ts';
import * as access from '@jangada/proto/access.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { filterOf } from '@jangada/proto/message.ts';
import { isEnd, type Part } from '@jangada/proto/reply.ts';
import { refused as refusedFact, requested } from '@jangada/proto/run.ts';
import { publishReply } from '@jangada/runtime/emit.ts';
import { bodyOf, headOf } from '@jangada/runtime/heard.ts';
import { openService } from '@jangada/runtime/service.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';

import * as core from '@jangada/store/0001_core.ts';
import * as keys from '@jangada/store/0002_keys.ts';
import * as identity from '@jangada/store/0004_identity.ts';
import * as conversations from '@jangada/store/0015_conversations.ts';
import * as factorVault from '@jangada/store/0025_factor_vault.ts';
import { connect } from '@jangada/store/store.ts';

import type { CoreTables } from '@jangada/store/tables.ts';
import { judgeOverheard, overhear } from '@jangada/testkit/overheard.ts';
import { until } from '@jangada/testkit/until.ts';
import { type Pass, passReader } from '@jangada/trust/pass.ts';
import { hashPassword } from '@jangada/trust/password.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { openRoot } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { WebSocket } from 'ws';
import { contract } from './contract.ts';
import { openServer } from './server.ts';
import { bodies, keySets, openTeller, passKeys, ring, startBroker } from './test-broker.ts';
import { openWarmth } from './warming.ts';

/** An edge on a real broker and a real database; the services behind it are played by a function. */

export const password = 'correct horse battery staple';
const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 1 };
export const answered: Part = {
  type: 'answered',
  confidence: 1,
  usage,
  cached: false,
  degraded: false,
  intent: 'any',
};

export interface Asked {
  readonly tenant: string;
  readonly pass: Pass;
  readonly body: {
    readonly question?: string;
    readonly subjectId?: string | undefined;
    readonly thread?: string | undefined;
    readonly canAnswer?: true | undefined;
    readonly command?: access.Command;
  };
  readonly traceparent: string;
  readonly headers: readonly string[];
}

/** What the services tell: each text or part is one reply, and an answer follows unless a part was an end. */
type Script = Iterable<string | Part> | AsyncIterable<string | Part>;

/** `answer` is what the services tell of a question, or of a command, which it is given as JSON; and the run, as `<tenant>.<id>`. */
export const startEdge = async (
  over: Readonly<Record<string, unknown>> = {},
  answer: (question: string, run: string) => Script = (question) => [question],
  waitingMax?: number,
) => {
  overhear();
  const dir = await mkdtemp(join(tmpdir(), 'jangada-edge-'));
  const [broker, database] = await Promise.all([
    startBroker(dir, waitingMax),
    startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' }),
  ]);
  const own: Readonly<Record<string, unknown>> = {
    ...{ NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed, HEALTH_PORT: 0, LOG_LEVEL: 'ERROR' },
    ...{ JANGADA_PORT: 0, RUN_DEADLINE_MS: 5_000, DATABASE_URL: database.url },
    // Where no Redis is: limits are counted here alone, which is all that one edge needs.
    ...{ REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_PROFILE: 'loadtest', KEY_RING_ROOT: ring.root },
    ...{ ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'), ...over },
  };
  const read = Object.entries(settings).map(([name, { value }]) => [name, value.safeParse(own[name]).data]);
  const config = { ...Object.fromEntries(read), ...keySets } as Values<keyof typeof settings>;

  const pool = new pg.Pool({ connectionString: database.url });
  // A server that stops takes with it the connections that are being closed.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<CoreTables>({ dialect: new PostgresDialect({ pool }) });
  for (const { up } of [core, keys, identity, conversations, factorVault]) await up(db as never);
  const about = { time_zone: 'America/Sao_Paulo', currency: 'BRL', locale: 'en' as const };
  await db
    .insertInto('tenants')
    .values([
      { id: 'north', name: 'north', pack: packs[0]?.name ?? '', ...about },
      { id: 'south', name: 'south', pack: 'care-home', ...about },
    ])
    .execute();
  const password_hash = await hashPassword(password);
  await db
    .insertInto('accounts')
    .values(
      [
        { id: 'ana', tenant_id: 'north' },
        { id: 'eva', tenant_id: 'south' },
      ].map((one) => ({
        ...one,
        alias: one.id,
        email: `${one.id}@${one.tenant_id}.example`,
        password_hash,
        role: 'admin',
        person_id: null,
      })),
    )
    .execute();

  const teller = await openTeller(broker);
  const asked: Asked[] = [];
  const refused: { subject: string; code: string }[] = [];
  const readPass = passReader(passKeys.find);
  const play = async ({ tenant, pass, body }: Asked): Promise<void> => {
    const cause = { tenant, id: pass.rid, pass: undefined, traceparent: '' };
    let index = 0;
    let over = false;
    const asked = body.question ?? JSON.stringify(body.command ?? '');
    for await (const said of answer(asked, `${tenant}.${pass.rid}`)) {
      const part: Part = typeof said === 'string' ? { type: 'text', attempt: 1, text: said } : said;
      over ||= isEnd(part);
      await publishReply(teller, cause, String(index++), [part]);
    }
    if (!over) await publishReply(teller, cause, 'end', [answered]);
  };
  const take = (of: typeof requested | typeof access.requested) =>
    teller.bus.nc.subscribe(filterOf(of), {
      callback: (_error, message) => {
        const tenant = message.subject.split('.')[2] ?? '';
        const pass = readPass(message.headers?.get(headers.pass) ?? '');
        const one = {
          tenant,
          pass,
          body: bodyOf(of, { tenant, id: pass.rid }, message, bodies),
          traceparent: message.headers?.get('traceparent') ?? '',
          headers: message.headers?.keys() ?? [],
        };
        // The stream keeps a copy that was sent twice from being stored, not from being heard here.
        if (asked.some(({ pass: { rid } }) => rid === pass.rid)) return;
        asked.push(one);
        void play(one);
      },
    });
  take(requested);
  take(access.requested);
  teller.bus.nc.subscribe('run.refused.*.*', {
    callback: (_error, message) => {
      refused.push({ subject: message.subject, code: headOf(refusedFact, message).code });
    },
  });
  await teller.bus.nc.flush();

  const store = connect('edge', config);
  const service = await openService(contract, config, {});
  const limits = openLimits({ settings: config, secret: config.ENCRYPTION_KEY, metrics: service.metrics });
  const warmth = openWarmth(config.PREWARM);
  const probes = { ...warmth.probes, database: () => store.ping() };
  const { url } = await openServer(service, config, {
    ...{ store, limits, probes, warmth },
    vault: openVault(await openRoot(config), service.metrics),
  });

  const tokens = new Map<string, Promise<string>>();
  const logIn = async (email: string): Promise<string> => {
    const response = await fetch(`${url}/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const tokenOf = (email = 'ana@north.example'): Promise<string> => {
    const known = tokens.get(email) ?? logIn(email);
    tokens.set(email, known);
    return known;
  };

  let proven: Promise<string> | undefined;
  /** Enrols Ana's second factor and confirms it with a code of now. */
  const prove = async (): Promise<string> => {
    const post = async (path: string, body: object) => {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await tokenOf()}` },
        body: JSON.stringify(body),
      });
      return (await response.json()) as { secret: string; access_token: string };
    };
    const { secret } = await post('/v1/auth/mfa/enrol', {});
    return (await post('/v1/auth/mfa/confirm', { otp: totpAt(secret, Date.now()) })).access_token;
  };

  return {
    url,
    service,
    /** Connected to the broker as one of the services. */
    bus: teller.bus,
    db,
    asked,
    refused,
    /** The sum of a metric's series whose text begins so. */
    metric: async (series: string): Promise<number> =>
      (await service.metrics.text())
        .split('\n')
        .filter((line) => line.startsWith(series))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    tokenOf,
    /** Ana's, after a second factor. */
    provenTokenOf: () => {
      proven ??= prove();
      return proven;
    },
    /** What a question by `POST /v1/query` comes to. */
    query: async (body: unknown, more: Record<string, string> = {}) => {
      const response = await fetch(`${url}/v1/query`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await tokenOf()}`,
          ...more,
        },
        body:
          typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    /** A socket and the frames that came. Signed in, unless `token` is empty. */
    socket: async (
      path = '/v1/agent',
      { token, protocols = [] }: { token?: string; protocols?: string[] } = {},
    ) => {
      const bearer = token ?? (await tokenOf());
      const socket = new WebSocket(url.replace('http', 'ws') + path, protocols, {
        headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
      });
      const frames: Record<string, unknown>[] = [];
      socket.on('message', (data) => frames.push(JSON.parse(String(data))));
      socket.on('error', () => undefined);
      const closed = once(socket, 'close').then(([code, reason]) => ({
        code: code as number,
        reason: String(reason),
      }));
      await once(socket, 'open');
      return {
        socket,
        frames,
        closed,
        send: (frame: unknown) =>
          socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
        frame: (what: string, matches: (frame: Record<string, unknown>) => boolean) =>
          until(what, () => frames.find(matches)),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await limits[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await db.destroy();
      await teller.bus.close();
      await Promise.all([broker.stop(), database.stop()]);
      await judgeOverheard();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** A message of the seed dialect that asks. */
export const seedQuery = (over: object = {}) => ({
  id: crypto.randomUUID(),
  type: 'query',
  timestamp: new Date().toISOString(),
  sessionId: 'session-1',
  payload: { query: 'hello' },
  metadata: { userId: 'ana', version: '1.0' },
  ...over,
});
