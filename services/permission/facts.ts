import { searchOf } from '@jangada/packs/read.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import { sql } from 'kysely';

/** What the database knows about the person a plan names, within one tenant. */
export interface Named {
  /** The given id is a person of this tenant. */
  readonly inTenant: boolean;
  /** The named person is whom `by` may ask about: in their care, or themselves. */
  readonly inReach: boolean;
}

const db = queries<Record<string, never>>();

/**
 * Looks up the person that a plan names, in the pack's table of such people. Only rows about people in reach are
 * read: a name that belongs to someone else is simply not found, so nothing can be learnt from the answer.
 */
export const namedIn = async (
  store: Store,
  tenant: string,
  people: string,
  { subject, subjectId }: Plan['filter'],
  { reach, by = '' }: { reach: 'tenant' | 'related' | 'own'; by: string | undefined },
): Promise<Named> => {
  const table = sql.table(people);
  const isGiven = subjectId === undefined ? sql`` : sql` and id = ${subjectId}`;
  const isNamed =
    subject === undefined ? sql`` : sql` and full_text_search @@ to_tsquery('simple', ${searchOf(subject)})`;
  const isReached = {
    tenant: sql``,
    own: sql` and id = ${by}`,
    related: sql` and id = any (array(
      select subject_id from care_relationships
      where provider_id = ${by} and valid_from <= now() and (valid_to is null or valid_to > now())))`,
  }[reach];
  const reached = sql<{
    found: true;
  }>`select true as found from ${table} where true${isGiven}${isNamed}${isReached} limit 1`;
  const present = sql<{ found: true }>`select true as found from ${table} where true${isGiven} limit 1`;
  return store.within({ tenant }, async (transaction) => ({
    inReach: (await transaction.rows({ compile: () => reached.compile(db) })).length > 0,
    inTenant:
      subjectId === undefined || (await transaction.rows({ compile: () => present.compile(db) })).length > 0,
  }));
};
