import { createHash } from 'node:crypto';
import type { Pack } from '@jangada/packs/pack.ts';
import type { Rule, Severity } from '@jangada/proto/alert.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import { type Alert, decide } from './decide.ts';
import type { Fact } from './facts.ts';
import { nothingYet, type State } from './state.ts';

const db = queries<CoreTables>();

/** A fact about the account that did it. */
export interface Seen {
  readonly tenant: string;
  readonly actor: string;
  readonly endsSessions: Pack['endsSessions'];
  readonly fact: Fact;
}

/** An alert as it is kept. */
export interface Raised {
  readonly tenant: string;
  readonly id: string;
  readonly actor: string;
  readonly rule: Rule;
  readonly severity: Severity;
  readonly at: string;
  readonly session: string | null;
  readonly value: number;
  readonly limit: number;
  /** Sessions of the account that were ended for it. */
  readonly ended: readonly string[];
}

/** The same for the same occasion, and so for the same facts in another place and time. */
export const idOf = (
  tenant: string,
  actor: string,
  { rule, occasion }: Pick<Alert, 'rule' | 'occasion'>,
): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant, actor, rule, occasion]))
    .digest('base64url')
    .slice(0, 24);

/**
 * Takes facts to what is known of each person and keeps what is to be raised, in one transaction for each tenant. Returns what
 * these facts raised, now or when they were heard before.
 */
export const watch = async (store: Store, seen: readonly Seen[]): Promise<readonly Raised[]> => {
  const raised: Raised[] = [];
  for (const [tenant, own] of Map.groupBy(seen, (one) => one.tenant))
    raised.push(...(await store.within({ tenant }, (transaction) => watchTenant(transaction, tenant, own))));
  return raised;
};

const watchTenant = async (
  transaction: Transaction,
  tenant: string,
  seen: readonly Seen[],
): Promise<readonly Raised[]> => {
  // Another instance may hold facts of the same person.
  await transaction.rows(
    written(sql`select pg_advisory_xact_lock(hashtextextended(${`alerts ${tenant}`}, 0))`),
  );
  const byActor = Map.groupBy(seen, ({ actor }) => actor);
  const actors = [...byActor.keys()];
  const known = await transaction.rows(
    written(sql<{ id: string; state: State }>`
      select id, state from alert_states where tenant_id = ${tenant} and id = any (${actors}::text[])`),
  );
  const states = new Map(known.map(({ id, state }) => [id, state]));
  for (const [actor, own] of byActor) {
    let state = states.get(actor) ?? nothingYet;
    for (const { fact, endsSessions } of own.toSorted((a, b) => a.fact.sequence - b.fact.sequence)) {
      const [next, alerts] = decide(state, fact);
      state = next;
      for (const alert of alerts)
        await raise(transaction, { tenant, actor, ends: endsSessions?.includes(alert.rule) === true }, alert);
    }
    states.set(actor, state);
  }
  await transaction.rows(
    written(sql`
      insert into alert_states (tenant_id, id, state)
      select ${tenant}, * from unnest(${actors}::text[], ${actors.map((actor) => JSON.stringify(states.get(actor)))}::jsonb[])
      on conflict (tenant_id, id) do update set state = excluded.state, at = now()`),
  );
  return transaction.rows(
    written(sql<Raised>`
      select tenant_id as tenant, id, actor, rule, severity, at, session, value, threshold as "limit", ended from alerts
      where tenant_id = ${tenant} and sequence = any (${seen.map(({ fact }) => fact.sequence)}::bigint[]) order by sequence, id`),
  );
};

const raise = async (
  transaction: Transaction,
  { tenant, actor, ends }: { readonly tenant: string; readonly actor: string; readonly ends: boolean },
  alert: Alert,
): Promise<void> => {
  const ended = ends
    ? await transaction.rows(
        db
          .updateTable('sessions')
          .set({ ended_at: sql`now()`, reason: 'revoked' })
          .where('tenant_id', '=', tenant)
          .where('account_id', '=', actor)
          .where('reason', 'is', null)
          .returning('id'),
      )
    : [];
  const { rule, severity, sequence, at, session, value, limit } = alert;
  await transaction.rows(
    db
      .insertInto('alerts')
      .values({
        ...{ tenant_id: tenant, id: idOf(tenant, actor, alert), sequence, at: new Date(at), actor, session },
        ...{ rule, severity, value, threshold: limit, ended: ended.map(({ id }) => id) },
      })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing()),
  );
};
