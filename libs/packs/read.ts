import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Row } from '@jangada/proto/run.ts';
import { written } from '@jangada/store/store.ts';
import { type Compilable, type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { Condition, Field, Source, Tie } from './pack.ts';

/**
 * A source and a plan as one SQL statement. Only columns that the source declares can appear, and `_tenants`, which
 * says whose rows they are; every value is a parameter. Tenant and reach are not here on purpose: row-level security adds both, from a grant that PostgreSQL
 * verifies, and it is planned no worse than conditions of our own (see deploy/bench/RLS.md).
 */

/** Who reads. */
export interface Reader {
  /** The person in the tenant's records that "mine" means. */
  readonly person: string | undefined;
  /** Levels of consent, any of which whom a row is about must have given; undefined where none is needed. */
  readonly consent?: readonly string[] | undefined;
  /** People there must be behind each figure; undefined where any number is told. */
  readonly groupMin?: number | undefined;
  /** The tenant's time zone, for days. */
  readonly zone: string;
  /** Ids that rows have, where they were found by something else than conditions. */
  readonly ids?: readonly string[] | undefined;
  /** Where the plan names an identifier: the column that is indexed and what equal values have there. */
  readonly found?: { readonly column: string; readonly indexes: readonly Buffer[] } | undefined;
}

/** A sealed field as it was read, and where it belongs. JSON, so that it is cached as it is. */
export interface SealedCell {
  /** Base64. */
  readonly sealed: string;
  readonly row: string;
  readonly subject: string;
}

/** A row as the database gave it: what is sealed in it still is. */
export type ReadRow = Readonly<Record<string, Row[string] | SealedCell>>;

/** Columns beside the plan's fields, by which pages go on and lists are counted, and whom a row is about. */
export interface Paged extends Row {
  _order: string;
  _id: string;
  _matches: number;
  /** Null where the source is about nobody. */
  _subject: string | null;
}

/** Folds a name as it is stored for search. */
export const foldName = (name: string): string =>
  name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/gu, ' ').trim();

/** A search for everyone whose names begin with all these words. */
export const searchOf = (name: string): string =>
  (foldName(name).match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => `${word}:*`).join(' & ');

/**
 * @throws Unprocessable INPUT_INVALID for a cursor that no page returned
 * @throws Error for an ask or field that the source does not declare; a plan that passed permission has none
 */
export const read = (source: Source, plan: Plan, reader: Reader): Compilable<ReadRow> => {
  const from = sql`from ${sql.table(source.table)}${joins(source)}`;
  const where = sql`where ${sql.join(conditions(source, plan, reader), sql` and `)}`;
  const built = statements[plan.ask](source, plan, reader, from, where);
  return written(built);
};

type Part = RawBuilder<unknown>;
type Statement = (source: Source, plan: Plan, reader: Reader, from: Part, where: Part) => RawBuilder<ReadRow>;

const statements: Record<Plan['ask'], Statement> = {
  count: (source, _plan, reader, from, where) =>
    sql<Row>`select count(*)::int as count, ${tenantsOf(source)} ${from} ${where}${ofMany(source, reader)}`,
  total: (source, _plan, reader, from, where) =>
    sql<Row>`select coalesce(sum(${sql.ref(required(source.amount))}), 0)::text as amount, count(*)::int as count, ${tenantsOf(source)} ${from} ${where}${ofMany(source, reader)}`,
  perDay: (source, _plan, reader, from, where) => {
    const figures = Object.entries(source.perDay ?? {}).map(
      ([name, figure]) => sql`, ${sql.raw(figure)} as ${sql.ref(name)}`,
    );
    const columns = sql`
      to_char(${sql.ref(required(source.at))} at time zone ${reader.zone}, 'YYYY-MM-DD') as day, count(*)::int as count
      ${sql.join(figures, sql``)}, ${tenantsOf(source)}`;
    const people = source.subject && reader.groupMin ? sql.ref(source.subject.column) : undefined;
    if (!people) return sql<Row>`select ${columns} ${from} ${where} group by 1 order by 1 limit 100`;
    const names = ['day', 'count', ...Object.keys(source.perDay ?? {}), '_tenants'].map((name) =>
      sql.ref(`days.${name}`),
    );
    // One small day takes all with it: beside a sum of all, the others would tell it.
    return sql<Row>`
      select ${sql.join(names)}
      from (select ${columns}, min(count(distinct ${people})) over () as _least ${from} ${where} group by 1) as days
      where days._least >= ${reader.groupMin} order by days.day limit 100`;
  },
  share: (source, plan, reader, from, where) => {
    const state = source.states[required(plan.filter.state)];
    if (!state) throw new Error('a share is of a state');
    const part = sql`count(*) filter (where ${holds(state)})`;
    return sql<Row>`select ${part}::int as part, count(*)::int as whole,
      round(100.0 * ${part} / nullif(count(*), 0), 1)::text as percent, ${tenantsOf(source)} ${from} ${where}${ofBoth(source, reader, state)}`;
  },
  list: (source, plan, _reader, from, where) => {
    const columns = plan.fields.map((name) => {
      const field = source.fields[name];
      if (!field) throw new Error(`no field ${name}`);
      return sql`${field.sealed ? sealedCell(source, field) : sql.ref(field.column)} as ${sql.ref(name)}`;
    });
    const order = sql.ref(source.order.column);
    const id = sql.ref(`${source.table}.id`);
    const direction = source.order.isDescending ? sql` desc` : sql``;
    // Matches are counted inside, before the cursor leaves out the pages that were read.
    return sql<Row>`
      select ${sql.join(plan.fields.map((name) => sql.ref(`matching.${name}`)))},
        matching._order::text as _order, matching._id, matching._matches, matching._subject, matching._tenants
      from (select ${sql.join(columns)}, ${order} as _order, ${id} as _id, (count(*) over ())::int as _matches,
        ${source.subject ? sql.ref(source.subject.column) : sql`null`} as _subject, ${sql.ref(`${source.table}.tenant_id`)} as _tenants
        ${from} ${where}) as matching
      ${after(source, plan.cursor)} order by matching._order${direction}, matching._id${direction} limit ${plan.limit + 1}`;
  },
};

