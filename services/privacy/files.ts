import { createHash } from 'node:crypto';
import type { Holding } from '@jangada/packs/holdings.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { headOf } from '@jangada/vault/field.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { csvOf } from './csv.ts';
import { fhirOf } from './fhir.ts';
import { holdingsFor, whomOf } from './inventory.ts';
import { namesOf } from './names.ts';
import { openedOf } from './opened.ts';
import { pdfOf } from './pages.ts';
import { readingsOf } from './readers.ts';
import type { Request } from './request.ts';
import { isTheirs, type Row, type Told } from './rows.ts';

/** What somebody is handed: their data for machines (FHIR R4 as NDJSON), for a spreadsheet and for reading, and a list of it. */

const db = queries<CoreTables>();

/** Columns that help to find a row and say nothing of their own. */
const isHelper = (column: string): boolean => column === 'tenant_id' || /_(?:index|search)$/.test(column);

export const filesOf = async (
  transaction: Transaction,
  vault: Vault,
  pack: Pack,
  request: Request,
  certificate: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, Uint8Array>>> => {
  const pages: Record<string, Uint8Array> = {};
  const texts: Record<string, string> = { 'certificate.json': json(certificate) };
  if (tellsData(request)) {
    const told = await readAll(transaction, vault, pack, request);
    texts['data.ndjson'] = fhirOf(pack, request.subject_id, told);
    for (const { holding, rows } of told) if (rows.length > 0) texts[`${holding.table}.csv`] = csvOf(rows);
    if (pack.recipients) texts['recipients.csv'] = csvOf(passedOn(pack));
    const readings = request.type === 'access' ? await readingsOf(transaction, vault, request) : undefined;
    if (readings) texts['readers.csv'] = csvOf(readings);
    const names = await namesOf(transaction, pack, request.tenant_id);
    const [tenant] = await transaction.rows(
      db
        .selectFrom('tenants')
        .select(['name', 'time_zone', 'locale', 'currency'])
        .where('id', '=', request.tenant_id),
    );
    if (tenant) pages['data.pdf'] = await pdfOf({ pack, request, tenant, told, names, readings });
  }
  const files: Record<string, Uint8Array> = {
    ...Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]),
    ),
    ...pages,
  };
  const manifest = Object.entries(files).map(([name, bytes]) => ({
    ...{ name, bytes: bytes.length },
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  return { ...files, 'manifest.json': new TextEncoder().encode(json(manifest)) };
};

const tellsData = ({ type }: Request): boolean =>
  type === 'access' || type === 'portability' || type === 'consent';

/** Whom data of the tenant are passed on to, kind by kind (LGPD, art. 18, VII). */
const passedOn = ({ recipients = [] }: Pack): readonly Row[] =>
  recipients.flatMap(({ name: recipient, purpose, classes }) =>
    classes.map((data) => ({ recipient, data, purpose })),
  );

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const readAll = async (
  transaction: Transaction,
  vault: Vault,
  pack: Pack,
  request: Request,
): Promise<readonly Told[]> => {
  const told: Told[] = [];
  for (const holding of holdingsFor(pack, request)) {
    if (holding.told?.length === 0) continue;
    told.push({ holding, rows: await readOne(transaction, vault, pack, request, holding) });
  }
  return told;
};

const readOne = async (
  transaction: Transaction,
  vault: Vault,
  pack: Pack,
  request: Request,
  holding: Holding,
): Promise<readonly Row[]> => {
  const { tenant_id: tenant, subject_id: subject } = request;
  const whom = await whomOf(transaction, request);
  const order = holding.age ? sql`order by ${sql.ref(holding.age)}` : sql``;
  const rows = await transaction.rows(
    written(sql<Row>`select * from ${sql.table(holding.table)} where ${isTheirs(holding, whom)} ${order}`),
  );
  const sealed = Object.entries(sealedTables(pack).find(({ name }) => name === holding.table)?.columns ?? {});
  const fields = rows.flatMap((row) =>
    sealed.flatMap(([column, { class: of }]) => {
      const bytes = row[column];
      return Buffer.isBuffer(bytes) ? [{ subject, class: of, ...headOf(bytes) }] : [];
    }),
  );
  using opener = await vault.opener(tenant, fields, transaction);
  return rows.map((row) => {
    const opened: Record<string, unknown> = {};
    for (const [column, value] of Object.entries(row)) {
      if (isHelper(column) || (holding.told && !holding.told.includes(column))) continue;
      const of = sealed.find(([name]) => name === column)?.[1].class;
      const place = { tenant, table: holding.table, column, row: String(row['id']), subject };
      opened[column] = of && Buffer.isBuffer(value) ? openedOf(opener, place, of, value) : value;
    }
    return opened;
  });
};
