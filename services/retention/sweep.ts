import { emit } from '@jangada/hop/hop.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { cutoffOf, versionOf } from '@jangada/packs/retention.ts';
import type { Body } from '@jangada/proto/message.ts';
import { planned, swept } from '@jangada/proto/retention.ts';
import type { Kept } from '@jangada/runtime/keep.ts';
import { queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { mismatchOf } from '@jangada/verifier/removal.ts';
import { sql } from 'kysely';
import { assertClocks } from './clock.ts';
import { type Applied, dueOf, isApplied } from './due.ts';
import { approverOf, assertListed, carryOut, finish, refuseMismatch, told } from './execute.ts';
import { lineOf, occasionOf, type Tick } from './handler.ts';
import { listDue, type Plan } from './plan.ts';
import { endIdle } from './sessions.ts';

type Report = Body<typeof swept>;

/** How long an answer that comes again finds what came of it: as long as the streams tell it. */
const answeredForMs = 86_400_000;

const db = queries<CoreTables>();

interface Work {
  readonly store: Store;
  /** Resolves when the fact is stored, once however often it is told. */
  readonly tell: (fact: Kept) => Promise<unknown>;
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

interface Owner {
  readonly pack: Pack;
  readonly zone: string;
}

const ownerOf = async (store: Store, tenant: string): Promise<Owner | undefined> => {
  const [owner] = await store.rows(
    db.selectFrom('tenants').select(['pack', 'time_zone']).where('id', '=', tenant),
  );
  return owner && { pack: packOf(owner.pack), zone: owner.time_zone };
};

/**
 * Applies a tenant's rules once for a tick and tells the report, the same one however often the tick comes; returns it, or
 * undefined for a tenant that is unknown. What is due is listed and told before anything of it is touched. A tick that was
 * begun and not finished, because a process died, is taken up again where it stopped.
 * @throws Unprocessable CLOCK_SKEW, or REPORT_MISMATCH where what was done is not what would be told
 */
export const sweep = async (work: Work, tick: Tick): Promise<Report | undefined> => {
  const { store, tell } = work;
  const { tenant } = tick;
  const owner = await ownerOf(store, tenant);
  if (!owner) return undefined;
  const id = occasionOf(tick, owner.zone);
  const over = await begin(store, tick, id);
  if (over) {
    for (const line of over.rules) refuseMismatch(mismatchOf(line));
    await tell({ tenant, id, emission: emit(swept, over) });
    return over;
  }
  await assertClocks(store, tick, work.now);
  const plans: Plan[] = [];
  for (const rule of owner.pack.retention.filter(isApplied))
    plans.push(await list(work, tick, id, rule, owner));
  await tell({ tenant, id, emission: emit(planned, plansOf(plans, owner.zone)) });

  const rules: Report['rules'] = [];
  for (const plan of plans) rules.push(await apply(work, plan, owner));
  const report = { rules };
  await tell({ tenant, id, emission: emit(swept, report) });
  await store.within({ tenant }, async (transaction) => {
    for (const plan of plans)
      if (rules.find((line) => line.class === plan.class)?.state !== 'waiting')
        await finish(transaction, plan);
    const forgotten = new Date(tick.at.getTime() - answeredForMs).toISOString();
    await transaction.rows(db.deleteFrom('interrupts').where('expires_at', '<', forgotten));
    await transaction.rows(
      db
        .updateTable('retention_runs')
        .set({ finished_at: sql<string>`now()`, report: JSON.stringify(report) })
        .where('tenant_id', '=', tenant)
        .where('tick', '=', id),
    );
  });
  return report;
};

/** Carries out what waited for a second person, and who agreed meanwhile; each plan has a report of its own. */
export const takeUp = async (work: Work, tick: Tick): Promise<void> => {
  const { store, tell } = work;
  const { tenant } = tick;
  const open = await store.within({ tenant }, async (transaction) => {
    const waiting = await transaction.rows(
      db
        .selectFrom('retention_plans')
        .selectAll()
        .where('tenant_id', '=', tenant)
        .where('finished_at', 'is', null)
        .where('needs', 'is not', null)
        .orderBy('planned_at'),
    );
    const agreed: Plan[] = [];
    for (const plan of waiting) if (await approverOf(transaction, plan)) agreed.push(plan);
    return agreed;
  });
  if (open.length === 0) return;
  const owner = await ownerOf(store, tenant);
  if (!owner) return;
  await assertClocks(store, tick, work.now);
  for (const plan of open) {
    const line = await apply(work, plan, owner);
    const id = `${plan.tick}-${plan.class}`;
    await tell({ tenant, id, emission: emit(swept, { rules: [line] }) });
    await store.within({ tenant }, async (transaction) => {
      await finish(transaction, plan);
      await transaction.rows(
        written(sql`
          update retention_runs set report = jsonb_set(report, '{rules}', (
            select jsonb_agg(case when one->>'class' = ${plan.class} then ${JSON.stringify(line)}::jsonb else one end)
            from jsonb_array_elements(report->'rules') as one))
          where tick = ${plan.tick} and finished_at is not null`),
      );
    });
  }
};

const take = async (work: Work, tick: Tick): Promise<void> => {
  if (tick.of === 'sessions') await endIdle(work.store, tick);
  try {
    await takeUp(work, tick);
  } finally {
    if (tick.of === 'rules') await sweep(work, tick);
  }
};

/**
 * Sees to each tick, whatever comes of the others.
 * @throws what failed of one that is alone; of several an AggregateError, after which each is to come again alone
 */
export const takeAll = async (work: Work, ticks: readonly Tick[]): Promise<void> => {
  const failures: unknown[] = [];
  for (const tick of ticks) await take(work, tick).catch((error: unknown) => failures.push(error));
  if (failures.length > 0)
    throw ticks.length > 1 ? new AggregateError(failures, 'some ticks could not be seen to') : failures[0];
};

/** Makes the occasion's row; returns the report of one that is over. */
const begin = (store: Store, { tenant, at }: Tick, id: string): Promise<Report | undefined> =>
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
    return row?.finished_at ? swept.body.parse(row.report) : undefined;
  });

