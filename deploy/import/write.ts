import { headOf } from '@jangada/vault/field.ts';
import { indexOf, type SealedTable, sealRows } from '@jangada/vault/rows.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { ClientBase } from 'pg';
import { throughClient } from '../vault.ts';
import type { Incoming } from './rows.ts';
import type { Source } from './sources.ts';

/** A row under the id it has in its table. */
export type Identified = { readonly id: string } & Pick<Incoming, 'values'>;

/** Keys that the file has had so far. In PostgreSQL, so that a large file costs disk there and no memory here. */
export const seenTable =
  'create temporary table seen (key text primary key, count int not null) on commit drop';

const countSeen = `
  insert into seen select key, count(*) from unnest($1::text[]) as key group by key
  on conflict (key) do update set count = seen.count + excluded.count
  returning key, count`;

/**
 * Gives rows their ids. Where the file has no column for them, equal rows are told apart by counting, so each is
 * kept and has the same id at the next import. Where it has one, a row that repeats an earlier id is left out.
 */
export async function identify(
  client: ClientBase,
  source: Source,
  rows: readonly Incoming[],
): Promise<{ identified: readonly Identified[]; repeated: readonly Incoming[] }> {
  const seen = await client.query<{ key: string; count: number }>(countSeen, [rows.map(({ key }) => key)]);
  const byKey = Map.groupBy(rows, ({ key }) => key);
  const identified: Identified[] = [];
  const repeated: Incoming[] = [];
  for (const { key, count } of seen.rows) {
    const equal = byKey.get(key) ?? [];
    for (const [index, row] of equal.entries()) {
      const earlier = count - equal.length + index;
      if (source.id === undefined) identified.push({ id: `${key}-${earlier}`, values: row.values });
      else if (earlier === 0) identified.push({ id: key, values: row.values });
      else repeated.push(row);
    }
  }
  return { identified, repeated };
}

/** Who seals what a table wants sealed. */
export interface Sealing {
  readonly vault: Vault;
  readonly tenant: string;
  readonly table: SealedTable;
}

/**
 * Seals rows for their table. A field that is there already with the same text stays the same bytes, so that bringing
 * in again what is there changes nothing.
 */
export async function sealed(
  client: ClientBase,
  source: Source,
  rows: readonly Identified[],
  { vault, tenant, table }: Sealing,
): Promise<{ readonly source: Source; readonly rows: readonly Identified[] }> {
  const through = throughClient(client);
  const columns = Object.entries(table.columns).filter(([column]) => column in source.columns);
  const written = columns.flatMap(([column, { index }]) => [column, ...(index ? [indexOf(column)] : [])]);
  const values = rows.map(({ id, values }) => ({ ...values, id }));
  const fresh = await sealRows(vault, table, tenant, values, through);
  const { rows: kept } = await client.query<Record<string, Buffer | null> & { id: string; subject: string }>(
    `select id, ${table.subject} as subject, ${written} from ${table.name} where tenant_id = $1 and id = any ($2)`,
    [tenant, rows.map(({ id }) => id)],
  );
  const fields = kept.flatMap((row) =>
    columns.flatMap(([column, { class: of }]) => {
      const bytes = row[column];
      return bytes ? [{ subject: row.subject, class: of, ...headOf(bytes) }] : [];
    }),
  );
  using opener = await vault.opener(tenant, fields, through);
  const byId = new Map(kept.map((row) => [row.id, row]));
  const isSame = (id: string, column: string, text: unknown): boolean => {
    const row = byId.get(id);
    const bytes = row?.[column];
    const of = table.columns[column]?.class;
    if (!row || !bytes || !of) return false;
    try {
      return (
        opener.open({ tenant, table: table.name, column, row: id, subject: row.subject }, of, bytes) === text
      );
    } catch {
      return false;
    }
  };
  return {
    source: {
      ...source,
      columns: {
        ...source.columns,
        ...Object.fromEntries(written.map((column) => [column, 'bytea' as const])),
      },
    },
    rows: values.map((row, at) => ({
      id: row.id,
      values: {
        ...rows[at]?.values,
        ...Object.fromEntries(
          columns.flatMap(([column, { index }]) => {
            const from = isSame(row.id, column, rows[at]?.values[column]) ? byId.get(row.id) : fresh[at];
            return [column, ...(index ? [indexOf(column)] : [])].map((name) => [
              name,
              (from?.[name] ?? null) as Buffer | null,
            ]);
          }),
        ),
      },
    })),
  };
}

/** Writes rows in one statement. Returns how many of them were new or different. */
export async function upsert(
  client: ClientBase,
  source: Source,
  tenant: string,
  rows: readonly Identified[],
): Promise<number> {
  const values = Object.keys({ ...source.columns, ...source.aside }).map((column) =>
    rows.map((row) => row.values[column] ?? null),
  );
  const { rowCount } = await client.query(upsertOf(source), [tenant, rows.map(({ id }) => id), ...values]);
  return rowCount ?? 0;
}

const upsertOf = (source: Source): string => {
  const input = { id: 'text', ...source.columns, ...source.aside };
  const computed = Object.entries(source.computed ?? {});
  const stored = [...Object.keys(source.columns), ...computed.map(([column]) => column)];
  const selected = [...Object.keys(source.columns), ...computed.map(([, value]) => value)];
  const all = (row: string) => stored.map((column) => `${row}.${column}`);
  return `
    with input as (
      select * from unnest(${Object.values(input).map((type, index) => `$${index + 2}::${type}[]`)})
        as input (${Object.keys(input)})
    )
    ${source.also ? `, ${source.also}` : ''}
    insert into ${source.table} as kept (tenant_id, id, ${stored})
    select $1::text, id, ${selected} from input
    on conflict (tenant_id, id) do update set ${stored.map((column) => `${column} = excluded.${column}`)}
    where (${all('kept')}) is distinct from (${all('excluded')})`;
};
