import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packs } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { openStore, type Store } from '@jangada/store/store.ts';
import { type Grant, grantSealer } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import { sealRows } from '@jangada/vault/rows.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import pg from 'pg';
import { roleOf } from './generate/roles.ts';
import { openKeys } from './keys.ts';
import { migrate } from './migrate.ts';
import { placeCluster } from './test-cluster.ts';
import { rootEnv, throughClient, vaultFrom } from './vault.ts';

/** A private PostgreSQL, migrated, with the roles and rights that every service has. */
export interface TestDatabase extends AsyncDisposable {
  /** Keeps everything of it; gone afterwards. */
  readonly dir: string;
  readonly server: Server;
  /** A store as one service opens it. */
  storeOf(service: string, poolSize?: number, tenantUrls?: Readonly<Record<string, string>>): Promise<Store>;
  /** Another database of the same server, migrated with the same keys. */
  another(name: string): Promise<string>;
  /** Statements as the superuser, whom row-level security does not bind; returns the rows of the last. */
  administer(text: string): Promise<Record<string, unknown>[]>;
  readonly vault: Vault;
  /** Writes rows of a pack's table, sealed as everybody has to. */
  write(tenant: string, table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void>;
  /** A grant as permission seals it. */
  grant(claims: Grant): Promise<string>;
}

export const startDatabase = async (): Promise<TestDatabase> => {
  const dir = await mkdtemp(join(tmpdir(), 'jangada-database-'));
  await placeCluster(dir);
  const keys = openKeys(join(dir, 'keys.json'), []);
  const server = await startPostgres({ dir, durability: 'relaxed' });
  const vault = await vaultFrom(rootEnv(keys, {}));
  const stores: Store[] = [];
  const administrator = new pg.Pool({ connectionString: server.url, max: 2 });
  // A server that a test stops takes idle connections with it.
  administrator.on('error', () => undefined);
  const administer: TestDatabase['administer'] = async (text) => {
    const result = await administrator.query<Record<string, unknown>>(text);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  };
  return {
    dir,
    server,
    another: async (name) => {
      await administer(`create database ${name}`);
      const { href } = new URL(`/${name}`, server.url);
      await migrate(href, { grantDatabaseKeys: keys.setOf('database-grant'), vault });
      return href;
    },
    storeOf: async (service, poolSize = 4, tenantUrls = {}) => {
      const asRole = (given: string): string => {
        const url = new URL(given);
        url.username = roleOf(service);
        return url.href;
      };
      const store = await openStore(service, {
        DATABASE_URL: asRole(server.url),
        DATABASE_POOL_SIZE: poolSize,
        DATABASE_TENANT_URLS: Object.fromEntries(
          Object.entries(tenantUrls).map(([tenant, url]) => [tenant, asRole(url)]),
        ),
      });
      stores.push(store);
      return store;
    },
    administer,
    vault,
    write: (tenant, table, rows) => insertRows(server.url, vault, { tenant, table, rows }),
    grant: grantSealer(
      signerFrom(() => keys.setOf('grant')),
      secretFrom(() => keys.setOf('database-grant')),
    ),
    [Symbol.asyncDispose]: async () => {
      for (const store of stores) await store[Symbol.asyncDispose]();
      await administrator.end();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** Writes rows of a pack's table, sealed as everybody has to. */
export const insertRows = async (
  databaseUrl: string,
  vault: Vault,
  of: {
    readonly tenant: string;
    readonly table: string;
    readonly rows: readonly Readonly<Record<string, unknown>>[];
  },
): Promise<void> => {
  const sealed = packs.flatMap(sealedTables).find(({ name }) => name === of.table);
  const client = new pg.Client({ connectionString: databaseUrl, pipeline: true });
  await client.connect();
  try {
    await client.query('begin');
    const stored = sealed
      ? await sealRows(vault, sealed, of.tenant, of.rows, throughClient(client))
      : of.rows;
    for (const row of stored) {
      const values: Record<string, unknown> = { ...row, tenant_id: of.tenant };
      const columns = Object.keys(values);
      await client.query(
        `insert into ${of.table} (${columns}) values (${columns.map((_, at) => `$${at + 1}`)})`,
        Object.values(values),
      );
    }
    await client.query('commit');
  } finally {
    await client.end();
  }
};

/** A tenant of the aesthetic clinic's pack, as SQL. */
export const tenantSql = (id: string, pack = 'aesthetic-clinic'): string =>
  `insert into tenants values ('${id}', '${id}', '${pack}', 'America/Sao_Paulo', 'pt-BR', 'BRL');`;

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

/** As if everybody of whom there is a record had agreed to everything, as SQL. */
export const agreedSql = `
  insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
    select tenant_id, 'agreed ' || id, id, 'given', 'health', 'health', 'demo', 'demo', 'demo' from clients
    on conflict do nothing;`;

/** Makes the trail one that was never written to; nobody can without taking its triggers away. */
export const forgetTrail = `set session_replication_role = replica;
  truncate audit_entries, audit_batches, audit_checkpoints;
  update audit_heads set next = 0, chain = sha256(convert_to('jangada audit chain 1', 'UTF8') || '\\x00'::bytea || convert_to(shard::text, 'UTF8'));
  set session_replication_role = origin`;
