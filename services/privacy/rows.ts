import type { Holding } from '@jangada/packs/holdings.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import { type RawBuilder, sql } from 'kysely';

/** What PostgreSQL holds of a person in one place. Every statement names its tenant, although row-level security does too. */

export interface Whom {
  readonly tenant: string;
  readonly subject: string;
  /** Classes that a legal hold is on. */
  readonly held: ReadonlySet<string>;
}

export type Row = Readonly<Record<string, unknown>>;

/** What they are told of one place. */
export interface Told {
  readonly holding: Holding;
  readonly rows: readonly Row[];
}

/** Where a person's rows are. */
export const isTheirs = ({ table, subject, byAccount }: Holding, whom: Whom): RawBuilder<unknown> => {
  const column = sql.ref(`${table}.${subject}`);
  const theirs = byAccount
    ? sql`${column} in (select id from accounts where tenant_id = ${whom.tenant} and person_id = ${whom.subject})`
    : sql`${column} = ${whom.subject}`;
  return sql`${sql.ref(`${table}.tenant_id`)} = ${whom.tenant} and ${theirs}`;
};

/** What has no age yet is young. */
const isYoung = (
  { table, age }: Pick<Holding, 'table' | 'subject' | 'age'>,
  period: string,
): RawBuilder<unknown> => sql`coalesce(${sql.ref(`${table}.${age}`)} > now() - ${period}::interval, true)`;

/** Whether the law, or a hold, has a row kept. A person is kept with anything that `referring` keeps of theirs. */
export const isKept = (
  { table, class: name, subject, age, keptFor, record }: Holding,
  whom: Whom,
  referring: readonly Holding[] = [],
): RawBuilder<unknown> => {
  if (whom.held.has(name)) return sql`true`;
  const young = age && keptFor ? isYoung({ table, subject, age }, keptFor.period) : sql`false`;
  const entries = (keptFor && record ? record : []).map(
    (entry) => sql`exists (select from ${sql.table(entry.table)}
      where ${sql.ref(`${entry.table}.tenant_id`)} = ${whom.tenant}
        and ${sql.ref(`${entry.table}.${entry.subject}`)} = ${whom.subject}
        and ${isYoung(entry, keptFor?.period ?? '')})`,
  );
  const referred = referring.map(
    (other) =>
      sql`exists (select from ${sql.table(other.table)}
        where ${sql.ref(`${other.table}.tenant_id`)} = ${sql.ref(`${table}.tenant_id`)}
          and ${sql.ref(`${other.table}.${other.subject}`)} = ${sql.ref(`${table}.id`)}
          and ${isKept(other, whom)})`,
  );
  return sql`(${sql.join([young, ...entries, ...referred], sql` or `)})`;
};

export interface Count {
  readonly found: number;
  readonly kept: number;
  /** The day on which the law lets the last of them go. */
  readonly until: string | null;
}

export const count = async (
  transaction: Transaction,
  holding: Holding,
  whom: Whom,
  referring: readonly Holding[],
): Promise<Count> => {
  const { table, age, keptFor } = holding;
  const kept = isKept(holding, whom, referring);
  const last =
    age && keptFor
      ? sql`max(${sql.ref(`${table}.${age}`)}) + ${keptFor.period}::interval`
      : sql`null::timestamptz`;
  const [counted] = await transaction.rows(
    written(sql<Count>`
      select count(*)::int as found, (count(*) filter (where ${kept}))::int as kept,
        to_char(case when count(*) filter (where ${kept}) > 0 then ${last} end, 'YYYY-MM-DD') as until
      from ${sql.table(table)} where ${isTheirs(holding, whom)}`),
  );
  return counted ?? { found: 0, kept: 0, until: null };
};

/** Deletes what need not be kept; a hash of each row that is gone. */
export const erase = async (
  transaction: Transaction,
  holding: Holding,
  whom: Whom,
  referring: readonly Holding[],
): Promise<readonly Buffer[]> => {
  const gone = await transaction.rows(
    written(sql<{ leaf: Buffer }>`
      delete from ${sql.table(holding.table)}
      where ${isTheirs(holding, whom)} and not ${isKept(holding, whom, referring)}
      returning sha256(convert_to(to_jsonb(${sql.table(holding.table)})::text, 'UTF8')) as leaf`),
  );
  return gone.map(({ leaf }) => leaf);
};

/** Columns that may be emptied, and which of them say who somebody is although they may not. */
const columnsOf = async (
  transaction: Transaction,
  table: string,
): Promise<readonly { name: string; isNullable: boolean; isText: boolean }[]> =>
  transaction.rows(
    written(sql<{ name: string; isNullable: boolean; isText: boolean }>`
      select attname as name, not attnotnull as "isNullable", atttypid = 'text'::regtype as "isText"
      from pg_attribute where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`),
  );

/** What stands in the place of a name. */
const nobody = 'anonymised';

/**
 * Takes out of rows what says whose they are: of the people themselves everything but their state, of what they have
 * the sealed fields, which are texts about them.
 */
export const anonymise = async (
  transaction: Transaction,
  holding: Holding,
  whom: Whom,
  of: {
    readonly isPerson: boolean;
    readonly sealed: readonly string[];
    readonly referring: readonly Holding[];
  },
): Promise<number> => {
  const columns = await columnsOf(transaction, holding.table);
  const named = of.isPerson ? ['name', 'name_search'] : [];
  const emptied = columns.filter(
    ({ name, isNullable }) =>
      isNullable && (of.isPerson || of.sealed.some((one) => name === one || name === `${one}_index`)),
  );
  const changes = [
    ...emptied.map(({ name }) => sql`${sql.ref(name)} = null`),
    ...columns
      .filter(({ name }) => named.includes(name))
      .map(({ name }) => sql`${sql.ref(name)} = ${nobody}`),
  ];
  if (changes.length === 0) return 0;
  const changed = await transaction.rows(
    written(sql`
      update ${sql.table(holding.table)} set ${sql.join(changes)}
      where ${isTheirs(holding, whom)} and not ${isKept(holding, whom, of.referring)} returning 1 as one`),
  );
  return changed.length;
};
