import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { type Compilable, Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { up } from './0001_core.ts';
import { connect, queries, type Store } from './store.ts';
import type { CoreTables } from './tables.ts';

const db = queries<CoreTables>();
const tenants = db.selectFrom('tenants').select('id').orderBy('id');
const raw = <R>(text: string): Compilable<R> => ({ compile: () => sql<R>`${sql.raw(text)}`.compile(db) });

let dir: string;
let server: Server;
const opened: Store[] = [];

/** As the service, whose role sees only the tenant it claims. */
const storeOf = async (poolSize = 4): Promise<Store> => {
  const url = new URL(server.url);
  url.username = 'svc_test';
  const store = connect('test', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: poolSize });
  opened.push(store);
  return store;
};

/** As the administrator. */
const administer = async (text: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(text);
  await client.end();
  return rows;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-store-'));
  server = await startPostgres({ dir, durability: 'relaxed' });
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  const migrating = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  await up(migrating);
  await migrating.destroy();
  await administer(`
    create role svc_test login;
    grant usage on schema public, sec to svc_test;
    grant execute on all functions in schema sec to svc_test;
    grant select, insert on tenants to svc_test;
    alter table tenants enable row level security, force row level security;
    create policy claimed on tenants to svc_test using (id = sec.claimed_tenant()) with check (id = sec.claimed_tenant());
    insert into tenants select id, id, 'a-pack', 'UTC', 'en', 'USD' from unnest(array['casa', 'other']) id`);
}, 90_000);
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
});

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a claim', () => {
  test('opens the rows of its tenant, within its transaction', async () => {
    const store = await storeOf();
    for (const tenant of ['casa', 'other'])
      expect(await store.within({ tenant }, ({ rows }) => rows(tenants))).toEqual([{ id: tenant }]);
  });

  test('holds for its own read among several that go out together', async () => {
    const store = await storeOf(1);
    const of = (tenant: string) => ({ claim: { tenant }, query: tenants });
    expect(await store.readAll([of('casa'), of('nobody'), of('other')])).toEqual([
      [{ id: 'casa' }],
      [],
      [{ id: 'other' }],
    ]);
    expect(await failureOf(store.readAll([of('casa'), of("x'y")]))).toMatchObject({ code: 'CTX_INVALID' });
    expect(await store.readAll([])).toEqual([]);
    expect(await store.rows(tenants)).toEqual([]);
  });

  test('is gone from the connection that carried it', async () => {
    const store = await storeOf(1);
    await store.within({ tenant: 'casa' }, ({ rows }) => rows(tenants));
    expect(await store.rows(tenants)).toEqual([]);
  });

  test('is gone as well when its transaction failed', async () => {
    const store = await storeOf(1);
    await failureOf(store.within({ tenant: 'casa' }, ({ rows }) => rows(raw('select 1/0'))));
    expect(await store.rows(tenants)).toEqual([]);
    await failureOf(store.within({ tenant: 'casa' }, () => Promise.reject(new Error('ours'))));
    expect(await store.rows(tenants)).toEqual([]);
  });

  test('does not show in transactions beside it', async () => {
    const store = await storeOf();
    const seen = await Promise.all(
      Array.from({ length: 100 }, (_, index) => {
        const tenant = index % 2 === 0 ? 'casa' : 'other';
        return store.within({ tenant }, async ({ rows }) => {
          await rows(raw('select pg_sleep(0.002)'));
          return (await rows(tenants)).map(({ id }) => id === tenant);
        });
      }),
    );
    expect(seen).toEqual(Array(100).fill([true]));
  });

  test.each([
    "casa'; drop table tenants; --",
    "casa', true); select set_config('app.tenant', 'other",
    'casa\u0000',
    'casa\\',
    'casa\n',
    '',
    'x'.repeat(4_097),
  ])('that would end its quotes never reaches the database: %j', async (value) => {
    const store = await storeOf();
    for (const claim of [{ tenant: value }, { grant: value }]) {
      const failure = await failureOf(store.within(claim, ({ rows }) => rows(tenants)));
      expect(failure).toBeInstanceOf(Unprocessable);
      expect(failure).toMatchObject({ code: 'CTX_INVALID' });
    }
    expect(await store.within({ tenant: 'casa' }, ({ rows }) => rows(tenants))).toHaveLength(1);
  });

  test('of a grant that nobody sealed is refused, and does not look like an empty table', async () => {
    const store = await storeOf();
    const failure = await failureOf(store.within({ grant: 'e30.c2VhbA' }, ({ rows }) => rows(tenants)));
    expect(failure).toMatchObject({ name: 'Unprocessable', code: 'CTX_NO_GRANT' });
  });
});

