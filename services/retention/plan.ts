import type { Tree } from '@jangada/merkle/tree.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables, Counting } from '@jangada/store/tables.ts';
import { type Selectable, sql } from 'kysely';
import type { Due } from './due.ts';
import { needsOf } from './handler.ts';
import { type About, itemsFrom, readList } from './listed.ts';
import { paced } from './pace.ts';

const db = queries<CoreTables>();

export type Plan = Selectable<CoreTables['retention_plans']>;

export const planOf = async (transaction: Transaction, about: About): Promise<Plan | undefined> => {
  const [plan] = await transaction.rows(
    db
      .selectFrom('retention_plans')
      .selectAll()
      .where('tenant_id', '=', about.tenant)
      .where('tick', '=', about.tick)
      .where('class', '=', about.class),
  );
  return plan;
};

/**
 * Lists what is due of a class, once for its occasion: each page goes on after the last that is there, whoever wrote it, so
 * several at once, or one after another that died, write one list. It takes the place of whatever of the class was still open.
 */
export const listDue = async (
  store: Store,
  about: About,
  due: Due,
  { policy, before, askedBy }: { policy: string; before: string; askedBy: string },
  signal: AbortSignal,
): Promise<Plan> => {
  await store.read(
    { tenant: about.tenant },
    db
      .insertInto('retention_plans')
      .values({
        tenant_id: about.tenant,
        tick: about.tick,
        class: about.class,
        policy,
        before,
        asked_by: askedBy,
      })
      .onConflict((conflict) => conflict.doNothing()),
  );
  /** Does so unless the list is fixed already. */
  const unlessFixed = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T | Plan> =>
    store.within({ tenant: about.tenant }, async (transaction) => {
      await transaction.rows(lockClass(about.tenant, about.class));
      const known = await planOf(transaction, about);
      return known?.planned_at ? known : work(transaction);
    });
  await paced(signal, async (rows) => {
    const seen = await unlessFixed((transaction) => listPage(transaction, about, due, rows));
    return typeof seen === 'number' ? seen : 0;
  });
  // By this delivery or an earlier one: then nothing of it is read or counted again.
  const fixed = await unlessFixed(async () => undefined);
  if (fixed) return fixed;
  const { tree } = await readList(store, about, 'root', signal);
  const of = await countRows(store, about, due, tree.count * shareOf + 1, signal);
  return unlessFixed((transaction) => settle(transaction, about, tree, of));
};

/** The hash is made of the rows of the page alone, and not of all that would have to be sorted for it. */
const listPage = async (transaction: Transaction, about: About, due: Due, rows: number): Promise<number> => {
  const items = sql`retention_items where tick = ${about.tick} and class = ${about.class}`;
  const [{ from } = { from: 0 }] = await transaction.rows(
    written(sql<{ from: number }>`select coalesce(max(n) + 1, 0) as from from ${items}`),
  );
  const position = sql.join([due.age, ...due.key]);
  const last = sql.join([sql`at`, ...due.key.map((_column, index) => sql`key[${sql.lit(index + 1)}]`)]);
  const after =
    from > 0 ? sql`and (${position}) > (select ${last} from ${items} order by n desc limit 1)` : sql``;
  const inserted = await transaction.rows(
    written(sql`
      insert into retention_items (tenant_id, tick, class, n, key, at, leaf)
      select ${about.tenant}, ${about.tick}, ${about.class}, ${from}::int + row_number() over (order by at, key) - 1, key, at, leaf
      from (
        select array[${sql.join(due.key)}]::text[] as key, ${due.age} as at, ${due.leaf} as leaf from (
          select * from ${due.table} where ${due.isDue} ${after} order by ${position} limit ${rows}) as ${sql.id(due.rule.table)}) as found
      returning n`),
  );
  return inserted.length;
};

/** How many times what is planned are counted of a class. */
const shareOf = 20;

/** Rows of a class, but no more than tell whether a plan is a small part, from where counting was left. */
const countRows = async (
  store: Store,
  about: About,
  { table, key }: Due,
  most: number,
  signal: AbortSignal,
): Promise<number> => {
  const { tenant } = about;
  const begun = await store.within({ tenant }, (transaction) => planOf(transaction, about));
  let { rows: count, last }: Counting = begun?.counted ?? { rows: 0, last: null };
  const columns = sql.join(key);
  await paced(signal, async (rows) => {
    const after = last ? sql`where (${columns}) > (${sql.join(last)})` : sql``;
    const [page] = await store.read(
      { tenant },
      written(sql<{ seen: number; last: readonly string[] | null }>`
        with kept as (
          update retention_plans set counted = ${JSON.stringify({ rows: count, last } satisfies Counting)}::jsonb
          where tenant_id = ${tenant} and tick = ${about.tick} and class = ${about.class}),
        page as (
          select array[${columns}]::text[] as key, row_number() over (order by ${columns}) as place
          from ${table} ${after} order by ${columns} limit ${Math.min(rows, Math.max(0, most - count))})
        select count(*)::int as seen, (select key from page order by place desc limit 1) as last from page`),
    );
    const { seen = 0 } = page ?? {};
    last = page?.last ?? last;
    count += seen;
    return seen;
  });
  return count;
};

/**
 * Fixes the list: from now on it is its root, and whatever else of the class was open is over. `tree` is of what was listed before
 * the class was held, and gets what another has listed since.
 */
const settle = async (transaction: Transaction, about: About, tree: Tree, of: number): Promise<Plan> => {
  for (const { leaf } of await transaction.rows(itemsFrom(about, tree.count))) tree.add(leaf);
  const planned = tree.count;
  const [facts] = await transaction.rows(
    written(sql<{ isKnown: boolean; before: number[] }>`
      select
        exists (
          select from retention_plans as p where class = ${about.class} and finished_at is not null and planned > 0
            and policy = (select policy from retention_plans where tick = ${about.tick} and class = ${about.class})
            and (needs is null or exists (
              select from retention_approvals as a where a.tick = p.tick and a.class = p.class))) as "isKnown",
        array(
          select planned from retention_plans where class = ${about.class} and finished_at is not null and planned is not null
          order by planned_at desc limit 5) as before`),
  );
  const needs = needsOf({ planned, of, isKnown: facts?.isKnown ?? false, before: facts?.before ?? [] });
  await transaction.rows(
    written(sql`
      update retention_plans set finished_at = now()
      where class = ${about.class} and tick <> ${about.tick} and finished_at is null`),
  );
  const [plan] = await transaction.rows(
    db
      .updateTable('retention_plans')
      .set({
        planned_at: sql<string>`now()`,
        planned,
        rows_then: of,
        root: tree.root(),
        needs: needs ?? null,
      })
      .where('tenant_id', '=', about.tenant)
      .where('tick', '=', about.tick)
      .where('class', '=', about.class)
      .returningAll(),
  );
  if (!plan) throw new Error('a plan that was just listed is there');
  return plan;
};
