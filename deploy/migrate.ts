import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { trustAuthority } from '@jangada/config/authority.ts';
import { readConfig } from '@jangada/config/config.ts';
import { packs } from '@jangada/packs/registry.ts';
import { secretKeysOf } from '@jangada/trust/keyset.ts';
import { rootSettings } from '@jangada/vault/root.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { importer, owner, roleOf } from './generate/roles.ts';
import { rootKeysOf, sealExisting, vaultFrom } from './vault.ts';

export interface MigrateOptions {
  /** The keys that seal grants for the database, as permission holds them (JWK set). */
  readonly grantDatabaseKeys?: string;
  /** Seals what is clear from before its column was sealed; needed where such rows are. */
  readonly vault?: Vault;
  /** Root keys that secrets of second factors may stand under from before they were sealed by the vault. */
  readonly rootKeys?: readonly Buffer[];
  /** Passwords of login roles, by role; without one a role logs in as the server's own rules let it. */
  readonly passwords?: Readonly<Record<string, string>>;
}

/**
 * Brings a database up to date: migrations of the core and of every pack as the owner of all tables, the sealing of
 * what was clear before, then the roles and rights of the services, then the key that grants are verified with. May be
 * called any number of times. The URL names an administrator who may create roles.
 * @throws what PostgreSQL says; Error when a migration made a table of tenants that has no policy
 */
export const migrate = async (databaseUrl: string, options: MigrateOptions = {}): Promise<void> => {
  await asAdministrator(databaseUrl, (client) => client.query(ownerSql));
  await runMigrations(databaseUrl);
  await sealExisting(databaseUrl, options.vault, options.rootKeys);
  await asAdministrator(databaseUrl, async (client) => {
    await client.query(readFileSync(join(import.meta.dirname, 'generated', 'roles.sql'), 'utf8'));
    const loose = (await client.query<{ name: string }>(unprotectedSql)).rows.map(({ name }) => name);
    if (loose.length > 0)
      throw new Error(`no policy names anybody for ${loose.join(', ')}, which has rows of tenants`);
    for (const [role, password] of Object.entries(options.passwords ?? {})) {
      await client.query(
        `alter role ${client.escapeIdentifier(role)} password ${client.escapeLiteral(password)}`,
      );
    }
    if (options.grantDatabaseKeys) await storeGrantKeys(client, options.grantDatabaseKeys);
  });
};

const ownerSql = `
  do $$
  begin
    if not exists (select from pg_roles where rolname = '${owner}') then create role ${owner} nologin; end if;
    -- The administrator acts as the owner; one who is no superuser has to be a member for that.
    if not pg_has_role(current_user, '${owner}', 'set') then execute format('grant ${owner} to %I', current_user); end if;
    execute format('grant create on database %I to ${owner}', current_database());
  end $$;
  grant usage, create on schema public to ${owner};`;

/** Tables with a tenant's rows that row-level security does not guard, or that nobody has a policy for. */
const unprotectedSql = `
  select c.relname as name from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and (c.relname = 'tenants' or exists (
      select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
    and not (c.relrowsecurity and c.relforcerowsecurity and exists (select from pg_policy p where p.polrelid = c.oid))
  order by 1`;

/** In one transaction, so that a service never meets half of its rights. */
const asAdministrator = async <T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> => {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'migrate' });
  await client.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } finally {
    await client.end();
  }
};

const runMigrations = async (databaseUrl: string): Promise<void> => {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'migrate',
    options: `-c role=${owner}`,
    max: 2,
  });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    // A later migration of the core sorts before those of the packs that have run.
    const migrator = new Migrator({
      db,
      provider: { getMigrations: migrations },
      allowUnorderedMigrations: true,
    });
    const { error } = await migrator.migrateToLatest();
    if (error) throw error;
  } finally {
    await db.destroy();
  }
};

/** All migrations by name; the core's sort before every pack's, which refer to its tables. */
const migrations = async (): Promise<Record<string, Migration>> => {
  const folder = dirname(fileURLToPath(import.meta.resolve('@jangada/store/tables.ts')));
  const files = readdirSync(folder).filter((file) => /^\d{4}_\w+\.ts$/.test(file));
  const core = await Promise.all(
    files.map(
      async (file) =>
        [
          `core/${file.slice(0, -3)}`,
          (await import(pathToFileURL(join(folder, file)).href)) as Migration,
        ] as const,
    ),
  );
  const ofPacks = packs.flatMap((pack) =>
    Object.entries(pack.migrations).map(
      ([name, migration]) => [`pack/${pack.name}/${name}`, migration] as const,
    ),
  );
  return Object.fromEntries([...core, ...ofPacks]);
};

/** Makes the keys that grants are verified with exactly those of a set, and leaves all else alone. */
export const putGrantKeys = (databaseUrl: string, keys: string): Promise<void> =>
  asAdministrator(databaseUrl, (client) => storeGrantKeys(client, keys));

/** HMAC-SHA256 (RFC 2104) in two halves, so that PostgreSQL's own sha256() is enough to verify it. */
const storeGrantKeys = async (client: pg.Client, text: string): Promise<void> => {
  const keys = secretKeysOf(text);
  await client.query('delete from sec.grant_key where kid <> all($1)', [keys.map(({ kid }) => kid)]);
  for (const { kid, secret } of keys) {
    const padded = Buffer.alloc(64);
    secret.copy(padded);
    await client.query(
      `insert into sec.grant_key (kid, inner_key, outer_key) values ($1, $2, $3)
       on conflict (kid) do update set inner_key = excluded.inner_key, outer_key = excluded.outer_key`,
      [kid, padded.map((byte) => byte ^ 0x36), padded.map((byte) => byte ^ 0x5c)],
    );
  }
};

if (import.meta.main) {
  trustAuthority(readConfig(['TLS_CA']).TLS_CA);
  const { DATABASE_URL = '', GRANT_DATABASE_KEYS } = process.env;
  const passwords = Object.entries(process.env).flatMap(([name, password]) => {
    const service = /^PASSWORD_([A-Z_]+)$/.exec(name)?.[1]?.toLowerCase();
    return service && password
      ? [[service === 'import' ? importer : roleOf(service), password] as const]
      : [];
  });
  const hasRoot = rootSettings.some((name) => process.env[name] ?? process.env[`${name}_FILE`]);
  await migrate(DATABASE_URL, {
    ...(hasRoot ? { vault: await vaultFrom(process.env), rootKeys: rootKeysOf(process.env) } : {}),
    passwords: Object.fromEntries(passwords),
    ...(GRANT_DATABASE_KEYS ? { grantDatabaseKeys: GRANT_DATABASE_KEYS } : {}),
  });
}
