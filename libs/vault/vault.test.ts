import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { up as core } from '@jangada/store/0001_core.ts';
import { up as keysUp } from '@jangada/store/0002_keys.ts';
import { connect, queries, type Store, type Transaction } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { headOf } from './field.ts';
import { localRoot } from './local.ts';
import type { Root } from './root.ts';
import { type Kind, makeTenantKeys, type Rotating, type Rotation, retire, rotate } from './rotate.ts';
import { indexOf, type SealedTable, sealRows } from './rows.ts';
import { shred } from './shred.ts';
import { sweep } from './sweep.ts';
import { openVault, type Vault } from './vault.ts';

const people: SealedTable = {
  name: 'people',
  subject: 'id',
  columns: {
    email: { class: 'discretionary', index: 'email' },
    note: { class: 'clinical' },
  },
};
const refusal = (code: string) => expect.objectContaining({ code });

let dir: string;
let server: Server;
let store: Store;
let root: Root;
let vault: Vault;
/** Times that keys were read from the database. */
let keyQueries = 0;

let administrator: pg.Pool;
const administer = async (text: string): Promise<Record<string, unknown>[]> => {
  const result = await administrator.query<Record<string, unknown>>(text);
  return (Array.isArray(result) ? result.at(-1) : result).rows;
};
const freshVault = (of: Root = root, now?: () => number): Vault => openVault(of, openMetrics('test'), now);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-vault-'));
  server = await startPostgres({ dir, durability: 'relaxed' });
  administrator = new pg.Pool({ connectionString: server.url, max: 2 });
  administrator.on('error', () => undefined);
  const migrating = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: server.url, max: 1 }) }),
  });
  await core(migrating);
  await keysUp(migrating);
  await migrating.destroy();
  await administer(`
    create table people (tenant_id text, id text, email bytea, email_index bytea, note bytea, primary key (tenant_id, id));
    insert into tenants select id, id, 'a-pack', 'UTC', 'en', 'USD' from unnest(array['casa', 'other']) id`);
  store = connect('test', { DATABASE_URL: server.url, DATABASE_POOL_SIZE: 20 });
}, 90_000);
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await administrator.end();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await administer('truncate people, subject_keys, tenant_keys');
  root = localRoot(randomBytes(32), []);
  vault = openVault(root, openMetrics('test'));
  vault.forget();
});

const db = queries<Record<string, never>>();

/** Writes people as everybody does who writes. */
const write = (tenant: string, rows: readonly Record<string, unknown>[], by = vault): Promise<void> =>
  store.within({ tenant }, async (transaction) => {
    for (const row of await sealRows(by, people, tenant, rows, transaction)) {
      const statement = sql`
        insert into people values (${tenant}, ${row['id']}, ${row['email']}, ${row['email_index']}, ${row['note']})
        on conflict (tenant_id, id) do update set email = excluded.email, email_index = excluded.email_index, note = excluded.note`;
      await transaction.rows({ compile: () => statement.compile(db) });
    }
  });

/** Reads people as data-access does: fields first, then their keys in one query. */
const read = async (tenant: string, by = vault) => {
  const rows = (await administer(`select * from people where tenant_id = '${tenant}' order by id`)) as {
    id: string;
    email: Buffer | null;
    note: Buffer | null;
  }[];
  return store.within({ tenant }, async (transaction) => {
    const counting = {
      rows: <R>(query: Parameters<typeof transaction.rows<R>>[0]) => {
        keyQueries++;
        return transaction.rows<R>(query);
      },
    };
    const fields = rows.flatMap(({ id, email, note }) => [
      ...(email ? [{ subject: id, class: 'discretionary' as const, ...headOf(email) }] : []),
      ...(note ? [{ subject: id, class: 'clinical' as const, ...headOf(note) }] : []),
    ]);
    using opener = await by.opener(tenant, fields, counting);
    const open = (row: (typeof rows)[number], column: 'email' | 'note') => {
      const place = { tenant, table: 'people', column, row: row.id, subject: row.id };
      const bytes = row[column];
      return bytes && opener.open(place, people.columns[column]?.class ?? 'clinical', bytes);
    };
    return rows.map((row) => ({ id: row.id, email: open(row, 'email'), note: open(row, 'note') }));
  });
};

const crowd = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: `p${String(at).padStart(4, '0')}`,
    email: `person${at}@casa.example`,
    note: `note ${at}`,
  }));

