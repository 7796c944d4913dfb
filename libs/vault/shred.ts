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
}

/** Ids of the keys destroyed; none when the person has no key of the class that is left. @throws Unavailable */
export const shred = async (of: Shred): Promise<readonly string[]> => {
  const { store, tenant, announce } = of;
  // Two steps, so that nobody opens a field any more while it is being made impossible.
  const frozen = await store.within({ tenant }, (transaction) =>
    transaction.rows(written(setState(of, 'frozen'))),
  );
  if (frozen.length === 0) return [];
  await announce();
  const destroyed = await store.within({ tenant }, async (transaction) => {
    await settleVersions(transaction, tenant);
    for (const table of of.tables) await dropIndexes(transaction, of, table);
    return transaction.rows(written(setState(of, 'destroyed')));
  });
  await announce();
  return destroyed.map(({ id }) => id);
};

const setState = ({ tenant, subject, class: kind }: Shred, state: 'frozen' | 'destroyed') => sql<{
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
