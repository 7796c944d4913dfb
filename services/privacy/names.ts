import type { Pack } from '@jangada/packs/pack.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';

/** What those are called whom a tenant's rows name by an id. */
export interface Names {
  /** Who provides for people. */
  readonly providers: ReadonlyMap<string, string>;
  /** Who signs in; who has no other name by that of the account. */
  readonly accounts: ReadonlyMap<string, string>;
}

const db = queries<CoreTables>();

export const namesOf = async (transaction: Transaction, pack: Pack, tenant: string): Promise<Names> => {
  const table = peopleOf(pack)?.providers;
  const providers = new Map(
    table
      ? (
          await transaction.rows(
            written(sql<{ id: string; name: string }>`
              select id, name from ${sql.table(table)} where tenant_id = ${tenant}`),
          )
        ).map(({ id, name }) => [id, name])
      : [],
  );
  const accounts = await transaction.rows(
    db.selectFrom('accounts').select(['id', 'alias', 'person_id']).where('tenant_id', '=', tenant),
  );
  return {
    providers,
    accounts: new Map(
      accounts.map(({ id, alias, person_id }) => [id, providers.get(person_id ?? '') ?? alias]),
    ),
  };
};