/** Tells a figure only where there are enough people behind it; otherwise there is no row, not even of zero. */
const ofMany = ({ subject }: Source, { groupMin }: Reader): Part =>
  subject && groupMin ? sql` having count(distinct ${sql.ref(subject.column)}) >= ${groupMin}` : sql``;

/** The same of a share: the state and what is left of the whole are figures both. */
const ofBoth = ({ subject }: Source, { groupMin }: Reader, state: Condition): Part => {
  if (!subject || !groupMin) return sql``;
  const isOfMany = (part: Part): Part =>
    sql`count(distinct ${sql.ref(subject.column)}) filter (where ${part}) >= ${groupMin}`;
  return sql` having ${isOfMany(holds(state))} and ${isOfMany(sql`not (${holds(state)})`)}`;
};

/** Whose rows a figure is of: their tenant, the first and the last where they are several's, and '' where there are none. */
const tenantsOf = ({ table }: Source): Part => {
  const tenant = sql.ref(`${table}.tenant_id`);
  return sql`concat_ws(' ', min(${tenant}), nullif(max(${tenant}), min(${tenant}))) as _tenants`;
};

/** The column that says whose key seals a row. */
const holderColumn = ({ subject, owner }: Source): string | undefined => subject?.column ?? owner;

const sealedCell = (source: Source, { column }: Field): Part => sql`
  case when ${sql.ref(column)} is not null then json_build_object('sealed', encode(${sql.ref(column)}, 'base64'),
    'row', ${sql.ref(`${source.table}.id`)}, 'subject', ${sql.ref(required(holderColumn(source)))}) end`;

const required = (column: string | undefined): string => {
  if (!column) throw new Error('the source has no such figure');
  return column;
};

const joins = (source: Source): Part => {
  const join = (tie: Tie | undefined): Part =>
    !tie || tie.table === source.table
      ? sql``
      : sql` left join ${sql.table(tie.table)} on ${sql.ref(`${tie.table}.id`)} = ${sql.ref(tie.column)} and ${sql.ref(`${tie.table}.tenant_id`)} = ${sql.ref(`${source.table}.tenant_id`)}`;
  return sql`${join(source.subject)}${join(source.provider)}`;
};

