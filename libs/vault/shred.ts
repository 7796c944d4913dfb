import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import { type KeyClass, settleVersions } from './keys.ts';
import { indexOf, type SealedTable } from './rows.ts';

/**
 * Destroys a person's keys of one class. Whatever was sealed with them is unreadable from then on, wherever a copy of
 * it lies, without any of them being touched. The keys' rows stay, so that nothing is ever sealed for them again.
 */

export interface Shred {
  readonly store: Pick<Store, 'within'>;
  readonly tenant: string;
  readonly subject: string;
  readonly class: KeyClass;
  readonly tables: readonly SealedTable[];
  /** Tells every service that keys of the tenant changed. */
  readonly announce: () => Promise<void>;
  /** Asked by the transaction that destroys, before anything else of it: true where the keys have to stay after all. */
  readonly stays?: (transaction: Transaction) => Promise<boolean>;
}

/**
 * Ids of the keys destroyed; none when the person has no key of the class that is left, or they have to stay.
 * @throws Unavailable
 */
export const shred = async (of: Shred): Promise<readonly string[]> => {
  const { store, tenant, announce, stays } = of;
  // Two steps, so that nobody opens a field any more while it is being made impossible.
  const frozen = await store.within({ tenant }, (transaction) =>
    transaction.rows(written(setState(of, 'frozen'))),
  );
  if (frozen.length === 0) return [];
  await announce();
  const destroyed = await store.within({ tenant }, async (transaction) => {
    if (await stays?.(transaction)) {
      await transaction.rows(written(giveBack(of)));
      return [];
    }
    await settleVersions(transaction, tenant);
    for (const table of of.tables) await dropIndexes(transaction, of, table);
    return transaction.rows(written(setState(of, 'destroyed')));
  });
  await announce();
  return destroyed.map(({ id }) => id);
};

type Which = Pick<Shred, 'tenant' | 'subject' | 'class'>;

/** Gives back keys that were frozen before it was known that they have to stay. @throws Unavailable */
export const thaw = async ({
  store,
  announce,
  ...which
}: Which & Pick<Shred, 'store' | 'announce'>): Promise<void> => {
  const { tenant } = which;
  const thawed = await store.within({ tenant }, (transaction) => transaction.rows(written(giveBack(which))));
  if (thawed.length > 0) await announce();
};

const giveBack = ({ tenant, subject, class: kind }: Which) => sql<{ id: string }>`
  update subject_keys set state = 'active'
  where tenant_id = ${tenant} and subject_id = ${subject} and class = ${kind} and state = 'frozen' returning id`;

const setState = ({ tenant, subject, class: kind }: Which, state: 'frozen' | 'destroyed') => sql<{
  id: string;
}>`
  update subject_keys set state = ${state}${state === 'destroyed' ? sql`, wrapped = null` : sql``}
  where tenant_id = ${tenant} and subject_id = ${subject} and class = ${kind} and state <> 'destroyed' returning id`;

const dropIndexes = async (
  transaction: Transaction,
  { tenant, subject, class: kind }: Shred,
  table: SealedTable,
): Promise<void> => {
  const indexed = Object.entries(table.columns).filter(([, column]) => column.index && column.class === kind);
  if (indexed.length === 0) return;
  await transaction.rows(
    written(sql`
      update ${sql.table(table.name)}
      set ${sql.join(indexed.map(([column]) => sql`${sql.ref(indexOf(column))} = null`))}
      where tenant_id = ${tenant} and ${sql.ref(table.subject)} = ${subject}`),
  );
};
