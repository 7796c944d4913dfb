import type { ClientBase } from 'pg';
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
