import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packOf } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { Client } from 'pg';
import { BadHeader, type Incoming, type Refused, readRows } from './rows.ts';
import { claimsTable, type Source, sources } from './sources.ts';

import { identify, type Sealing, sealed, seenTable, upsert } from './write.ts';

export interface ImportOptions {
  /** The folder of the CSV files. */
  readonly dir: string;
  /** Made when it does not exist; one that does keeps its settings. */
  readonly tenant: string;
  /** As `svc_import`, or who is above row-level security. */
  readonly databaseUrl: string;
  /** Of a tenant that is made. */
  readonly timeZone?: string;
  /** Of a tenant that is made. */
  readonly locale?: 'en' | 'pt-BR';
  /** The one whose tables these are. */
  readonly pack?: 'aesthetic-clinic';
  /** Seals what the pack wants sealed. */
  readonly vault: Vault;
  readonly progress: Progress;
  /** Called once when all is written, and also when a failure leaves the files before it written. */
  readonly onChanged: (tenant: string) => Promise<void>;
}

/** Hears about an import while it runs. */
export interface Progress {
  /** So many rows of a file were read. */
  rows(file: string, rows: number): void;
  badRow(row: BadRow): void;
  done(file: FileReport): void;
}

export interface BadRow extends Refused {
  readonly file: string;
}

export interface FileReport {
  readonly file: string;
  /** Where the rows went; null for a file that only others consult. */
  readonly table: string | null;
  /** `refused`: it is not the file its name says, nothing of it was imported. */
  readonly state: 'imported' | 'missing' | 'refused';
  /** Rows in the file, imported and skipped. */
  readonly rows: number;
  readonly imported: number;
  /** Of those imported, rows that were not there before or were different. */
  readonly changed: number;
  readonly skipped: number;
}

export interface ImportReport {
  readonly tenant: { readonly id: string; readonly created: boolean };
  readonly files: readonly FileReport[];
  /** In the order of files and lines; at most 1,000 of a file, progress hears of all. */
  readonly badRows: readonly BadRow[];
}

/** The import cannot start. The text says why. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';
}

const batchSize = 1_000;
const keptBadRows = 1_000;

/**
 * Imports a Synthea CSV export into a tenant's tables. Files may be missing and rows may be bad: the rest is
 * imported, one transaction a file. Doing it again changes nothing; rows that left the files are not deleted.
 *
 * @throws ImportRefused
 */
export async function importSynthea(options: ImportOptions): Promise<ImportReport> {
  const { dir, tenant, databaseUrl, progress, onChanged } = options;
  const present = new Set(await readdir(dir).catch(() => []));
  if (!sources.some(({ file }) => present.has(file))) {
    throw new ImportRefused('the folder holds no file of a Synthea CSV export, such as patients.csv');
  }
  const client = new Client({ connectionString: databaseUrl, application_name: 'import', pipeline: true });
  // The query that runs reports a lost connection; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // What row-level security lets the role of imports see.
    await client.query(`select set_config('app.tenant', $1, false)`, [tenant]);
    const created = await ensureTenant(client, options);
    await client.query(claimsTable);
    const files: FileReport[] = [];
    const badRows: BadRow[] = [];
    try {
      for (const source of sources) {
        const report = present.has(source.file)
          ? await importFile(client, source, {
              dir,
              tenant,
              progress,
              badRows,
              sealing: sealingOf(source, options),
            })
          : reportOf(source, 'missing');
        files.push(report);
        progress.done(report);
      }
    } finally {
      if (files.some(({ imported }) => imported > 0)) await onChanged(tenant);
    }
    // Otherwise the first questions run on plans for empty tables. PostgreSQL passes over what is not the role's own.
    await client.query(
      `analyze ${[...new Set(sources.map(({ table }) => table)), 'care_relationships', 'consents', 'consent_levels']}`,
    );
    return { tenant: { id: tenant, created }, files, badRows };
  } finally {
    await client.end();
  }
}

/** Whether the tenant had to be made. */
async function ensureTenant(
  client: Client,
  { tenant, timeZone = 'UTC', locale = 'en', pack = 'aesthetic-clinic' }: ImportOptions,
): Promise<boolean> {
  // Synthea's amounts are US dollars.
  const { rowCount } = await client.query(
    `insert into tenants (id, name, pack, time_zone, locale, currency) values ($1, $1, $2, $3, $4, 'USD')
      on conflict (id) do nothing`,
    [tenant, pack, timeZone, locale],
  );
  const { rows } = await client.query('select from tenants where id = $1 and pack = $2', [tenant, pack]);
  if (rows.length === 0) throw new ImportRefused(`tenant ${tenant} has another pack than ${pack}`);
  return rowCount === 1;
}

const sealingOf = (
  source: Source,
  { vault, tenant, pack = 'aesthetic-clinic' }: ImportOptions,
): Sealing | undefined => {
  const table = sealedTables(packOf(pack)).find(({ name }) => name === source.table);
  const isWritten = Object.keys(table?.columns ?? {}).some((column) => column in source.columns);
  return table && isWritten ? { vault, tenant, table } : undefined;
};

interface FileOptions extends Pick<ImportOptions, 'dir' | 'tenant' | 'progress'> {
  readonly sealing: Sealing | undefined;
  /** Bad rows of the file are added to it. */
  readonly badRows: BadRow[];
}

async function importFile(
  client: Client,
  source: Source,
  { dir, tenant, progress, badRows, sealing }: FileOptions,
): Promise<FileReport> {
  const { file } = source;
  const counts = { rows: 0, imported: 0, changed: 0, skipped: 0 };
  const kept: BadRow[] = [];
  const tell = (refused: Refused) => {
    const badRow = { file, ...refused };
    if (kept.length < keptBadRows) kept.push(badRow);
    progress.badRow(badRow);
  };
  const skip = (refused: Refused) => {
    counts.skipped += 1;
    tell(refused);
  };
  const write = async (batch: readonly Incoming[]) => {
    const { identified, repeated } = await identify(client, source, batch);
    for (const { line } of repeated) skip({ line, column: source.id ?? null, reason: 'is repeated' });
    const stored = sealing ? await sealed(client, source, identified, sealing) : { source, rows: identified };
    const changed = await upsert(client, stored.source, tenant, stored.rows);
    if (!source.temporary) counts.changed += changed;
    counts.imported += identified.length;
    progress.rows(file, counts.rows);
  };

  await client.query('begin');
  try {
    await client.query(seenTable);
    let batch: Incoming[] = [];
    for await (const row of readRows(join(dir, file), source)) {
      counts.rows += 1;
      if ('reason' in row) skip(row);
      else batch.push(row);
      if (batch.length === batchSize) {
        await write(batch);
        batch = [];
      }
    }
    if (batch.length > 0) await write(batch);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    if (!(error instanceof BadHeader)) throw error;
    for (const column of error.absent) tell({ line: 1, column, reason: 'is not in the header' });
    return reportOf(source, 'refused');
  } finally {
    // Repeated ids come to light batch by batch, after other faults of the batch.
    badRows.push(...kept.sort((one, other) => one.line - other.line));
  }
  return { ...reportOf(source, 'imported'), ...counts };
}

const reportOf = ({ file, table, temporary }: Source, state: FileReport['state']): FileReport => ({
  file,
  table: temporary ? null : table,
  state,
  rows: 0,
  imported: 0,
  changed: 0,
  skipped: 0,
});
