import type { RetentionRule } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { swept } from '@jangada/proto/retention.ts';
import { queries, type Store, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import type { Tick } from './handler.ts';

type Report = Body<typeof swept>;

/** Rows deleted in one transaction, so that no lock is held long. */
const batch = 1_000;

const db = queries<CoreTables>();

/**
 * Applies a tenant's rules once for a tick and returns the report; undefined when it was applied before.
 * A tick that was begun and not finished, because a process died, is taken up again.
 */
export const sweep = async (
  store: Store,
  { tenant, id, at }: Tick,
  signal: AbortSignal,
): Promise<Report | undefined> => {
  const claim = { tenant };
  const [owner] = await store.rows(db.selectFrom('tenants').select(['pack']).where('id', '=', tenant));
  if (!owner) return undefined;
  const finished = await store.within(claim, async (transaction) => {
    await transaction.rows(
      db
        .insertInto('retention_runs')
        .values({ tenant_id: tenant, tick: id, started_at: at, report: '{}' })
        .onConflict((conflict) => conflict.doNothing()),
    );
    const [row] = await transaction.rows(
      db
        .selectFrom('retention_runs')
        .select('finished_at')
        .where('tenant_id', '=', tenant)
        .where('tick', '=', id),
    );
    return row?.finished_at != null;
  });
  if (finished) return undefined;

  const rules: Report['rules'] = [];
  for (const rule of packOf(owner.pack).retention) {
    if (!rule.table || !rule.ageColumn) continue;
    const before = new Date(at.getTime() - rule.days * 86_400_000);
    const deleted = await expire(store, tenant, rule, before, signal);
    rules.push({ class: rule.class, before: before.toISOString().slice(0, 10), deleted });
  }
  const report = { rules };
  await store.within(claim, (transaction) =>
    transaction.rows(
      db
        .updateTable('retention_runs')
        .set({ finished_at: new Date(), report: JSON.stringify(report) })
        .where('tenant_id', '=', tenant)
        .where('tick', '=', id),
    ),
  );
  return report;
};

const expire = async (
  store: Store,
  tenant: string,
  rule: RetentionRule,
  before: Date,
  signal: AbortSignal,
): Promise<number> => {
  let deleted = 0;
  for (;;) {
    signal.throwIfAborted();
    const count = await store.within({ tenant }, async (transaction) =>
      // Asked again in each transaction: a hold that is placed meanwhile stops the rest.
      (await isHeld(transaction, rule.class)) ? 0 : await deleteBatch(transaction, rule, before),
    );
    deleted += count;
    if (count < batch) return deleted;
  }
};

const isHeld = async (transaction: Transaction, name: string): Promise<boolean> => {
  const holds = db
    .selectFrom('legal_holds')
    .select('class')
    .where('class', '=', name)
    .where('released_at', 'is', null)
    .limit(1);
  return (await transaction.rows(holds)).length > 0;
};

const deleteBatch = async (transaction: Transaction, rule: RetentionRule, before: Date): Promise<number> => {
  const table = sql.table(rule.table ?? '');
  const unreferenced = (rule.unlessReferencedBy ?? []).map(
    (other) =>
      sql` and not exists (select from ${sql.table(other.table)} where ${sql.ref(`${other.table}.${other.column}`)} = ${sql.ref(`${rule.table}.id`)})`,
  );
  const statement = sql<{ one: number }>`
    delete from ${table} where ctid = any (array(
      select ${sql.ref(`${rule.table}.ctid`)} from ${table}
      where ${sql.ref(`${rule.table}.${rule.ageColumn}`)} < ${before}${sql.join(unreferenced, sql``)} limit ${batch}))
    returning 1 as one`;
  return (await transaction.rows({ compile: () => statement.compile(db) })).length;
};