const list = (
  { store, signal }: Work,
  { tenant, at, askedBy }: Tick,
  tick: string,
  rule: Applied,
  { pack, zone }: Owner,
): Promise<Plan> => {
  const policy = versionOf(rule);
  const before = cutoffOf(rule, at.toTemporalInstant(), zone).toInstant().toString();
  const due = dueOf(rule, { policy, before }, pack);
  return listDue(store, { tenant, tick, class: rule.class }, due, { policy, before, askedBy }, signal);
};

const plansOf = (plans: readonly Plan[], zone: string): Body<typeof planned> => ({
  askedBy: plans[0]?.asked_by ?? '',
  plans: plans.map((plan) => {
    const { before, policy = '', root = '' } = lineOf(plan, {}, undefined, zone);
    return {
      class: plan.class,
      policy,
      before,
      planned: plan.planned ?? 0,
      of: plan.rows_then ?? 0,
      root,
      ...(plan.needs ? { needs: plan.needs } : {}),
    };
  }),
});

/** Carries a plan out where it may be, and says what it came to. */
const apply = async (
  { store, signal }: Work,
  plan: Plan,
  { pack, zone }: Owner,
): Promise<Report['rules'][number]> => {
  const { tenant_id: tenant } = plan;
  const about = { tenant, tick: plan.tick, class: plan.class };
  const rule = pack.retention.filter(isApplied).find((one) => one.class === plan.class);
  const mayGo =
    plan.needs === null ||
    (await store.within({ tenant }, (transaction) => approverOf(transaction, plan))) !== undefined;
  // Of a rule that was changed meanwhile the plan is another's.
  const isDone = rule !== undefined && mayGo && versionOf(rule) === plan.policy;
  if (isDone) {
    await assertListed(store, plan, signal);
    await carryOut(store, about, dueOf(rule, plan, pack), signal);
    if (rule.byMonth) await turnMonths(store, tenant, plan.before);
  }
  return told(store, plan, { zone, isDone }, signal);
};

/** Takes out the months that rules have emptied, of whatever tenant, and makes those to come. */
const turnMonths = async (store: Store, tenant: string, before: string): Promise<void> => {
  await store.read({ tenant }, written(sql`select public.turn_conversation_months(${before}::timestamptz)`));
};
