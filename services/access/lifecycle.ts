import { lockClass } from '@jangada/store/lock.ts';
import { queries, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import type { Effect } from './effect.ts';

const db = queries<CoreTables>();

/**
 * What commands on the lifecycle of data do. Each waits for a batch of the class that is being removed, and the next batch
 * waits for it: once a hold is answered with a yes, nothing of its class goes.
 */
export const lifecycle: { readonly [A in 'place_hold' | 'release_hold' | 'approve_retention']: Effect<A> } = {
  place_hold: async (transaction, { pass }, { class: name, reason }) => {
    await transaction.rows(lockClass(pass.tid, name));
    const placed = await transaction.rows(
      written(sql`
        insert into legal_holds (tenant_id, class, reason, placed_by)
        select ${pass.tid}, ${name}, ${reason}, ${pass.sub}
        where not exists (select from legal_holds where class = ${name} and released_at is null) returning class`),
    );
    return placed.length > 0 ? undefined : 'INPUT_INVALID';
  },
  release_hold: async (transaction, { pass }, { class: name }) => {
    await transaction.rows(lockClass(pass.tid, name));
    const released = await transaction.rows(
      db
        .updateTable('legal_holds')
        .set({ released_at: sql<string>`now()`, released_by: pass.sub })
        .where('class', '=', name)
        .where('released_at', 'is', null)
        .returning('class'),
    );
    return released.length > 0 ? undefined : 'INPUT_INVALID';
  },
  approve_retention: async (transaction, { pass }, { tick, class: name, root }) => {
    await transaction.rows(lockClass(pass.tid, name));
    const [plan] = await transaction.rows(
      db
        .selectFrom('retention_plans')
        .select(['asked_by', 'root'])
        .where('tick', '=', tick)
        .where('class', '=', name)
        .where('root', '=', Buffer.from(root, 'hex'))
        .where('needs', 'is not', null)
        .where('finished_at', 'is', null),
    );
    if (!plan?.root) return 'NOT_FOUND';
    // Two people, or it is no second.
    if (plan.asked_by === pass.sub) return 'AUTHZ_DENIED';
    await transaction.rows(
      db
        .insertInto('retention_approvals')
        .values({ tenant_id: pass.tid, tick, class: name, root: plan.root, approved_by: pass.sub })
        .onConflict((conflict) => conflict.doNothing()),
    );
    return undefined;
  },
};