const announced: string[] = [];
const rotating = (own: Partial<Rotating> = {}): Rotating => ({
  store,
  vault,
  tenant: 'casa',
  tables: [people],
  announce: async () => {
    announced.push('casa');
  },
  ...own,
});

describe('sealing and opening', () => {
  test('what was written is read, and the database holds none of it', async () => {
    await write('casa', crowd(3));
    expect(await read('casa')).toEqual(crowd(3));
    const dump = JSON.stringify(
      await administer(`select encode(email, 'escape') e, encode(note, 'escape') n from people`),
    );
    expect(dump).not.toMatch(/person|note/);
  });

  test('a page of 50 people costs one query for keys, and none the second time', async () => {
    await write('casa', crowd(50));
    const cold = freshVault();
    keyQueries = 0;
    await read('casa', cold);
    expect(keyQueries).toBe(1);
    await read('casa', cold);
    expect(keyQueries).toBe(1);
  });

  test('readers of the same page at the same time share one query', async () => {
    await write('casa', crowd(10));
    const cold = freshVault();
    keyQueries = 0;
    await Promise.all(Array.from({ length: 8 }, () => read('casa', cold)));
    expect(keyQueries).toBeLessThan(8);
  });

  test('twenty at once seal for a new person: one key', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => write('casa', [{ id: 'p1', email: `${at}@casa.example` }])),
    );
    expect(await administer('select count(*)::int from subject_keys')).toEqual([{ count: 1 }]);
    expect(await administer('select kind from tenant_keys order by kind')).toEqual([
      { kind: 'index' },
      { kind: 'tenant' },
    ]);
  });

  test('a value that was moved to another person or tenant does not open', async () => {
    await write('casa', crowd(2));
    await write('other', crowd(2));
    await administer(`update people set email = (select email from people where tenant_id = 'casa' and id = 'p0000')
      where tenant_id = 'casa' and id = 'p0001'`);
    await expect(read('casa')).rejects.toThrow(refusal('CRYPTO_AAD'));
    await administer(`update people set email = (select email from people where tenant_id = 'casa' and id = 'p0000')
      where tenant_id = 'other' and id = 'p0000'`);
    await expect(read('other')).rejects.toThrow(refusal('CRYPTO_AAD'));
  });

  test('clear text in a sealed column is refused', async () => {
    await administer(`insert into people values ('casa', 'p1', 'ana@casa.example', null, null)`);
    await expect(read('casa')).rejects.toThrow(refusal('CRYPTO_FORMAT'));
  });

  test('a wrapped key that was moved to another person, or tenant, does not unwrap', async () => {
    await write('casa', crowd(2));
    await administer(`update subject_keys set wrapped = (select wrapped from subject_keys where subject_id = 'p0000' and class = 'clinical')
      where subject_id = 'p0001' and class = 'clinical'`);
    await expect(read('casa', freshVault())).rejects.toThrow(refusal('CRYPTO_AAD'));
  });

  test('another root opens nothing', async () => {
    await write('casa', crowd(1));
    await expect(read('casa', freshVault(localRoot(randomBytes(32), [])))).rejects.toThrow(
      refusal('CRYPTO_KEY_RETIRED'),
    );
  });

  test('without its tenant’s key nothing of a tenant opens, and another tenant is untouched', async () => {
    await write('casa', crowd(1));
    await write('other', crowd(1));
    await administer(`delete from tenant_keys where tenant_id = 'casa'`);
    await expect(read('casa', freshVault())).rejects.toThrow(refusal('CRYPTO_KEY_SHREDDED'));
    expect(await read('other', freshVault())).toEqual(crowd(1));
  });

  test('ids are random: no two alike, and none is part of a key', async () => {
    await write('casa', crowd(20));
    const rows = await administer(`
      select id, encode(wrapped, 'base64') as wrapped from subject_keys
      union all select id, encode(wrapped, 'base64') from tenant_keys`);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(42);
    for (const { id, wrapped } of rows) expect(String(wrapped)).not.toContain(String(id).slice(0, 8));
  });

  test('keys are forgotten after five minutes, when told, and while nothing can be heard', async () => {
    let now = 1_000;
    await write('casa', crowd(1));
    const cold = freshVault(root, () => now);
    const queriesFor = async () => {
      keyQueries = 0;
      await read('casa', cold);
      return keyQueries;
    };
    expect(await queriesFor()).toBe(1);
    expect(await queriesFor()).toBe(0);
    now += 5 * 60_000 + 1;
    expect(await queriesFor()).toBe(1);
    cold.forget('other');
    expect(await queriesFor()).toBe(0);
    cold.forget('casa');
    expect(await queriesFor()).toBe(1);
    cold.hearing(false);
    expect(await queriesFor()).toBe(1);
    expect(await queriesFor()).toBe(1);
    cold.hearing(true);
    expect(await queriesFor()).toBe(1);
    expect(await queriesFor()).toBe(0);
  });
});

