import { randomBytes } from 'node:crypto';
import { openCache } from '@jangada/cache/cache.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { openStore, written } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { databasePart } from '@jangada/trust/grant.ts';
import { sql } from 'kysely';
import { openIds } from '../../services/edge/ids.ts';
import type { Ground, Told } from './ground.ts';
import { grantOf } from './tenant.ts';

/**
 * Everything that has a name in one tenant, offered as somebody of the other: at the door, to the database under the
 * other's grants, to the cache, to what makes ids. Nothing of the first may come back, and no answer may differ from
 * the one for a name that nobody has.
 */
export interface Crossed {
  readonly operations: number;
  readonly seed: number;
  /** Rows or entries of the first tenant that came back. */
  readonly foreign: number;
  /** Answers that differ from those for an unknown name, by where. */
  readonly hints: readonly string[];
  readonly bySurface: Readonly<Record<string, number>>;
}

const mine = 'clinica-brisa';
const theirs = 'clinica-aurora';

/** The same numbers for the same seed (mulberry32). */
const randomOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Ids that only the first tenant has, by kind. */
interface Names {
  readonly person: readonly string[];
  readonly run: readonly string[];
  readonly session: readonly string[];
  readonly cursor: readonly string[];
  readonly account: readonly string[];
  readonly letter: readonly string[];
}

const namesOfTheirs = async (ground: Ground): Promise<Names> => {
  const { journey } = ground;
  await journey.sql(
    `insert into clients (tenant_id, id, name, name_search)
     select $1, 'cross-' || n, 'Cruz ' || n, 'cruz ' || n from generate_series(1, 200) n on conflict do nothing`,
    [theirs],
  );
  await journey.sql(
    `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
     select $1, 'pro-1', 'cross-' || n, 'care', now() - interval '1 day' from generate_series(1, 200) n on conflict do nothing`,
    [theirs],
  );
  await journey.sql(
    `insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
     select $1, 'cross-app-' || n, 'cross-' || n, 'pro-1', 'Peeling', now(), 30, 'confirmed' from generate_series(1, 200) n
     on conflict do nothing`,
    [theirs],
  );
  const session = crypto.randomUUID();
  const runs: string[] = [];
  const cursors: string[] = [];
  for (const alias of ['admin', 'professional', 'client']) {
    const told = await ground.ask(alias, 'lista de consultas este ano', { sessionId: session });
    runs.push(told.run);
    const { nextCursor } = JSON.parse(told.text) as { nextCursor?: string };
    if (nextCursor) cursors.push(nextCursor);
  }
  const { pass, statement } = await ground.pass({}, 'x');
  await ground.publishAs('operator', `run.requested.${pass.tid}`, '{}', { 'Jangada-Pass': statement });
  const people = await journey.sql<{ id: string }>(
    `select id from clients where tenant_id = $1 and id like 'cross-%'`,
    [theirs],
  );
  return {
    person: people.map(({ id }) => id),
    run: runs,
    session: [session],
    cursor: cursors,
    account: journey.system.accounts
      .filter(({ tenant }) => tenant === theirs)
      .map(({ alias }) => `${theirs}-${alias}`),
    letter: [pass.rid],
  };
};

/** A name that nobody has, as like the given one as can be. */
const unknownLike = (name: string): string => {
  const [, stem = '', digits = ''] = /^(.*?)(\d*)$/s.exec(name) ?? [];
  if (stem === 'cross-') return `c${randomBytes(2).toString('hex')}-${digits}`;
  return name.length > 12
    ? `${randomBytes(name.length).toString('hex').slice(0, name.length)}`
    : `${name.slice(0, -2)}zz`;
};

/** What an answer says when the names in it are taken out. */
const shapeOf = ({ status, text }: Pick<Told, 'status' | 'text'>, name: string): string =>
  `${status} ${text
    .replaceAll(name, '#')
    .replaceAll(encodeURIComponent(name), '#')
    .replace(/"(?:requestId|id|runId|commandId|messageId)":"[^"]*"/g, '')
    // Whether one's own question of a moment ago is remembered says nothing of anybody else.
    .replace(/"cached":(?:true|false)|,?"asOf":"[^"]*"/g, '')
    .replace(/"(?:processingTimeMs|timestamp)":(?:\d+|"[^"]*")/g, '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}(?:_[\w-]{10})?/g, '%')}`;

type Offer = (ground: Ground, token: string, name: string) => Promise<Pick<Told, 'status' | 'text'>>;

