import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { swept } from '@jangada/proto/retention.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { mismatchOf } from '@jangada/verifier/removal.ts';
import { type Compilable, type RawBuilder, sql } from 'kysely';
import type { Due } from './due.ts';
import { lineOf } from './handler.ts';
import { type About, readingOf, readList } from './listed.ts';
import { paced } from './pace.ts';
import { type Plan, planOf } from './plan.ts';

const db = queries<CoreTables>();

/** Sees to every item of a plan that may be carried out. */
export const carryOut = (store: Store, about: About, due: Due, signal: AbortSignal): Promise<void> => {
  // What was seen to is not looked through again: until it is cleaned up, an index leads to it still.
  let from = 0;
  return paced(signal, (rows) =>
    store.within({ tenant: about.tenant }, async (transaction) => {
      await transaction.rows(lockClass(about.tenant, about.class));
      const plan = await planOf(transaction, about);
      if (!plan?.planned_at || plan.finished_at) return 0;
      const items = openItems(about, from, rows);
      // Asked again in each transaction: a hold that is placed meanwhile keeps the rest.
      const [batch] = await transaction.rows(
        (await isHeld(transaction, about.class)) ? keep(items) : remove(items, due),
      );
      from = batch?.next ?? from;
      return batch?.seen ?? 0;
    }),
  );
};

/** How many items a statement has seen to, and where those begin that come after them. */
interface Batch {
  readonly seen: number;
  readonly next: number | null;
}

const isHeld = async (transaction: Transaction, name: string): Promise<boolean> => {
  const holds = db
    .selectFrom('legal_holds')
    .select('class')
    .where('class', '=', name)
    .where('released_at', 'is', null)
    .limit(1);
  return (await transaction.rows(holds)).length > 0;
};

const openItems = ({ tick, class: name }: About, from: number, rows: number) => sql`
  select n, key, leaf, ctid as place from retention_items
  where tick = ${tick} and class = ${name} and outcome is null and n >= ${from} order by n limit ${rows}`;

const counted = sql`select count(*)::int as seen, max(n) + 1 as next from item`;

const keep = (items: RawBuilder<unknown>): Compilable<Batch> =>
  written(sql<Batch>`
    with item as materialized (${items}),
    done as (update retention_items as one set outcome = 'held' from item where one.ctid = item.place)
    ${counted}`);

/**
 * What is gone, or is no longer what was listed, is left to the next plan. Rows are joined by where they are: a plan of PostgreSQL's
 * that was made while a table was empty would look through all of it for each. Rows of two partitions may have one ctid.
 */
const remove = (
  items: RawBuilder<unknown>,
  { rule, table, key, isDue, leaf, left }: Due,
): Compilable<Batch> => {
  const isItem = sql.join(
    key.map((column, index) => sql`${column} = item.key[${sql.lit(index + 1)}]`),
    sql` and `,
  );
  const changes = left.map(({ column, value }) => sql`${sql.ref(column)} = ${value}`);
  const work =
    changes.length > 0
      ? sql`update ${table} set ${sql.join(changes)} from found`
      : sql`delete from ${table} using found`;
  return written(sql<Batch>`
    with item as materialized (${items}),
    found as materialized (
      select item.n, there.part, there.place, there.is_due, there.hash = item.leaf as is_same from item cross join lateral (
        select ${sql.ref(`${rule.table}.tableoid`)} as part, ${sql.ref(`${rule.table}.ctid`)} as place, ${isDue} as is_due, ${leaf} as hash from ${table} where ${isItem} limit 1) as there),
    gone as (
      ${work} where found.is_due and found.is_same and ${sql.ref(`${rule.table}.ctid`)} = found.place
        and ${sql.ref(`${rule.table}.tableoid`)} = found.part and ${isDue} returning found.n),
    done as (
      update retention_items as one set outcome = case
          when exists (select from gone where gone.n = one.n) then ${left.length > 0 ? 'changed' : 'deleted'}
          when exists (select from found where found.n = one.n and not is_due) then 'statutory'
          else 'failed' end
      from item where one.ctid = item.place)
    ${counted}`);
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
 * What a plan's items have come to, as reports tell it; `isDone` where they were seen to.
 * @throws Unprocessable REPORT_MISMATCH where it does not balance, or the list is not the one that was told
 */
export const told = async (
  store: Store,
  plan: Plan,
  { zone, isDone }: { readonly zone: string; readonly isDone: boolean },
  signal: AbortSignal,
): Promise<Body<typeof swept>['rules'][number]> => {
  const { tenant_id: tenant } = plan;
  const { tree, outcomes } = await readList(
    store,
    { tenant, ...plan },
    isDone ? 'report' : 'waiting',
    signal,
  );
  const approver = await store.within({ tenant }, (transaction) => approverOf(transaction, plan));
  const line = lineOf(plan, outcomes, approver, zone);
  refuseMismatch(mismatchOf(line, tree));
  return line;
};

/**
 * Before anything of a plan is touched. Where an earlier delivery has come to the report, it has seen this too.
 * @throws Unprocessable REPORT_MISMATCH where the list is not the one that was told
 */
export const assertListed = async (store: Store, plan: Plan, signal: AbortSignal): Promise<void> => {
  const about = { tenant: plan.tenant_id, ...plan };
  const reading = await store.within(about, (transaction) => readingOf(transaction, about));
  if (reading?.for === 'report') return;
  const { tree } = await readList(store, about, 'before', signal);
  refuseMismatch(plan.root?.equals(tree.root()) ? undefined : `${plan.class}: another list than was told`);
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
