import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import pg from 'pg';
import { migrate } from '../migrate.ts';
import { vaultFrom } from '../vault.ts';
import { type ImportOptions, type ImportReport, importSynthea, type Progress } from './synthea.ts';

/** The files of ours that are imported where nothing else is said. */
export const fixtures = join(import.meta.dirname, 'fixtures');

/** Where the Synthea data set is, on a machine that has it. */
export const dataSet = join(
  process.env['JANGADA_DATA_DIR'] ?? join(import.meta.dirname, '../../../shared/data'),
  'synthea',
);

/** A migrated database to import into. */
export interface Imports extends AsyncDisposable {
  readonly dir: string;
  readonly url: string;
  readonly client: pg.Client;
  readonly vault: Vault;
  readonly encryptionKey: string;
  rows(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]>;
  run(tenant: string, options?: Partial<ImportOptions>): Promise<ImportReport>;
  /** All that a tenant has, as text. */
  contentOf(tenant: string): Promise<string>;
}

/** Says nothing on its way. */
export const silent: Progress = { rows: () => {}, badRow: () => {}, done: () => {} };

const tables = [
  'units',
  'providers',
  'clients',
  'appointments',
  'billing',
  'aesthetic_records',
  'care_relationships',
  'consent_levels',
];

export const openImports = async (): Promise<Imports> => {
  const dir = await mkdtemp(join(tmpdir(), 'jangada-import-'));
  const encryptionKey = randomBytes(32).toString('base64');
  const server = await startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' });
  const { url } = server;
  const vault = await vaultFrom({ ENCRYPTION_KEY: encryptionKey });
  await migrate(url, { vault });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const rows: Imports['rows'] = async (sql, ...values) => (await client.query(sql, values)).rows;

  return {
    ...{ dir, url, client, vault, encryptionKey, rows },
    run: (tenant, options = {}) =>
      importSynthea({
        ...{ dir: fixtures, tenant, databaseUrl: url, vault, progress: silent },
        onChanged: async () => {},
        ...options,
      }),
    contentOf: async (tenant) => {
      const contents: unknown[] = [];
      for (const table of tables)
        contents.push(
          await rows(`select * from ${table} as kept where tenant_id = $1 order by kept::text`, tenant),
        );
      return JSON.stringify(contents);
    },
    [Symbol.asyncDispose]: async () => {
      await client.end();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
