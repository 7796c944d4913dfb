import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { openStore, type Store } from '@jangada/store/store.ts';
import { type Grant, grantSealer } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import pg from 'pg';
import { roleOf } from './generate/roles.ts';
import { openKeys } from './keys.ts';
import { migrate } from './migrate.ts';

/** A private PostgreSQL, migrated, with the roles and rights that every service has. */
export interface TestDatabase extends AsyncDisposable {
  /** Keeps everything of it; gone afterwards. */
  readonly dir: string;
  readonly server: Server;
  /** A store as one service opens it. */
  storeOf(service: string, poolSize?: number): Promise<Store>;
  /** Statements as the superuser, whom row-level security does not bind; returns the rows of the last. */
  administer(text: string): Promise<Record<string, unknown>[]>;
  /** A grant as permission seals it. */
  grant(claims: Grant): Promise<string>;
}

export const startDatabase = async (): Promise<TestDatabase> => {
  const dir = await mkdtemp(join(tmpdir(), 'jangada-database-'));
  const keys = openKeys(join(dir, 'keys.json'), []);
  const server = await startPostgres({ dir, durability: 'relaxed' });
  await migrate(server.url, { grantDatabaseKeys: keys.setOf('database-grant') });
  const stores: Store[] = [];
  return {
    dir,
    server,
    storeOf: async (service, poolSize = 4) => {
      const url = new URL(server.url);
      url.username = roleOf(service);
      const store = await openStore(service, { DATABASE_URL: url.href, DATABASE_POOL_SIZE: poolSize });
      stores.push(store);
      return store;
    },
    administer: async (text) => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        const result = await client.query<Record<string, unknown>>(text);
        return (Array.isArray(result) ? result.at(-1) : result).rows;
      } finally {
        await client.end();
      }
    },
    grant: grantSealer(
      signerFrom(() => keys.setOf('grant')),
      secretFrom(() => keys.setOf('database-grant')),
    ),
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store[Symbol.asyncDispose]();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** A tenant of the aesthetic clinic's pack, as SQL. */
export const tenantSql = (id: string): string =>
  `insert into tenants values ('${id}', '${id}', 'aesthetic-clinic', 'America/Sao_Paulo', 'pt-BR', 'BRL');`;

/** A grant with everything that a test does not care about. */
export const grantFor = (own: Partial<Grant> = {}): Grant => ({
  rid: 'run-1',
  tid: 'casa',
  sub: 'user-1',
  ph: 'hash',
  reach: 'tenant',
  pur: 'care',
  fields: [],
  limit: 100,
  exp: Date.now() + 60_000,
  ...own,
});
