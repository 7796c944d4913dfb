import { type Transaction, written } from '@jangada/store/store.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import type { Request } from './request.ts';

/** Who read somebody's data, as somebody is told it: the account, in what role, for what, and which kind of data. */
export interface Reading extends Readonly<Record<string, unknown>> {
  readonly at: string;
  readonly account: string;
  readonly role: string | null;
  readonly purpose: string | null;
  readonly data: string | null;
}

/** The trail knows people by pseudonyms: what was kept under an index key that was retired since is found no more. */
export const readingsOf = async (
  transaction: Transaction,
  vault: Vault,
  { tenant_id: tenant, subject_id: subject }: Pick<Request, 'tenant_id' | 'subject_id'>,
): Promise<readonly Reading[]> => {
  const names = await vault.pseudonymsOf(tenant, subject, transaction);
  return transaction.rows(
    written(sql<Reading>`
      select at, actor as account, role, purpose, resource as data from audit_entries
      where tenant_id = ${tenant} and fact in ('run.fetched', 'run.answered')
        and (details->'people'->'seen' ?| ${names}::text[] or details->'people'->>'named' = any (${names}::text[]))
      order by at, subject_id`),
  );
};
