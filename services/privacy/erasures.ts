import { queries, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { Request } from './request.ts';

/** Whose data were erased, by a keyed hash that says so only to who holds the tenant's keys. */

const db = queries<CoreTables>();
const place = (tenant: string) => ({ tenant, table: 'erasures', column: 'subject' });

export const pseudonymOf = async (
  transaction: Transaction,
  vault: Vault,
  { tenant_id: tenant, subject_id: subject }: Pick<Request, 'tenant_id' | 'subject_id'>,
): Promise<Buffer> => {
  using sealer = await vault.sealer(tenant, [], transaction);
  const index = sealer.index(place(tenant), 'id', subject);
  if (!index) throw new Error('a person has an id');
  return index;
};

/** Before anything is destroyed. Entered again it stays as it was. */
export const enterErasure = async (
  transaction: Transaction,
  vault: Vault,
  request: Request,
): Promise<void> => {
  const { tenant_id, id, type } = request;
  if (type !== 'deletion' && type !== 'anonymisation') return;
  await transaction.rows(
    db
      .insertInto('erasures')
      .values({ tenant_id, id, type, subject: await pseudonymOf(transaction, vault, request) })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing()),
  );
};

/** Whether an erasure of whom a request is about was begun, by this one or another. */
export const isErased = async (
  transaction: Transaction,
  vault: Vault,
  { tenant_id: tenant, subject_id: subject }: Pick<Request, 'tenant_id' | 'subject_id'>,
): Promise<boolean> => {
  const names = await vault.indexesOf(place(tenant), 'id', subject, transaction);
  if (names.length === 0) return false;
  const begun = db.selectFrom('erasures').select('id').where('tenant_id', '=', tenant);
  return (await transaction.rows(begun.where('subject', 'in', [...names]).limit(1))).length > 0;
};
