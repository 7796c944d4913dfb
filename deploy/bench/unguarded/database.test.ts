import pg from 'pg';
import { expect, test } from 'vitest';
import { startDatabase, tenantSql } from '../../test-database.ts';
import { takeGuardsAway } from './database.ts';

test('without its guards the database believes which tenant is asked for, and tells that one alone', async () => {
  await using database = await startDatabase();
  await database.administer(tenantSql('casa') + tenantSql('lar'));
  await database.write('casa', 'providers', [{ id: 'pro-1', name: 'Ana', name_search: 'ana' }]);
  await database.write('lar', 'providers', [{ id: 'pro-2', name: 'Rui', name_search: 'rui' }]);
  const client = new pg.Client(database.server.url);
  await client.connect();
  try {
    await takeGuardsAway(client);
    await client.query('set role svc_edge');
    expect((await client.query('select id from tenants order by id')).rows).toEqual([
      { id: 'casa' },
      { id: 'lar' },
    ]);
    await client.query(`set role app_tenant; select set_config('app.tenant', 'casa', false)`);
    expect((await client.query('select id from providers')).rows).toEqual([{ id: 'pro-1' }]);
  } finally {
    await client.end();
  }
});
