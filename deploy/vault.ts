import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '@jangada/config/config.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import { secretBefore } from '@jangada/store/0025_factor_vault.ts';
import { connect, queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { secondFactors } from '@jangada/vault/core.ts';
import { tenantKeysInUse } from '@jangada/vault/keys.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import type { SealedTable } from '@jangada/vault/rows.ts';
import { sweep } from '@jangada/vault/sweep.ts';
import { openVault, type Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import type pg from 'pg';
import { owner } from './generate/roles.ts';
import { type Keys, ownKeys } from './keys.ts';
import { home } from './local.ts';

/** The vault as whoever prepares and operates a system has it. */

/** @throws ConfigError, Unavailable */
export const vaultFrom = async (env: NodeJS.ProcessEnv): Promise<Vault> =>
  openVault(await openRoot(readConfig(rootSettings, env)), openMetrics('deploy'));

/** The root key of the settings, and those accepted beside it. @throws ConfigError */
export const rootKeysOf = (env: NodeJS.ProcessEnv): readonly Buffer[] => {
  const settings = readConfig(['ENCRYPTION_KEY', 'ENCRYPTION_KEYS_ACCEPTED'], env);
  return [settings.ENCRYPTION_KEY, ...settings.ENCRYPTION_KEYS_ACCEPTED];
};

/** Root settings of a local system: its own keys, and from the environment where else the root may be. */
export const rootEnv = (
  keys: Pick<Keys, 'encryptionKey' | 'encryptionKeysAccepted'>,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(rootSettings.map((name) => [name, env[name]])),
  ENCRYPTION_KEY: keys.encryptionKey,
  ENCRYPTION_KEYS_ACCEPTED: keys.encryptionKeysAccepted,
});

/** The vault of the system that is found from here, as the command line needs it. @throws ConfigError, Unavailable */
export const operatorVault = (env: NodeJS.ProcessEnv = process.env): Promise<Vault> => {
  const file = join(home(env), 'keys.json');
  const isGiven = env['ENCRYPTION_KEY'] ?? env['ENCRYPTION_KEY_FILE'];
  return vaultFrom(isGiven || !existsSync(file) ? env : rootEnv(ownKeys(file), env));
};

/** A connection of `pg` as the vault reads and writes through it. */
export const throughClient = (client: Pick<pg.ClientBase, 'query'>): Transaction => ({
  rows: async <R>(query: Parameters<Transaction['rows']>[0]) => {
    const { sql: text, parameters } = query.compile();
    return (await client.query(text, [...parameters])).rows as R[];
  },
});

const db = queries<CoreTables>();

/** Every tenant, and its tables that hold sealed fields. */
export const sealedTenants = async (
  store: Pick<Store, 'rows'>,
): Promise<readonly { readonly tenant: string; readonly tables: readonly SealedTable[] }[]> => {
  const tenants = await store.rows(db.selectFrom('tenants').select(['id', 'pack']).orderBy('id'));
  return tenants.map(({ id, pack }) => ({ tenant: id, tables: sealedTables(packOf(pack)) }));
};

/** Goes through a table although row-level security binds its owner too; the rights bind it again. */
const unbound = (table: string) => sql`alter table ${sql.table(table)} no force row level security`;

/**
 * Seals what is clear from before its column was sealed, and has PostgreSQL prove that nothing clear is left. To be
 * called after the migrations and before the rights, as often as one likes.
 * @param rootKeys under which secrets of second factors stood before
 * @throws Error when rows wait to be sealed and there is no vault
 * @throws Unprocessable when the root is not the one that wrapped the tenants' keys
 */
export const sealExisting = async (
  databaseUrl: string,
  vault: Vault | undefined,
  rootKeys: readonly Buffer[] = [],
): Promise<void> => {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c role=${owner} -c search_path=public,pg_temp`);
  await using store = connect('migrate', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 2 });
  const run = <R>(text: ReturnType<typeof sql<R>>) => store.rows<R>(written(text));
  await run(unbound('tenants'));
  await run(unbound('tenant_keys'));
  const tenants = await sealedTenants(store);
  for (const { tenant } of vault ? tenants : [])
    for (const key of await store.within({ tenant }, (transaction) => tenantKeysInUse(transaction, tenant)))
      await vault?.prove(key);

  const unproven = await run(sql<{ name: string; table: string }>`
    select conname as name, conrelid::regclass::text as table from pg_constraint
    where conname like '%\\_is\\_sealed' and not convalidated`);
  if (unproven.length === 0) return;
  for (const table of new Set(['subject_keys', ...unproven.map((one) => one.table)]))
    await run(unbound(table));
  for (const { tenant, tables } of vault ? tenants : [])
    for (const table of tables) {
      const clear = (row: string, bytes: Buffer): string =>
        table.name === secondFactors.name ? secretBefore(rootKeys, row, bytes) : bytes.toString();
      if (vault) await sweep(store, vault, { tenant, table, clear });
    }
  for (const { name, table } of unproven)
    await run(sql`alter table ${sql.table(table)} validate constraint ${sql.ref(name)}`).catch(
      (error: unknown) => {
        throw new Error(
          vault
            ? `rows of ${table} could not be sealed`
            : `rows of ${table} wait to be sealed: ENCRYPTION_KEY, or another root of keys, is missing`,
          { cause: error },
        );
      },
    );
};
