import { Unprocessable } from '@jangada/hop/outcome.ts';
import { rootOf } from '@jangada/merkle/tree.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { swept } from '@jangada/proto/retention.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { mismatchOf } from '@jangada/verifier/removal.ts';
import { sql } from 'kysely';
import type { Due } from './due.ts';
import { lineOf } from './handler.ts';
import { paced } from './pace.ts';
import { type About, leavesOf, type Plan, planOf } from './plan.ts';

const db = queries<CoreTables>();

/** Sees to every item of a plan that may be carried out. */
export const carryOut = (store: Store, about: About, due: Due, signal: AbortSignal): Promise<void> =>
  paced(signal, (rows) =>
    store.within({ tenant: about.tenant }, async (transaction) => {
      await transaction.rows(lockClass(about.tenant, about.class));
      const plan = await planOf(transaction, about);
      if (!plan?.planned_at || plan.finished_at) return 0;
      // Asked again in each transaction: a hold that is placed meanwhile keeps the rest.
      return (await isHeld(transaction, about.class))
        ? holdBatch(transaction, about, rows)
        : removeBatch(transaction, about, due, rows);
    }),
  );

const isHeld = async (transaction: Transaction, name: string): Promise<boolean> => {
  const holds = db
    .selectFrom('legal_holds')
    .select('class')
    .where('class', '=', name)
    .where('released_at', 'is', null)
    .limit(1);
  return (await transaction.rows(holds)).length > 0;
};

const openItems = ({ tick, class: name }: About, rows: number) => sql`
  select n, key, leaf, ctid as place from retention_items
  where tick = ${tick} and class = ${name} and outcome is null order by n limit ${rows}`;

const holdBatch = async (transaction: Transaction, about: About, rows: number): Promise<number> => {
  const held = await transaction.rows(
    written(sql`
      with item as (${openItems(about, rows)})
      update retention_items as one set outcome = 'held' from item
      where one.ctid = item.place returning one.n`),
  );
  return held.length;
};

/**
 * What is gone, or is no longer what was listed, is left to the next plan. Rows are joined by where they are: a plan of PostgreSQL's
 * that was made while a table was empty would look through all of it for each. Rows of two partitions may have one ctid.
 */
const removeBatch = async (
  transaction: Transaction,
  about: About,
  { rule, table, key, isDue, leaf, left }: Due,
  rows: number,
): Promise<number> => {
  const isItem = sql.join(
    key.map((column, index) => sql`${column} = item.key[${sql.lit(index + 1)}]`),
    sql` and `,
  );
  const changes = left.map(({ column, value }) => sql`${sql.ref(column)} = ${value}`);
  const work =
    changes.length > 0
      ? sql`update ${table} set ${sql.join(changes)} from found`
      : sql`delete from ${table} using found`;
  const seen = await transaction.rows(
    written(sql`
      with item as materialized (${openItems(about, rows)}),
      found as materialized (
        select item.n, there.part, there.place, there.is_due, there.hash = item.leaf as is_same from item cross join lateral (
          select ${sql.ref(`${rule.table}.tableoid`)} as part, ${sql.ref(`${rule.table}.ctid`)} as place, ${isDue} as is_due, ${leaf} as hash from ${table} where ${isItem} limit 1) as there),
      gone as (
        ${work} where found.is_due and found.is_same and ${sql.ref(`${rule.table}.ctid`)} = found.place
          and ${sql.ref(`${rule.table}.tableoid`)} = found.part and ${isDue} returning found.n)
      update retention_items as one set outcome = case
          when exists (select from gone where gone.n = one.n) then ${left.length > 0 ? 'changed' : 'deleted'}
          when exists (select from found where found.n = one.n and not is_due) then 'statutory'
          else 'failed' end
      from item where one.ctid = item.place returning one.n`),
  );
  return seen.length;
};

/** Who agreed to exactly this plan, and is not who asked for it. */
export const approverOf = async (transaction: Transaction, plan: Plan): Promise<string | undefined> => {
  const [approval] = await transaction.rows(
    db
      .selectFrom('retention_approvals')
      .select('approved_by')
      .where('tick', '=', plan.tick)
      .where('class', '=', plan.class)
      .where('root', '=', plan.root ?? Buffer.alloc(0))
      .where('approved_by', '<>', plan.asked_by),
  );
  return approval?.approved_by;
};

/**
 * What a plan's items have come to, as reports tell it.
 * @throws Unprocessable REPORT_MISMATCH where it does not balance, or the list is not the one that was told
 */
export const told = async (
  transaction: Transaction,
  plan: Plan,
  zone: string,
): Promise<Body<typeof swept>['rules'][number]> => {
  const outcomes = await transaction.rows(
    written(sql<{ outcome: string | null; count: number }>`
      select outcome, count(*) as count from retention_items where tick = ${plan.tick} and class = ${plan.class} group by 1`),
  );
  const counts = Object.fromEntries(outcomes.map(({ outcome, count }) => [outcome ?? 'open', count]));
  const line = lineOf(plan, counts, await approverOf(transaction, plan), zone);
  refuseMismatch(mismatchOf(line, await leavesOf(transaction, plan)));
  return line;
};

/** Before anything of a plan is touched. @throws Unprocessable REPORT_MISMATCH where the list is not the one that was told */
export const assertListed = async (transaction: Transaction, plan: Plan): Promise<void> => {
  const root = rootOf(await leavesOf(transaction, plan));
  refuseMismatch(plan.root?.equals(root) ? undefined : `${plan.class}: another list than was told`);
};

/** @throws Unprocessable REPORT_MISMATCH where there is one */
export const refuseMismatch = (mismatch: string | undefined): void => {
  if (mismatch) throw new Unprocessable('REPORT_MISMATCH', mismatch);
};

/** Marks a plan as over. */
export const finish = async (transaction: Transaction, plan: Plan): Promise<void> => {
  await transaction.rows(
    written(sql`
      update retention_plans set finished_at = now()
      where tick = ${plan.tick} and class = ${plan.class} and finished_at is null`),
  );
};