/** What rows of a plan are, beside what row-level security says. */
export const conditions = (source: Source, plan: Plan, reader: Reader): Part[] => {
  const { filter } = plan;
  const state = filter.state === undefined ? undefined : source.states[filter.state];
  const all = [
    ...(filter.mine && source.provider && reader.person
      ? [sql`${sql.ref(source.provider.column)} = ${reader.person}`]
      : []),
    ...consented(source, reader),
    ...(reader.ids ? [sql`${sql.ref(`${source.table}.id`)} = any (${reader.ids}::text[])`] : []),
    ...named(source.subject, filter.subject),
    ...named(source.provider, filter.provider),
    ...identified(plan, reader),
    ...(filter.subjectId && source.subject
      ? [sql`${sql.ref(source.subject.column)} = ${filter.subjectId}`]
      : []),
    ...(filter.providerId === undefined
      ? []
      : [sql`${sql.ref(required(source.provider?.column))} = ${filter.providerId}`]),
    ...(filter.row === undefined ? [] : [sql`${sql.ref(`${source.table}.id`)} = ${filter.row}`]),
    ...(filter.thread === undefined
      ? []
      : [source.thread ? sql`${sql.ref(source.thread)} = ${filter.thread}` : sql`false`]),
    ...(filter.period && source.at
      ? [
          sql`${sql.ref(source.at)} >= ${filter.period.from}::timestamptz`,
          sql`${sql.ref(source.at)} < ${filter.period.to}::timestamptz`,
        ]
      : []),
    ...(plan.ask === 'share' ? [wholeOf(source, filter.state)] : state ? [holds(state)] : []),
    ...source.usually.filter((usual) => usual.column !== state?.column).map(holds),
    ...(filter.language === undefined
      ? []
      : [sql`${sql.ref(required(source.language))} = ${filter.language}`]),
    ...Object.entries(filter.facets ?? {}).map(
      ([name, values]) => sql`${sql.ref(required(source.facets?.[name]?.column))} = any (${values}::text[])`,
    ),
    ...(source.amount && filter.amount?.min !== undefined
      ? [sql`${sql.ref(source.amount)} >= ${filter.amount.min / 100}`]
      : []),
    ...(source.amount && filter.amount?.max !== undefined
      ? [sql`${sql.ref(source.amount)} <= ${filter.amount.max / 100}`]
      : []),
  ];
  return all.length > 0 ? all : [sql`true`];
};

const holds = ({ column, value, isNot }: Condition): Part =>
  isNot ? sql`${sql.ref(column)} <> ${value}` : sql`${sql.ref(column)} = ${value}`;

/** Rows in any of the states that a state is told to be a share of. */
const wholeOf = ({ shares, states }: Source, state: string | undefined): Part => {
  const parts = shares?.[required(state)]?.flatMap((name) => states[name] ?? []).map(holds) ?? [];
  return sql`(${sql.join(parts, sql` or `)})`;
};

/** Rows about who has the identifier. A plan that names one is never read without it. */
const identified = ({ filter }: Plan, { found }: Reader): Part[] => {
  if (!filter.identifier) return [];
  return [found ? sql`${sql.ref(found.column)} = any (${found.indexes}::bytea[])` : sql`false`];
};

/** Rows about people who agree to it: the others are in no list and no figure. */
const consented = (source: Source, { consent }: Reader): Part[] => {
  if (!source.subject || !consent) return [];
  return [
    sql`exists (select from consent_levels where consent_levels.tenant_id = ${sql.ref(`${source.table}.tenant_id`)}
      and consent_levels.subject_id = ${sql.ref(source.subject.column)} and consent_levels.level = any (${consent}::text[]))`,
  ];
};

const named = (tie: Tie | undefined, name: string | undefined): Part[] => {
  if (!tie || !name) return [];
  return [sql`${sql.ref(`${tie.table}.full_text_search`)} @@ to_tsquery('simple', ${searchOf(name)})`];
};

/** Cursors name the last row of a page, so that rows added meanwhile neither repeat nor hide one. */
export const cursorOf = (row: Pick<Paged, '_order' | '_id'>): string =>
  Buffer.from(JSON.stringify([row._order, row._id])).toString('base64url');

const after = (source: Source, cursor: string | undefined): Part => {
  if (!cursor) return sql``;
  const [order, id] = placeOf(source, cursor);
  const follows = source.order.isDescending ? sql`<` : sql`>`;
  return sql`where (matching._order, matching._id) ${follows} (${order}::${sql.raw(source.order.type)}, ${id})`;
};

const place = z.tuple([z.string(), z.string()]);

const isOf: Readonly<Record<Source['order']['type'], (order: string) => boolean>> = {
  text: () => true,
  timestamptz: (order) => !Number.isNaN(Date.parse(order)),
  bigint: (order) => /^\d{1,18}$/.test(order),
  numeric: (order) => /^-?\d{1,18}(?:\.\d{1,18})?$/.test(order),
};

/** Cursors come back from outside; whatever is not one of ours is refused before PostgreSQL sees it. */
export const placeOf = (source: Source, cursor: string): z.output<typeof place> => {
  try {
    const [order, id] = place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (isOf[source.order.type](order)) return [order, id];
  } catch {
    // Neither JSON nor a place.
  }
  throw new Unprocessable('INPUT_INVALID', 'the cursor is not one of ours');
};