describe('blind indexes', () => {
  const find = (value: string, by = vault) =>
    store.within({ tenant: 'casa' }, async (transaction) => {
      const place = { tenant: 'casa', table: 'people', column: 'email' };
      const indexes = await by.indexesOf(place, 'email', value, transaction);
      const statement = sql<{ id: string }>`
        select id from people where ${sql.ref(indexOf('email'))} = any (${indexes}::bytea[])`;
      return transaction.rows({ compile: () => statement.compile(db) });
    });

  test('an equal value is found, also while an index rotates and after', async () => {
    await write('casa', crowd(3));
    expect(await find('PERSON1@casa.example')).toEqual([{ id: 'p0001' }]);
    const { version, left, retired } = await rotate('index', rotating());
    expect({ version, left, retired }).toEqual({ version: '2', left: 0, retired: 1 });
    expect(await find('person1@casa.example')).toEqual([{ id: 'p0001' }]);
    expect(await find('nobody@casa.example')).toEqual([]);
  });

  test('a pseudonym stays while keys are in use, is another in another tenant, and takes one query', async () => {
    await write('casa', crowd(1));
    const inCasa = <T>(work: (transaction: Transaction) => Promise<T>) =>
      store.within({ tenant: 'casa' }, work);
    const cold = openVault(vault.root, openMetrics('test'));
    const [ana = '', bia, again] = await inCasa((keys) =>
      cold.pseudonyms('casa', ['ana', 'bia', 'ana'], keys),
    );
    expect(ana).toMatch(/^[\w-]{12}$/);
    expect([again, bia === ana]).toEqual([ana, false]);
    const asked = { rows: () => Promise.reject(new Error('asked')) };
    expect(await cold.pseudonyms('casa', ['ana'], asked)).toEqual([ana]);
    await expect(cold.pseudonyms('other', ['ana'], asked)).rejects.toThrow('asked');
    expect(await cold.pseudonyms('empty', ['ana'], { rows: async () => [] })).toEqual([]);
    expect(await inCasa((keys) => cold.pseudonymsOf('casa', 'ana', keys))).toContain(ana);
  });

  test('no index is had by more than a few of many people', async () => {
    await write('casa', crowd(200));
    const [top] = await administer(
      'select count(*)::int as count from people group by email_index order by 1 desc limit 1',
    );
    expect(Number(top?.['count']) / 200).toBeLessThanOrEqual(0.05);
  });
});

