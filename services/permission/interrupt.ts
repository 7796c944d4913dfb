import { sourceOf } from '@jangada/packs/rules.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { understood } from '@jangada/proto/run.ts';
import { held } from '@jangada/runtime/held.ts';
import { queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { sql } from 'kysely';
import type { Facts } from './checks.ts';
import { meant } from './facts.ts';

const db = queries<CoreTables>();

/**
 * Lets a question wait for the answer of whoever asked it, and says until when; the same however often it comes. Whom it
 * is about is looked up in the whole tenant and told to nobody: that somebody is unknown, or one of several, shows only
 * to who has answered.
 */
export const interrupt = async (
  store: Store,
  bodies: Bodies,
  { tid: tenant, rid: id, sid: session, sub: account, pur: purpose }: Pass,
  asked: Body<typeof understood>,
  { pack, plan }: Pick<Facts, 'pack' | 'plan'>,
): Promise<string> => {
  const people = sourceOf(pack, plan.source)?.subject?.table;
  if (!people || !pack.emergency)
    throw new Error('a plan about nobody was refused for want of a relationship');
  const sealed = held(bodies, { tenant, id }, asked);
  const insert = sql`
    insert into interrupts (tenant_id, id, session, account_id, action, subject_id, purpose, asked, expires_at)
    select ${tenant}, ${id}, ${session}, ${account}, 'break_glass',
      case when cardinality(ids) = 1 then ids[1] end, ${purpose ?? null}::text, ${sealed}::bytea,
      now() + ${pack.emergency.answerWithinMs / 1_000} * interval '1 second'
    from (select array(select id from ${sql.table(people)} where true${meant(plan.filter)} limit 2) as ids) known
    on conflict (tenant_id, id) do nothing`;
  return store.within({ tenant }, async (transaction) => {
    await transaction.rows(written(insert));
    const [row] = await transaction.rows(
      db.selectFrom('interrupts').select('expires_at').where('id', '=', id),
    );
    if (!row) throw new Error('what was written a moment ago is there');
    return row.expires_at;
  });
};
