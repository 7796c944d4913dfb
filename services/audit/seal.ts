import type { KeyObject } from 'node:crypto';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { beginning } from '@jangada/verifier/chain.ts';
import { type Checkpoint, claimsOf, hashOf, linksOf, signCheckpoint } from '@jangada/verifier/checkpoint.ts';
import { shards } from '@jangada/verifier/entry.ts';
import { linksMax } from '@jangada/verifier/proof.ts';
import { sql } from 'kysely';
import { systemTrail } from './handler.ts';

const db = queries<CoreTables>();

/** Chains that nothing was added to yet. */
const untouched: Checkpoint['heads'] = Array.from({ length: shards }, (_, shard) => ({
  next: 0,
  chain: beginning(shard).toString('base64url'),
}));

/** A checkpoint as it is kept. */
export interface Sealed {
  readonly number: number;
  readonly statement: string;
}

/** One that was made now, and how long each batch that it takes in had waited for it, in ms. */
export interface Sealing extends Sealed {
  readonly waitedMs: readonly number[];
}

interface Signing {
  /** Name of the deployment. */
  readonly log: string;
  readonly signer: () => { readonly kid: string; readonly key: KeyObject };
}

/**
 * Signs how far the chains have come, if they have since the last checkpoint. One instance does so at a time; another that
 * tries meanwhile leaves it to the first. Takes in no more links than a proof may lead through: who was away for long seals
 * several times.
 */
export const seal = (store: Store, { log, signer }: Signing): Promise<Sealing | undefined> =>
  store.within({ tenant: systemTrail }, async (transaction) => {
    const [lock] = await transaction.rows(
      written(
        sql<{
          held: boolean;
        }>`select pg_try_advisory_xact_lock(hashtext('jangada audit checkpoint')) as held`,
      ),
    );
    if (!lock?.held) return undefined;
    const before = await lastOf(transaction);
    const known = before && claimsOf(before.statement);
    const batches = await batchesSince(transaction, known);
    if (batches.length === 0) return undefined;
    const heads = [...(known?.heads ?? untouched)];
    for (const { shard, next, chain } of batches) heads[shard] = { next, chain: chain.toString('base64url') };
    const at = new Date();
    const number = (known?.number ?? -1) + 1;
    const links = linksOf(batches.map(({ chain }) => chain));
    const checkpoint: Checkpoint = {
      ...{ log, number, at: at.toISOString(), heads, links },
      before: before ? hashOf(before.statement) : null,
    };
    const statement = signCheckpoint(signer(), checkpoint);
    await transaction.rows(db.insertInto('audit_checkpoints').values({ number, at, statement }));
    return { number, statement, waitedMs: batches.map((batch) => at.getTime() - Date.parse(batch.at)) };
  });

const lastOf = async (transaction: Transaction): Promise<Sealed | undefined> => {
  const query = db
    .selectFrom('audit_checkpoints')
    .select(['number', 'statement'])
    .orderBy('number', 'desc')
    .limit(1);
  return (await transaction.rows(query))[0];
};

/** In the order in which a checkpoint has its links. */
const batchesSince = (transaction: Transaction, known: Checkpoint | undefined) => {
  const heads = known?.heads ?? [];
  return transaction.rows(
    written(sql<{ shard: number; next: number; chain: Buffer; at: string }>`
      select b.shard, b.first + length(b.leaves) / 32 as next, b.chain, b.at
      from audit_heads h
      cross join lateral (
        select * from audit_batches
        where shard = h.shard and first >= coalesce((${heads.map(({ next }) => next)}::bigint[])[h.shard + 1], 0)
        order by first limit ${linksMax / shards}
      ) b
      order by b.shard, b.first`),
  );
};

/** Checkpoints that are read at once, at most. */
export const atOnce = 1_000;

/** Checkpoints after one, the oldest first, as many as are read at once. */
export const checkpointsAfter = (store: Store, number: number): Promise<Sealed[]> =>
  store.rows(
    db
      .selectFrom('audit_checkpoints')
      .select(['number', 'statement'])
      .where('number', '>', number)
      .orderBy('number')
      .limit(atOnce),
  );

/** Number of the last checkpoint; -1 where there is none. */
export const lastNumber = async (store: Store): Promise<number> => {
  const [last] = await store.rows(
    db.selectFrom('audit_checkpoints').select('number').orderBy('number', 'desc').limit(1),
  );
  return last?.number ?? -1;
};