describe('rotation', () => {
  const done = ({ kind, moved, left, retired }: Rotation) => ({ kind, moved, left, retired });

  test('of the root wraps every tenant’s keys anew, and the old root is needed no more', async () => {
    const old = randomBytes(32);
    const next = randomBytes(32);
    await write('casa', crowd(2), openVault(localRoot(old, []), openMetrics('test')));
    const both = openVault(localRoot(next, [old]), openMetrics('test'));
    expect(done(await rotate('root', rotating({ vault: both })))).toEqual({
      kind: 'root',
      moved: 2,
      left: 0,
      retired: 0,
    });
    expect(await read('casa', freshVault(localRoot(next, [])))).toEqual(crowd(2));
  });

  test('of a tenant’s key wraps every person’s keys anew, in batches, and then retires the old version', async () => {
    await write('casa', crowd(600));
    const told: number[] = [];
    const rotation = await rotate('tenant', rotating({ progress: (_, count) => told.push(count) }));
    expect(done(rotation)).toEqual({ kind: 'tenant', moved: 1_200, left: 0, retired: 1 });
    expect(told).toEqual([500, 1_000, 1_200]);
    expect((await read('casa', freshVault())).length).toBe(600);
    expect(
      await administer(
        `select version, wrapped is null as gone from tenant_keys where kind = 'tenant' order by 1`,
      ),
    ).toEqual([
      { version: 1, gone: true },
      { version: 2, gone: false },
    ]);
  });

  test('a key under a version that was put out of use is refused', async () => {
    await write('casa', crowd(1));
    const [before] = await administer(`select wrapped from subject_keys where class = 'clinical'`);
    await rotate('tenant', rotating());
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    // As a restored copy of the row would be.
    await client.query(
      `update subject_keys set wrapped = $1, tenant_key_version = 1 where class = 'clinical'`,
      [before?.['wrapped']],
    );
    await client.end();
    await expect(read('casa', freshVault())).rejects.toThrow(refusal('CRYPTO_KEY_RETIRED'));
  });

  test('of people’s keys seals their fields anew; a field under the old version is refused', async () => {
    await write('casa', crowd(3));
    const [{ email: old } = {}] = await administer(`select email from people where id = 'p0001'`);
    expect(done(await rotate('subject', rotating()))).toEqual({
      kind: 'subject',
      moved: 3,
      left: 0,
      retired: 6,
    });
    expect(await read('casa', freshVault())).toEqual(crowd(3));
    const [{ email: fresh } = {}] = await administer(`select email from people where id = 'p0001'`);
    expect(headOf(fresh as Buffer).version).toBe(2);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`update people set email = $1 where id = 'p0001'`, [old]);
    await client.end();
    await expect(read('casa', freshVault())).rejects.toThrow(refusal('CRYPTO_KEY_RETIRED'));
  });

  test.each(['tenant', 'subject', 'index'] as const)(
    'of the %s kind that died goes on where it was and makes no further version',
    async (kind) => {
      await write('casa', crowd(700));
      const dying = new AbortController();
      const dies = rotating({
        signal: dying.signal,
        progress: (what, count) => {
          if (count >= 500 && what !== 'keys made') dying.abort();
        },
      });
      await expect(rotate(kind, dies)).rejects.toThrow('aborted');
      const versions = `select (select max(version) from subject_keys)::int as subject, (select max(version) from tenant_keys)::int as tenant`;
      const [before] = await administer(versions);
      expect(Math.max(...Object.values(before as Record<string, number>))).toBe(2);
      const rest = await rotate(kind, rotating());
      expect(rest.left).toBe(0);
      expect(rest.moved).toBeGreaterThan(0);
      expect(rest.moved).toBeLessThan(1_400);
      expect((await administer(versions))[0]).toEqual(before);
      expect((await read('casa', freshVault())).length).toBe(700);
    },
  );

  test('what does not open is left, counted, and keeps the old version in use', async () => {
    await write('casa', crowd(2));
    await administer(
      `update people set note = set_byte(note, 20, get_byte(note, 20) # 1) where id = 'p0000'`,
    );
    const { left, retired } = await rotate('subject', rotating());
    expect({ left, retired }).toEqual({ left: 1, retired: 0 });
  });

  test('waits with putting a version out of use until whoever seals has finished', async () => {
    await write('casa', crowd(1));
    const sealing = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const writing = store.within({ tenant: 'casa' }, async (transaction) => {
      const [row] = await sealRows(
        vault,
        people,
        'casa',
        [{ id: 'late', email: 'late@casa.example' }],
        transaction,
      );
      sealing.resolve();
      await finish.promise;
      const statement = sql`insert into people values ('casa', 'late', ${row?.['email']}, ${row?.['email_index']}, null)`;
      await transaction.rows({ compile: () => statement.compile(db) });
    });
    await sealing.promise;
    const rotation = rotate('tenant', rotating());
    finish.resolve();
    await writing;
    expect((await rotation).left).toBe(0);
    expect((await read('casa', freshVault())).map(({ id }) => id)).toEqual(['late', 'p0000']);
  });

  test('while people are read and written, nothing fails', async () => {
    await write('casa', crowd(60));
    let busy = true;
    let reads = 0;
    const readers = Array.from({ length: 3 }, async () => {
      while (busy) {
        // A page that was read before the sweep names keys that are gone after; it is read again, as data-access does.
        await read('casa').catch((error: { code?: string }) => {
          if (error.code !== 'CRYPTO_KEY_RETIRED') throw error;
          return read('casa');
        });
        reads++;
      }
    });
    const writer = (async () => {
      for (let at = 0; busy; at++)
        await write('casa', [{ id: `new${at % 20}`, email: `new${at}@casa.example` }]);
    })();
    for (const kind of ['tenant', 'subject', 'index', 'tenant'] as Kind[])
      expect(await rotate(kind, rotating({ announce: async () => vault.forget('casa') }))).toMatchObject({
        left: 0,
      });
    busy = false;
    await Promise.all([...readers, writer]);
    expect(reads).toBeGreaterThan(0);
  });

  test('nothing is put out of use where there is one version only', async () => {
    await write('casa', crowd(1));
    for (const kind of ['tenant', 'subject', 'index'] as const)
      expect(await retire(kind, rotating())).toEqual({ left: 0, retired: 0 });
    expect(await read('casa', freshVault())).toEqual(crowd(1));
  });
});