const ofSocket =
  (frame: (name: string) => object): Offer =>
  async (ground, token, name) => {
    using talk = await ground.socket({ token, protocols: ['agui.v1'] });
    talk.send(frame(name));
    await talk.code(2_500);
    return { status: 0, text: talk.frames.join('\n') };
  };
const post =
  (path: (name: string) => string, body: (name: string) => object): Offer =>
  (ground, token, name) =>
    ground.http('POST', path(name), { token, body: body(name) });
const question = 'quantas consultas este mês?';
const input = {
  threadId: 'mine',
  runId: 'r',
  messages: [],
  tools: [],
  context: [],
  state: {},
  forwardedProps: {},
};

/** Every way in that takes a name, by the kind of name. */
const doors: readonly (readonly [kind: keyof Names, where: string, offer: Offer])[] = [
  [
    'person',
    'POST /v1/query clientId',
    post(
      () => '/v1/query',
      (clientId) => ({ query: question, clientId }),
    ),
  ],
  [
    'person',
    'POST /v1/break-glass',
    post(
      () => '/v1/break-glass',
      (subjectId) => ({ subjectId, reason: 'x', explanation: 'x' }),
    ),
  ],
  [
    'person',
    'POST /v1/consents',
    post(
      () => '/v1/consents',
      (subjectId) => ({ action: 'withdraw', subjectId }),
    ),
  ],
  [
    'person',
    'POST /v1/care-relationships',
    post(
      () => '/v1/care-relationships',
      (subjectId) => ({ action: 'close', providerId: 'pro-1', subjectId }),
    ),
  ],
  [
    'session',
    'POST /v1/query sessionId',
    post(
      () => '/v1/query',
      (sessionId) => ({ query: question, sessionId }),
    ),
  ],
  [
    'cursor',
    'POST /v1/query cursor',
    post(
      () => '/v1/query',
      (cursor) => ({ query: 'lista de clientes', cursor }),
    ),
  ],
  [
    'run',
    'GET …/runs/<run>/events',
    (ground, token, name) => ground.http('GET', `/v1/agui/assistant/runs/${name}/events`, { token }),
  ],
  [
    'run',
    'POST …/runs/<run>/cancel',
    post(
      (name) => `/v1/agui/assistant/runs/${name}/cancel`,
      () => ({}),
    ),
  ],
  [
    'run',
    'POST …/runs/<run>/feedback',
    post(
      (name) => `/v1/agui/assistant/runs/${name}/feedback`,
      () => ({ rating: 1 }),
    ),
  ],
  [
    'run',
    'POST …/connect',
    post(
      () => '/v1/agui/assistant/connect',
      (threadId) => ({ ...input, threadId }),
    ),
  ],
  [
    'run',
    'POST …/agui with an answer',
    post(
      () => '/v1/agui/assistant',
      (interruptId) => ({ ...input, resume: [{ interruptId, status: 'cancelled' }] }),
    ),
  ],
  ...(['appointments?subjectId=', 'consents/'] as const).map((path): (typeof doors)[number] => [
    'person',
    `GET /v1/${path}`,
    (ground, token, name) => ground.http('GET', `/v1/${path}${encodeURIComponent(name)}`, { token }),
  ]),
  [
    'run',
    'GET /v1/admin/runs/<run>',
    (ground, token, name) => ground.http('GET', `/v1/admin/runs/${encodeURIComponent(name)}`, { token }),
  ],
  [
    'letter',
    'GET …/runs/<letter>/events',
    (ground, token, name) => ground.http('GET', `/v1/agui/assistant/runs/${name}/events`, { token }),
  ],
  [
    'account',
    'GET /v1/auth/sessions',
    (ground, token, name) =>
      ground.http('GET', `/v1/auth/sessions?account=${encodeURIComponent(name)}`, { token }),
  ],
  [
    'account',
    'POST /v1/auth/revoke',
    post(
      () => '/v1/auth/revoke',
      (account) => ({ account }),
    ),
  ],
  ['run', 'socket resume', ofSocket((runId) => ({ op: 'resume', runId }))],
  ['run', 'socket cancel', ofSocket((runId) => ({ op: 'cancel', runId }))],
];

const tables = ['clients', 'appointments', 'billing', 'aesthetic_records', 'care_relationships'] as const;
const namedBy: Readonly<Record<(typeof tables)[number], string>> = {
  clients: 'id',
  appointments: 'client_id',
  billing: 'client_id',
  aesthetic_records: 'client_id',
  care_relationships: 'subject_id',
};

/** Of all operations, how many go by the door; the others are cheap and go below it. */
const doorShare = 0.01;
const batch = 50;

