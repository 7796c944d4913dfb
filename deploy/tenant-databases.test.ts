import { queries, type Store } from '@jangada/store/store.ts';
import { databasePart } from '@jangada/trust/grant.ts';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grantFor, insertRows, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

/** A tenant may have a database of its own; whoever shares the other is not in it, and the other way round. */

const db = queries<{ clients: { id: string } }>();
const ids = db.selectFrom('clients').select('id').orderBy('id');

let database: TestDatabase;
let apart: string;
let store: Store;

beforeAll(async () => {
  database = await startDatabase();
  apart = await database.another('apart');
  await database.administer(`${tenantSql('casa')} ${tenantSql('mar')}`);
  const client = new pg.Client({ connectionString: apart });
  await client.connect();
  await client.query(`${tenantSql('sol')} ${tenantSql('mar')}`);
  await client.end();
  const row = (id: string) => [{ id, name: id, name_search: id }];
  await database.write('casa', 'clients', row('casa-1'));
  await database.write('mar', 'clients', row('mar-1'));
  for (const [tenant, id] of [
    ['sol', 'sol-1'],
    // Left behind where it does not belong: nobody is led to it.
    ['mar', 'mar-stray'],
  ] as const)
    await insertRows(apart, database.vault, { tenant, table: 'clients', rows: row(id) });
  store = await database.storeOf('data-access', 2, { sol: apart });
}, 90_000);
afterAll(() => database?.[Symbol.asyncDispose]());

const seen = async (tid: string): Promise<string[]> => {
  const grant = databasePart(await database.grant(grantFor({ tid })));
  return (await store.read({ grant }, ids)).map(({ id }) => id);
};

describe('a tenant with a database of its own', () => {
  test('is read there, and the others where they share', async () => {
    expect(await seen('sol')).toEqual(['sol-1']);
    expect(await seen('casa')).toEqual(['casa-1']);
    expect(await seen('mar')).toEqual(['mar-1']);
    expect(await seen('nobody')).toEqual([]);
  });

  test('is not reached by a grant of another that names it', async () => {
    const [, ...rest] = databasePart(await database.grant(grantFor({ tid: 'casa' }))).split('.');
    const renamed = store.read({ grant: ['sol', ...rest].join('.') }, ids);
    await expect(renamed).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
  });

  test('has as many connections as the others together, and no more', async () => {
    const claim = async (tid: string) => ({ grant: databasePart(await database.grant(grantFor({ tid }))) });
    const [sol, casa] = [await claim('sol'), await claim('casa')];
    const slow = { compile: () => sql`select pg_sleep(0.05)`.compile(db) };
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.read(index % 2 ? sol : casa, slow)));
    const open = await database.administer(
      `select datname, count(*)::int from pg_stat_activity where usename = 'svc_data_access' group by 1 order by 1`,
    );
    expect(open).toEqual([
      { datname: 'apart', count: 2 },
      { datname: new URL(database.server.url).pathname.slice(1), count: 2 },
    ]);
  });
});