describe('a transaction', () => {
  const casa = {
    id: 'casa',
    name: 'Casa',
    pack: 'p',
    time_zone: 'UTC',
    locale: 'en',
    currency: 'USD',
  } as const;

  test('keeps all or nothing', async () => {
    const store = await storeOf();
    const fresh = { tenant: 'fresh' };
    const insert = db.insertInto('tenants').values({ ...casa, id: 'fresh' });
    const failure = failureOf(
      store.within(fresh, async ({ rows }) => {
        await rows(insert);
        throw new Unprocessable('INTERNAL', 'changed our mind');
      }),
    );
    expect(await failure).toMatchObject({ message: 'changed our mind' });
    expect(await store.within(fresh, ({ rows }) => rows(tenants))).toEqual([]);
    await store.within(fresh, ({ rows }) => rows(insert));
    expect(await store.within(fresh, ({ rows }) => rows(tenants))).toEqual([{ id: 'fresh' }]);
    await administer("delete from tenants where id = 'fresh'");
  });

  test('ends its span, also when it never began', async () => {
    const store = await storeOf();
    const ends = vi.fn();
    const span = { end: ends } as unknown as Parameters<Store['within']>[2];
    await store.within({ tenant: 'casa' }, ({ rows }) => rows(tenants), span);
    await failureOf(store.within({ tenant: "'" }, ({ rows }) => rows(tenants), span));
    const url = new URL(server.url);
    url.username = 'nobody_of_that_name';
    const stranger = connect('test', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 1 });
    opened.push(stranger);
    await failureOf(stranger.within({ tenant: 'casa' }, ({ rows }) => rows(tenants), span));
    expect(ends).toHaveBeenCalledTimes(3);
  });
});

describe('values', () => {
  test('arrive as figures, ISO text and exact decimals', async () => {
    const store = await storeOf();
    const text = `select count(*) as count, '2026-11-21'::date as day, '2026-11-21T02:00:00.123+00'::timestamptz as at, 0.1::numeric(14, 2) as amount`;
    expect(await store.rows(raw(text))).toEqual([
      { count: 1, day: '2026-11-21', at: '2026-11-21T02:00:00.123Z', amount: '0.10' },
    ]);
  });

  test('are parameters, never text of the statement', async () => {
    const store = await storeOf();
    const name = "x'; drop table tenants; --";
    const query = db.selectFrom('tenants').select('id').where('name', '=', name);
    expect(await store.within({ tenant: 'casa' }, ({ rows }) => rows(query))).toEqual([]);
    expect(query.compile().sql).not.toContain('drop');
  });
});

