import { rootOf } from '@jangada/merkle/tree.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type Selectable, sql } from 'kysely';
import type { Due } from './due.ts';
import { needsOf } from './handler.ts';
import { paced } from './pace.ts';

const db = queries<CoreTables>();

/** One class of one occasion. */
export interface About {
  readonly tenant: string;
  readonly tick: string;
  readonly class: string;
}

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

/** What a plan lists, in its order. */
export const leavesOf = async (
  transaction: Transaction,
  { tick, class: name }: Pick<About, 'tick' | 'class'>,
): Promise<readonly Buffer[]> => {
  const items = await transaction.rows(
    db
      .selectFrom('retention_items')
      .select('leaf')
      .where('tick', '=', tick)
      .where('class', '=', name)
      .orderBy('n'),
  );
  return items.map(({ leaf }) => leaf);
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
  let listed: Plan | undefined;
  await paced(signal, (rows) =>
    store.within({ tenant: about.tenant }, async (transaction) => {
      await transaction.rows(lockClass(about.tenant, about.class));
      const known = await planOf(transaction, about);
      const seen = known?.planned_at ? 0 : await listPage(transaction, about, due, rows);
      if (seen < rows) listed = known?.planned_at ? known : await settle(transaction, about, due);
      return seen;
    }),
  );
  if (!listed) throw new Error('what was listed to its end is a plan');
  return listed;
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

/** Fixes the list: from now on it is its root, and whatever else of the class was open is over. */
const settle = async (transaction: Transaction, about: About, due: Due): Promise<Plan> => {
  const leaves = await leavesOf(transaction, about);
  const planned = leaves.length;
  // No more than tells whether the plan is a small part: who counts all of a large class does not end in time.
  const [counted] = await transaction.rows(
    written(
      sql<{
        of: number;
      }>`select count(*) as of from (select from ${due.table} limit ${planned * 20 + 1}) as met`,
    ),
  );
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
  const of = counted?.of ?? 0;
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
        root: rootOf(leaves),
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