export const cross = async (
  ground: Ground,
  { operations, seed = Date.now() % 2 ** 31 }: { operations: number; seed?: number },
): Promise<Crossed> => {
  const random = randomOf(seed);
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)] as T;
  const names = await namesOfTheirs(ground);
  const hints = new Set<string>();
  const bySurface: Record<string, number> = {};
  let foreign = 0;
  let done = 0;
  const count = (surface: string, number: number): void => {
    bySurface[surface] = (bySurface[surface] ?? 0) + number;
    done += number;
  };

  const { token } = await ground.as('foreign');
  const atDoors = Math.max(doors.length * 2, Math.round(operations * doorShare));
  const offerOne = async ([kind, where, offer]: (typeof doors)[number]): Promise<void> => {
    const name = pick(names[kind]);
    const unknown = unknownLike(name);
    const [given, other] = [await offer(ground, token, name), await offer(ground, token, unknown)];
    const [seen, usual] = [shapeOf(given, name), shapeOf(other, unknown)];
    if (seen !== usual && kind !== 'cursor')
      hints.add(`${where}: ${seen.slice(0, 200)} | ${usual.slice(0, 200)}`);
    if (/Cruz \d|Aurora/.test(given.text)) foreign += 1;
    count(where, 2);
  };
  for (const [kind, where] of doors)
    if (names[kind].length === 0) hints.add(`${where}: there is no ${kind} to offer`);
  const offered = doors.filter(([kind]) => names[kind].length > 0);
  // Some wait a second for what does not come; all doors at once share it.
  while (done < atDoors) await Promise.all(offered.map(offerOne));

  const url = new URL(ground.journey.system.local.databaseUrl);
  url.username = 'svc_data_access';
  {
    await using store = await openStore('data-access', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 2 });
    const grants = await Promise.all(
      (['tenant', 'related', 'own'] as const).map(async (reach) =>
        databasePart(
          await grantOf(ground, {
            tid: mine,
            sub: `${mine}-foreign`,
            reach,
            by: 'pro-1',
            exp: Date.now() + 600_000,
          }),
        ),
      ),
    );
    const own = sql<{ found: number }>`select count(*)::int as found from clients`;
    const [control] = await store.read({ grant: grants[0] ?? '' }, written(own));
    if (!control?.found)
      throw new Error('a grant that holds does not show its own rows, so nothing is shown by none');
    const below = Math.round((operations - done) * 0.7);
    for (let asked = 0; asked < below; asked += batch) {
      const ids = Array.from({ length: batch }, () => pick(names.person));
      const table = pick(tables);
      const query = sql<{ found: number }>`select count(*)::int as found from ${sql.table(table)}
        where ${sql.ref(namedBy[table])} = any (${ids})`;
      // A table that the grant's purpose does not open at all refuses, which is no row either.
      const [row] = await store.read({ grant: pick(grants) }, written(query)).catch((error: unknown) => {
        if (error instanceof Unprocessable) return [];
        throw error;
      });
      foreign += row?.found ?? 0;
      count('PostgreSQL under a grant', batch);
    }
  }

  const { redisUrl } = ground.journey.system.local;
  const key = Buffer.from(ground.journey.system.keys.encryptionKey, 'base64');
  {
    await using cache = openCache(
      { REDIS_URL: redisUrl, ENCRYPTION_KEY: key } as never,
      openMetrics('cross'),
    );
    const space = { name: 'rows', maxBytes: 10_000_000 };
    const scopes = ['tenant:', 'related:pro-1', 'own:cli-1'];
    const left = Math.round((operations - done) / 2);
    for (let asked = 0; asked < left; asked++) {
      const entry = { space, scope: pick(scopes), rules: 'cross', plan: `${Math.floor(random() * 500)}` };
      await cache.through({ tenant: theirs, ...entry }, 60, async () => theirs);
      const { value } = await cache.through({ tenant: mine, ...entry }, 60, async () => mine);
      if (value !== mine) foreign += 1;
      count('cache', 1);
    }
  }

  const ownedId = openIds(key);
  const me = { tenant: mine, subject: `${mine}-foreign` };
  while (done < operations) {
    const kind = pick(['run', 'session'] as const);
    const theirId = ownedId(
      kind,
      { tenant: theirs, subject: pick(names.account) },
      pick([...names.run, ...names.session]),
    );
    if (ownedId(kind, me, theirId) === theirId) foreign += 1;
    count('ids of runs and sessions', 1);
  }
  return { operations: done, seed, foreign, hints: [...hints], bySurface };
};
