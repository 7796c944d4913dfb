import { rootOf } from '@jangada/merkle/tree.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type Batch, chainAfter } from '@jangada/verifier/chain.ts';
import { leafOfEntry, type Stated, shardOf } from '@jangada/verifier/entry.ts';
import { sql } from 'kysely';
import { type Entry, systemTrail } from './handler.ts';

const db = queries<CoreTables>();

/** An entry as the chain covers it, which is as PostgreSQL will tell it: microseconds, and details that went through JSON. */
const statedOf = ({ at, details, ...entry }: Entry): Stated => ({
  ...entry,
  at: at.toISOString().replace('Z', '000Z'),
  details: JSON.parse(JSON.stringify(details)),
});

interface Placed {
  readonly entry: Entry;
  readonly shard: number;
  readonly number: number;
}

interface Chained extends Batch {
  readonly leaves: Buffer;
  readonly chain: Buffer;
}

/**
 * Keeps entries and chains them, all or none, in one transaction. An entry that is there already, because its fact was
 * delivered again, stays as it was and is chained no second time. The chains that are added to are held until then, in the
 * order of their shards: two instances wait for each other, and neither adds to an end that the other has taken.
 */
export const append = (store: Store, entries: readonly Entry[]): Promise<void> =>
  store.within({ tenant: systemTrail }, async (transaction) => {
    const heads = await hold(transaction, entries);
    const fresh = await unkept(transaction, entries);
    const placed: Placed[] = [];
    const chained: Chained[] = [];
    for (const { shard, next: first, chain: before } of heads) {
      const own = fresh.filter(({ tenant }) => shardOf(tenant) === shard);
      if (own.length === 0) continue;
      const leaves = own.map((entry) => leafOfEntry(statedOf(entry)));
      const batch = { shard, first, count: own.length, root: rootOf(leaves) };
      chained.push({ ...batch, leaves: Buffer.concat(leaves), chain: chainAfter(before, batch) });
      placed.push(...own.map((entry, index) => ({ entry, shard, number: first + index })));
    }
    if (placed.length > 0) await write(transaction, placed, chained);
  });

const hold = (transaction: Transaction, entries: readonly Entry[]) =>
  transaction.rows(
    db
      .selectFrom('audit_heads')
      .select(['shard', 'next', 'chain'])
      .where(
        'shard',
        '=',
        sql<number>`any (${[...new Set(entries.map(({ tenant }) => shardOf(tenant)))]}::smallint[])`,
      )
      .orderBy('shard')
      .forUpdate(),
  );

/** Those whose fact is not kept, each once. Asked after the chains are held, so that nobody keeps one meanwhile. */
const unkept = async (transaction: Transaction, entries: readonly Entry[]): Promise<Entry[]> => {
  const keyOf = (tenant: string, subject: string, fact: string): string =>
    JSON.stringify([tenant, subject, fact]);
  const column = <K extends keyof Entry>(name: K) => entries.map((entry) => entry[name]);
  // A subquery, not a join: planned while the trail is short, a join reads all of it, and goes on to until the next analyze.
  const known = await transaction.rows(
    written(sql<{ tenant: string; subject: string; fact: string }>`
      select tenant, subject, fact
      from unnest(${column('tenant')}::text[], ${column('subject')}::text[], ${column('fact')}::text[]) as asked (tenant, subject, fact)
      where (select true from audit_entries e where e.tenant_id = asked.tenant and e.subject_id = asked.subject and e.fact = asked.fact)`),
  );
  const seen = new Set(known.map(({ tenant, subject, fact }) => keyOf(tenant, subject, fact)));
  return entries.filter(({ tenant, subject, fact }) => {
    const key = keyOf(tenant, subject, fact);
    return !seen.has(key) && seen.add(key);
  });
};

/** One statement, whatever the number of entries, so that it is prepared once. */
const write = async (
  transaction: Transaction,
  placed: readonly Placed[],
  chained: readonly Chained[],
): Promise<void> => {
  const column = <K extends keyof Entry>(name: K) => placed.map(({ entry }) => entry[name]);
  const of = <K extends keyof Chained>(name: K) => chained.map((batch) => batch[name]);
  const statement = sql`
    with kept as (
      insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, role, session, purpose, decision, code, resource,
        details, origin, shard, number)
      select * from unnest(
        ${column('tenant')}::text[], ${column('subject')}::text[], ${column('fact')}::text[], ${column('sequence')}::bigint[],
        ${column('at')}::timestamptz[], ${column('actor')}::text[], ${column('role')}::text[], ${column('session')}::text[],
        ${column('purpose')}::text[], ${column('decision')}::text[], ${column('code')}::text[], ${column('resource')}::text[],
        ${placed.map(({ entry }) => JSON.stringify(entry.details))}::jsonb[], ${column('origin')}::text[],
        ${placed.map(({ shard }) => shard)}::smallint[], ${placed.map(({ number }) => number)}::bigint[])
    ), chained as (
      insert into audit_batches (shard, first, leaves, root, chain)
      select * from unnest(${of('shard')}::smallint[], ${of('first')}::bigint[], ${of('leaves')}::bytea[], ${of('root')}::bytea[],
        ${of('chain')}::bytea[])
    )
    update audit_heads h set next = grown.next, chain = grown.chain
    from unnest(${of('shard')}::smallint[], ${chained.map(({ first, count }) => first + count)}::bigint[], ${of('chain')}::bytea[])
      as grown (shard, next, chain)
    where h.shard = grown.shard`;
  await transaction.rows(written(statement));
};