describe('connections', () => {
  test('are never more than the pool has, under ten times as many transactions at once', async () => {
    const store = await storeOf(5);
    let most = 0;
    let done = false;
    const watch = async (): Promise<void> => {
      const watcher = new pg.Client({ connectionString: server.url });
      await watcher.connect();
      while (!done) {
        const { rows } = await watcher.query<{ count: string }>(
          "select count(*) from pg_stat_activity where usename = 'svc_test'",
        );
        most = Math.max(most, Number(rows[0]?.count));
      }
      await watcher.end();
    };
    const watching = watch();
    const sleeps = Array.from({ length: 50 }, () =>
      store.within({ tenant: 'casa' }, ({ rows }) => rows(raw('select pg_sleep(0.01)'))),
    );
    await Promise.all(sleeps);
    done = true;
    await watching;
    expect(most).toBe(5);
  });

  test('bear the name of the service', async () => {
    const store = await storeOf();
    expect(await store.rows(raw("select current_setting('application_name') as name"))).toEqual([
      { name: 'test' },
    ]);
  });

  test('keep each statement prepared, once for each text', async () => {
    const store = await storeOf(1);
    const byId = (id: string) => db.selectFrom('tenants').select('name').where('id', '=', id);
    for (const id of ['casa', 'other', 'third'])
      await store.within({ tenant: 'casa' }, ({ rows }) => rows(byId(id)));
    const prepared = await store.rows<{ statement: string; uses: number }>(
      raw('select statement, generic_plans + custom_plans as uses from pg_prepared_statements'),
    );
    expect(prepared.filter(({ statement }) => statement === byId('x').compile().sql)).toEqual([
      { statement: expect.any(String), uses: 3 },
    ]);
  });
});

describe('what goes wrong', () => {
  test.each([
    ['a statement with a mistake', 'select from nowhere'],
    ['a division by zero', 'select 1/0'],
    ['what the role may not do', 'delete from tenants'],
    ['a value of another type', "select 'x'::int"],
  ])('for good is never tried again: %s', async (_name, text) => {
    const store = await storeOf();
    const failure = await failureOf(store.within({ tenant: 'casa' }, ({ rows }) => rows(raw(text))));
    expect(failure).toBeInstanceOf(Unprocessable);
    expect(failure).toMatchObject({ code: 'INTERNAL' });
  });

  test.each([
    ['a statement that was cancelled', "do $$ begin raise exception 'x' using errcode = '57014'; end $$"],
    ['a deadlock', "do $$ begin raise exception 'x' using errcode = '40P01'; end $$"],
    ['too many connections', "do $$ begin raise exception 'x' using errcode = '53300'; end $$"],
  ])('for now is tried again: %s', async (_name, text) => {
    const store = await storeOf();
    const failure = await failureOf(store.within({ tenant: 'casa' }, ({ rows }) => rows(raw(text))));
    expect(failure).toBeInstanceOf(Unavailable);
  });

  test('tells the kind of fault and no value', async () => {
    const store = await storeOf();
    const text = "select 'phone of Ana Lima'::int";
    const failure = await failureOf(store.within({ tenant: 'casa' }, ({ rows }) => rows(raw(text))));
    expect(String(failure)).toBe('Unprocessable: database refused the statement (22P02)');
  });

  test('is an outage while PostgreSQL is away, and over when it is back', async () => {
    const store = await storeOf();
    await store.ping();
    const during = failureOf(
      store.within({ tenant: 'casa' }, ({ rows }) => rows(raw('select pg_sleep(10)'))),
    );
    await vi.waitFor(async () =>
      expect(
        await administer(
          "select from pg_stat_activity where query like '%pg_sleep(10)' and usename = 'svc_test'",
        ),
      ).toHaveLength(1),
    );
    await server.kill();
    expect(await during).toBeInstanceOf(Unavailable);
    expect(await failureOf(store.rows(tenants))).toBeInstanceOf(Unavailable);
    expect(await failureOf(store.ping())).toBeInstanceOf(Unavailable);
    await server.restart();
    expect(await store.within({ tenant: 'casa' }, ({ rows }) => rows(tenants))).toEqual([{ id: 'casa' }]);
  });

  test('with one connection does not reach the next to use it', async () => {
    const store = await storeOf(1);
    await store.ping();
    await administer("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'svc_test'");
    await vi.waitFor(() => store.ping());
    expect(await store.within({ tenant: 'casa' }, ({ rows }) => rows(tenants))).toEqual([{ id: 'casa' }]);
  });
});
