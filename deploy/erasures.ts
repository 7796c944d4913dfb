import { packOf } from '@jangada/packs/registry.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import { queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { z } from 'zod';

/**
 * The list of erasures, kept beside the backups, and what is done with it when one of them comes back: whom it still
 * has is erased again before anybody else is let in.
 */

export const erasure = z.strictObject({
  tenant: z.string(),
  request: z.string(),
  /** Keyed hash of the person's id, base64. */
  subject: z.base64(),
  type: z.enum(['anonymisation', 'deletion']),
  at: z.iso.datetime(),
});
export type Erasure = z.output<typeof erasure>;

const db = queries<CoreTables>();
const place = (tenant: string) => ({ tenant, table: 'erasures', column: 'subject' });

/** Every erasure that was ever begun, oldest first. */
export const listErasures = async (store: Pick<Store, 'rows'>): Promise<readonly Erasure[]> => {
  const rows = await store.rows(db.selectFrom('erasures').selectAll().orderBy('at'));
  return rows.map(({ tenant_id: tenant, id: request, subject, type, at }) => ({
    ...{ tenant, request, type, at: String(at) },
    subject: subject.toString('base64'),
  }));
};

/**
 * Opens the requests of a list anew in a database that does not know that they were carried out; the service does the rest.
 * Returns how many people it still has. @throws Unavailable, Unprocessable
 */
export const replayErasures = async (
  store: Store,
  vault: Vault,
  erasures: readonly Erasure[],
): Promise<number> => {
  let found = 0;
  for (const [tenant, own] of Map.groupBy(erasures, (one) => one.tenant)) {
    const [owner] = await store.rows(db.selectFrom('tenants').select('pack').where('id', '=', tenant));
    const people = owner && peopleOf(packOf(owner.pack))?.table;
    if (!people) continue;
    found += await store.within({ tenant }, async (transaction) => {
      const known = await transaction.rows(
        written(sql<{ id: string }>`
          select id from ${sql.table(people)} where tenant_id = ${tenant}
          union select subject_id from subject_keys where tenant_id = ${tenant} and state <> 'destroyed'`),
      );
      const byHash = new Map(own.map((one) => [one.subject, one]));
      let count = 0;
      for (const { id: subject } of known)
        for (const hash of await vault.indexesOf(place(tenant), 'id', subject, transaction)) {
          const erased = byHash.get(hash.toString('base64'));
          if (!erased) continue;
          count += 1;
          await transaction.rows(written(again(erased, subject)));
        }
      return count;
    });
  }
  return found;
};

/** As it was when somebody had approved it. The outcome has nobody to go to: it was handed over the first time. */
const again = ({ tenant, request, type }: Erasure, subject: string) => sql`
  insert into privacy_requests
    (tenant_id, id, subject_id, type, identity, opened_by, recipient, deadline_at, reviewed_by, approved)
  values (${tenant}, ${request}, ${subject}, ${type}, 'document', 'restore', '', now() + interval '1 day', 'restore', true)
  on conflict (tenant_id, id) do update
    set reviewed_by = 'restore', approved = true where privacy_requests.approved is not true`;
