import { Unprocessable } from '@jangada/hop/outcome.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import { type RawBuilder, sql } from 'kysely';
import { headOf } from './field.ts';
import type { KeyClass } from './keys.ts';
import { indexOf, type SealedTable, sealRows } from './rows.ts';
import type { Vault } from './vault.ts';

/**
 * Goes through a table and seals anew what is not as it should be: clear text from before the column was sealed, fields
 * under an older key of their person, indexes under an older key of their tenant. What is done is seen in the
 * rows themselves, so a sweep that died is simply started again.
 */

/** Rows in one transaction, so that no lock is held long. */
const batch = 500;

export interface Sweep {
  readonly tenant: string;
  readonly table: SealedTable;
  /** Reads what is in a row from before it was sealed. Without it that is counted as left: it should not be there. */
  readonly clear?: (row: string, bytes: Buffer) => string;
  /** Called after each batch with the rows done so far. */
  readonly progress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** Rows sealed anew. Rows that do not open are passed over and stay as they are. @throws Unavailable, Unprocessable */
export const sweep = async (store: Pick<Store, 'within'>, vault: Vault, of: Sweep): Promise<number> => {
  const { tenant } = of;
  let done = 0;
  let after = '';
  for (;;) {
    of.signal?.throwIfAborted();
    const rows = await store.within({ tenant }, async (transaction) => {
      await takeTime(transaction);
      const stale = await staleRows(transaction, of, after);
      done += await sealAnew(transaction, vault, of, stale);
      return stale;
    });
    of.progress?.(done);
    const last = rows.at(-1);
    if (rows.length < batch || !last) return done;
    after = last.id;
  }
};

/** A table may be large; what reads all of it may take longer than a question. */
export const takeTime = async (transaction: Transaction): Promise<void> => {
  await transaction.rows(written(sql`select set_config('statement_timeout', '600s', true)`));
};

/**
 * Rows of a table that are in clear or not sealed with the newest keys. What is sealed for people whose data were erased
 * does not count.
 */
export const countStale = async (
  transaction: Transaction,
  tenant: string,
  table: SealedTable,
): Promise<number> => {
  const statement = sql<{ count: number }>`
    select count(*)::int as count from ${sql.table(table.name)} r
    where r.tenant_id = ${tenant} and (${isStale(table)})`;
  return (await transaction.rows(written(statement)))[0]?.count ?? 0;
};

type Stale = Readonly<Record<string, Buffer | null>> & { readonly id: string; readonly subject: string };

const staleRows = (transaction: Transaction, { tenant, table }: Sweep, after: string): Promise<Stale[]> =>
  transaction.rows(
    written(sql<Stale>`
      select r.id, r.${sql.ref(table.subject)} as subject, ${sql.join(Object.keys(table.columns).map((column) => sql.ref(`r.${column}`)))}
      from ${sql.table(table.name)} r
      where r.tenant_id = ${tenant} and r.id > ${after} and (${isStale(table)})
      order by r.id limit ${batch} for update of r`),
  );

const versionText = (version: RawBuilder<unknown>) => sql`int2send(${version})`;

/** The field's shape, as field.ts has it: version byte, then the two versions of keys, two bytes each. */
const isStale = (table: SealedTable): RawBuilder<unknown> =>
  sql.join(
    Object.entries(table.columns).map(([column, { class: of, index }]) => {
      const value = sql.ref(`r.${column}`);
      const key = (figure: RawBuilder<unknown>) => sql`(
        select ${figure} from subject_keys k
        where k.tenant_id = r.tenant_id and k.subject_id = ${sql.ref(`r.${table.subject}`)} and k.class = ${of})`;
      const erased = key(sql`coalesce(bool_or(k.state <> 'active'), false)`);
      const newest = key(sql`max(k.version)`);
      const clear = sql`substr(${value}, 1, 1) <> '\\x01'::bytea or length(${value}) < 49`;
      const old = sql`substr(${value}, 4, 2) < ${versionText(newest)}`;
      const newestIndex = sql`(
        select max(t.version) from tenant_keys t where t.tenant_id = r.tenant_id and t.kind = 'index')`;
      const unfound = index
        ? sql`or ${sql.ref(`r.${indexOf(column)}`)} is null
            or substr(${sql.ref(`r.${indexOf(column)}`)}, 1, 2) < ${versionText(newestIndex)}`
        : sql``;
      return sql`(${value} is not null and (${clear} or not ${erased} and (${old} ${unfound})))`;
    }),
    sql` or `,
  );

const isClear = (bytes: Buffer): boolean => {
  try {
    headOf(bytes);
    return false;
  } catch {
    return true;
  }
};

const sealAnew = async (
  transaction: Transaction,
  vault: Vault,
  { tenant, table, clear }: Sweep,
  rows: readonly Stale[],
): Promise<number> => {
  if (rows.length === 0) return 0;
  const columns = Object.entries(table.columns);
  const fields = rows.flatMap((row) =>
    columns.flatMap(([column, { class: of }]) => {
      const bytes = row[column];
      return bytes && !isClear(bytes) ? [{ subject: row.subject, class: of, ...headOf(bytes) }] : [];
    }),
  );
  using opener = await vault.opener(tenant, fields, transaction);
  /** Undefined for a person whose data were erased: the field stays as it is. */
  const textOf = (row: Stale, column: string, of: KeyClass): string | null | undefined => {
    const bytes = row[column] ?? null;
    if (bytes === null) return null;
    if (clear && isClear(bytes)) return clear(row.id, bytes);
    try {
      return opener.open({ tenant, table: table.name, column, row: row.id, subject: row.subject }, of, bytes);
    } catch (error) {
      if (error instanceof Unprocessable && error.code === 'CRYPTO_KEY_SHREDDED') return undefined;
      throw error;
    }
  };
  const opened = rows.flatMap((row) => {
    try {
      const texts = columns.map(([column, { class: of }]) => [column, textOf(row, column, of)] as const);
      const known = texts.filter(([, text]) => text !== undefined);
      return [{ row, texts: { id: row.id, [table.subject]: row.subject, ...Object.fromEntries(known) } }];
    } catch {
      // Left as it is; whoever counts sees it.
      return [];
    }
  });
  if (opened.length === 0) return 0;
  const stored = await sealRows(
    vault,
    table,
    tenant,
    opened.map(({ texts }) => texts),
    transaction,
  );
  const names = columns.flatMap(([column, { index }]) => [column, ...(index ? [indexOf(column)] : [])]);
  const values = names.map(
    (column) =>
      sql`${stored.map((fresh, at) => (column in fresh ? fresh[column] : (opened[at]?.row[column] ?? null)))}::bytea[]`,
  );
  await transaction.rows(
    written(sql`
      update ${sql.table(table.name)} r set ${sql.join(names.map((column) => sql`${sql.ref(column)} = fresh.${sql.ref(column)}`))}
      from unnest(${opened.map(({ row }) => row.id)}::text[], ${sql.join(values)})
        as fresh (id, ${sql.join(names.map((column) => sql.ref(column)))})
      where r.tenant_id = ${tenant} and r.id = fresh.id`),
  );
  return opened.length;
};
