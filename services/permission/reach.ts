import { foldName } from '@jangada/packs/read.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';

/** What the database knows about the person a plan names, within one tenant. */
export interface Named {
  /** The given id is a person of this tenant. */
  readonly inTenant: boolean;
  /** The named person is whom `by` may ask about: in their care, or themselves. */
  readonly inReach: boolean;
}

const db = queries<CoreTables & { clients: { id: string; tenant_id: string; full_text_search: unknown } }>();

/**
 * Looks up the person that a plan names. Only rows about people in reach are read: a name that belongs to
 * someone else is simply not found, so nothing can be learnt from the answer.
 */
export const namedIn = async (
  store: Store,
  tenant: string,
  { subject, subjectId }: Plan['filter'],
  within: { reach: 'tenant' | 'related' | 'own'; by: string | undefined },
): Promise<Named> => {
  const search = (foldName(subject ?? '').match(/[\p{L}\p{N}]+/gu) ?? [])
    .map((word) => `${word}:*`)
    .join(' & ');
  const person = db
    .selectFrom('clients')
    .select(sql<boolean>`true`.as('found'))
    .$if(subjectId !== undefined, (query) => query.where('clients.id', '=', subjectId ?? ''))
    .limit(1);
  const reached = person
    .$if(search !== '', (query) =>
      query.where(sql<boolean>`clients.full_text_search @@ to_tsquery('simple', ${search})`),
    )
    .$if(within.reach === 'own', (query) => query.where('clients.id', '=', within.by ?? ''))
    .$if(within.reach === 'related', (query) =>
      query.where(
        sql<boolean>`clients.id = any (array(
          select subject_id from care_relationships
          where provider_id = ${within.by ?? ''} and valid_from <= now() and (valid_to is null or valid_to > now())))`,
      ),
    );
  return store.within({ tenant }, async (transaction) => ({
    inReach: (await transaction.rows(reached)).length > 0,
    inTenant: subjectId === undefined || (await transaction.rows(person)).length > 0,
  }));
};
