import { holdingsOf } from '@jangada/packs/holdings.ts';
import type { Pack, RetentionRule } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { cutoffOf } from '@jangada/packs/retention.ts';
import type { Body } from '@jangada/proto/message.ts';
import { swept } from '@jangada/proto/retention.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type RawBuilder, sql } from 'kysely';
import type { Tick } from './handler.ts';

type Report = Body<typeof swept>;

/** How long an answer that comes again finds what came of it: as long as the streams tell it. */
const answeredForMs = 86_400_000;

/** Rows deleted in one transaction, so that no lock is held long. */
const batch = 1_000;

const db = queries<CoreTables>();

/**
 * Applies a tenant's rules once for a tick and returns the report, the same one however often the tick comes;
 * undefined for a tenant that is unknown. A tick that was begun and not finished, because a process died, is taken
 * up again: each batch is counted in the transaction that deletes it, so nothing is missing in the report.
 */
export const sweep = async (store: Store, tick: Tick, signal: AbortSignal): Promise<Report | undefined> => {
  const { tenant, at } = tick;
  const [owner] = await store.rows(
    db.selectFrom('tenants').select(['pack', 'time_zone']).where('id', '=', tenant),
  );
  if (!owner) return undefined;
  const { finished, report } = await begin(store, tick);
  if (finished) return report;

  const pack = packOf(owner.pack);
  const { retention } = pack;
  for (const rule of retention) {
    if (!rule.table || !rule.ageColumn) continue;
    const cutoff = cutoffOf(rule, at.toTemporalInstant(), owner.time_zone);
    const before = new Date(cutoff.epochMilliseconds);
    const line = report.rules.find((known) => known.class === rule.class) ?? {
      class: rule.class,
      before: cutoff.toPlainDate().toString(),
      deleted: 0,
    };
    if (!report.rules.includes(line)) report.rules.push(line);
    await expire(store, tenant, dueOf(rule, before, pack), signal, async (transaction, deleted) => {
      line.deleted += deleted;
      await write(transaction, tick, { report: JSON.stringify(report) });
    });
    if (rule.byMonth) await turnMonths(store, tenant, before);
  }
  await store.within({ tenant }, async (transaction) => {
    const forgotten = new Date(at.getTime() - answeredForMs).toISOString();
    await transaction.rows(db.deleteFrom('interrupts').where('expires_at', '<', forgotten));
    await write(transaction, tick, { finished_at: new Date(), report: JSON.stringify(report) });
  });
  return report;
};

/** Makes the tick's row, or reads how far an earlier delivery came. */
const begin = (store: Store, { tenant, id, at }: Tick): Promise<{ finished: boolean; report: Report }> =>
  store.within({ tenant }, async (transaction) => {
    await transaction.rows(
      db
        .insertInto('retention_runs')
        .values({ tenant_id: tenant, tick: id, started_at: at, report: '{"rules":[]}' })
        .onConflict((conflict) => conflict.doNothing()),
    );
    const [row] = await transaction.rows(
      db
        .selectFrom('retention_runs')
        .select(['finished_at', 'report'])
        .where('tenant_id', '=', tenant)
        .where('tick', '=', id),
    );
    return { finished: row?.finished_at != null, report: swept.body.parse(row?.report) };
  });

const write = async (
  transaction: Transaction,
  { tenant, id }: Tick,
  values: { report: string; finished_at?: Date },
): Promise<void> => {
  const update = db.updateTable('retention_runs').set(values);
  await transaction.rows(update.where('tenant_id', '=', tenant).where('tick', '=', id));
};

/** Deletes in batches; `count` is called in the transaction of each. */
const expire = async (
  store: Store,
  tenant: string,
  due: Due,
  signal: AbortSignal,
  count: (transaction: Transaction, deleted: number) => Promise<void>,
): Promise<void> => {
  let deleted: number;
  do {
    signal.throwIfAborted();
    deleted = await store.within({ tenant }, async (transaction) => {
      // Asked again in each transaction: a hold that is placed meanwhile stops the rest.
      if (await isHeld(transaction, due.class)) return 0;
      const gone = await deleteBatch(transaction, due);
      await count(transaction, gone);
      return gone;
    });
  } while (deleted === batch);
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

/** Takes out the months that rules have emptied, of whatever tenant, and makes those to come. */
const turnMonths = async (store: Store, tenant: string, before: Date): Promise<void> => {
  const statement = sql`select public.turn_conversation_months(${before})`;
  await store.read({ tenant }, written(statement));
};

/** Which rows of a table are due. */
interface Due {
  readonly class: string;
  readonly table: string;
  readonly condition: RawBuilder<unknown>;
}

/** What a rule finds due before a moment. Each person's record is one, over all rules that count from its last entry. */
const dueOf = (rule: RetentionRule, before: Date, pack: Pack): Due => {
  const { retention: rules } = pack;
  const { table = '', ageColumn, person, anchor, unlessReferencedBy = [] } = rule;
  const aged = sql`${sql.ref(`${table}.${ageColumn}`)} < ${before}`;
  const unreferenced = unlessReferencedBy.map(
    (other) =>
      sql`not exists (select from ${sql.table(other.table)} where ${sql.ref(`${other.table}.${other.column}`)} = ${sql.ref(`${table}.id`)})`,
  );
  const entries = anchor === 'lastEntry' ? rules.filter((one) => one.anchor === 'lastEntry') : [];
  const quiet = entries.map(
    (other) =>
      sql`not exists (select from ${sql.table(other.table ?? '')} as entry
        where ${sql.ref(`entry.${other.person}`)} = ${sql.ref(`${table}.${person}`)} and ${sql.ref(`entry.${other.ageColumn}`)} >= ${before})`,
  );
  // Nothing of anybody who waits to be told what there is of them.
  const waited = holdingsOf(pack)
    .filter((holding) => holding.table === table && !holding.byAccount)
    .map(
      ({ subject }) =>
        sql`not exists (select from privacy_requests p where p.tenant_id = ${sql.ref(`${table}.tenant_id`)}
          and p.subject_id = ${sql.ref(`${table}.${subject}`)} and p.state <> 'closed')`,
    );
  return {
    class: rule.class,
    table,
    condition: sql.join([aged, ...unreferenced, ...quiet, ...waited], sql` and `),
  };
};

const deleteBatch = async (transaction: Transaction, { table, condition }: Due): Promise<number> => {
  // Rows of two partitions may have one ctid.
  const statement = sql<{ one: number }>`
    with due as (
      select ${sql.ref(`${table}.tableoid`)} as part, ${sql.ref(`${table}.ctid`)} as place from ${sql.table(table)}
      where ${condition} limit ${batch})
    delete from ${sql.table(table)} using due
    where ${sql.ref(`${table}.ctid`)} = due.place and ${sql.ref(`${table}.tableoid`)} = due.part and ${condition}
    returning 1 as one`;
  return (await transaction.rows(written(statement))).length;
};