describe('destroying', () => {
  const destroy = (subject: string, own: object = {}) =>
    shred({
      store,
      tenant: 'casa',
      subject,
      class: 'discretionary',
      tables: [people],
      announce: async () => vault.forget(),
      ...own,
    });

  test('one person’s keys leaves their other class and everybody else readable', async () => {
    await write('casa', crowd(2));
    expect((await destroy('p0000')).length).toBe(1);
    await expect(read('casa')).rejects.toThrow(refusal('CRYPTO_KEY_SHREDDED'));
    await administer(`update people set email = null where id = 'p0000'`);
    expect(await read('casa')).toEqual([{ ...crowd(2)[0], email: null }, crowd(2)[1]]);
    expect(await administer(`select id from people where email_index is not null`)).toEqual([
      { id: 'p0001' },
    ]);
  });

  test('is final: nothing is sealed for the person again, and rotations pass them over', async () => {
    await write('casa', crowd(2));
    await destroy('p0000');
    await write('casa', crowd(1));
    expect(await administer(`select email from people where id = 'p0000'`)).toEqual([{ email: null }]);
    expect(await rotate('subject', rotating())).toMatchObject({ left: 0 });
    expect(await destroy('p0000')).toEqual([]);
  });

  test('from the first step on nobody opens a field', async () => {
    await write('casa', crowd(1));
    let seen: unknown;
    await destroy('p0000', {
      announce: async () => {
        vault.forget();
        seen ??= await read('casa').catch((error: { code: string }) => error.code);
      },
    });
    expect(seen).toBe('CRYPTO_KEY_SHREDDED');
  });

  test('leaves nothing of what was still clear, once that is to be sealed', async () => {
    await write('casa', crowd(2));
    await destroy('p0000', { class: 'clinical' });
    await administer(`update people set note = convert_to('note', 'UTF8')`);
    expect(
      await sweep(store, vault, { tenant: 'casa', table: people, clear: (_row, bytes) => bytes.toString() }),
    ).toBe(2);
    expect(await read('casa')).toEqual([
      { id: 'p0000', email: 'person0@casa.example', note: null },
      { id: 'p0001', email: 'person1@casa.example', note: 'note' },
    ]);
  });
});

describe('a tenant', () => {
  test('has keys of its own, made once', async () => {
    for (const tenant of ['casa', 'other']) expect(await makeTenantKeys({ store, vault, tenant })).toBe(true);
    expect(await makeTenantKeys({ store, vault, tenant: 'casa' })).toBe(false);
    expect(await administer('select count(distinct id)::int as ids from tenant_keys')).toEqual([{ ids: 4 }]);
  });

  test('whose rows were clear has them sealed, however often that is begun', async () => {
    await administer(`
      insert into people (tenant_id, id, email, note)
      select 'casa', 'p' || lpad(n::text, 4, '0'), convert_to('person' || n || '@casa.example', 'UTF8'), convert_to('note ' || n, 'UTF8')
      from generate_series(0, 699) n`);
    const clear = (_row: string, bytes: Buffer): string => bytes.toString();
    const of = { tenant: 'casa', table: people, clear };
    const dying = new AbortController();
    await expect(
      sweep(store, vault, { ...of, signal: dying.signal, progress: () => dying.abort() }),
    ).rejects.toThrow('aborted');
    expect(await sweep(store, vault, of)).toBe(200);
    expect(await sweep(store, vault, of)).toBe(0);
    expect(await read('casa')).toEqual(crowd(700));
    expect(await administer('select count(*)::int from people where email_index is null')).toEqual([
      { count: 0 },
    ]);
  });
});
