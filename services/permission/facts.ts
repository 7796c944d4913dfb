import { searchOf } from '@jangada/packs/read.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { type Store, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';

/** What the database knows about the person a plan names, within one tenant. */
export interface Named {
  /** The given id is a person of this tenant. */
  readonly inTenant: boolean;
  /** The named person is whom the asker may ask about: in their care, themselves, or of their tenant. */
  readonly inReach: boolean;
  /** Of those, somebody has agreed to what the plan reads. */
  readonly consents: boolean;
}

/** What PostgreSQL states in one snapshot. */
export interface Known extends Named {
  /** Changes whenever the asker's relationships, which may also begin and end by themselves, or any consent do. */
  readonly revision: string;
}

export interface Lookup {
  /** The pack's table of people that the plan's rows are about. */
  readonly people: string;
  readonly filter: Plan['filter'];
  readonly reach: 'tenant' | 'related' | 'own';
  /** The person that the asker is. */
  readonly by: string | undefined;
  /** Levels of consent, any of which is enough; undefined where none is needed. */
  readonly consent: readonly string[] | undefined;
}

/**
 * Looks up what a decision stands on, in one statement. Only rows about people in reach are read: a name that belongs
 * to someone else is simply not found, so nothing can be learnt from the answer.
 */
export const knownIn = async (store: Store, tenant: string, lookup: Lookup): Promise<Known> => {
  const statement = sql<Known>`select ${revision(lookup)} as revision, ${named(lookup)}`;
  const [known] = await store.read({ tenant }, written(statement));
  if (!known) throw new Error('a statement without a table has one row');
  return known;
};

const inCareOf = (by: string) => sql`
  from care_relationships
  where provider_id = ${by} and valid_from <= now() and (valid_to is null or valid_to > now())`;

/** The number of the tenant's last consent, and a hash of the people in the asker's care at this moment. */
const revision = ({ reach, by = '' }: Lookup) => {
  const care =
    reach === 'related'
      ? sql`(select md5(string_agg(subject_id, ' ' order by subject_id)) ${inCareOf(by)})`
      : sql`null`;
  return sql`concat_ws('.', (select max(number) from consents), ${care})`;
};

/** That a person is the one, or one of those, whom a plan means. */
export const meant = ({ subject, subjectId }: Plan['filter']) => {
  const isGiven = subjectId === undefined ? sql`` : sql` and id = ${subjectId}`;
  const isNamed =
    subject === undefined ? sql`` : sql` and full_text_search @@ to_tsquery('simple', ${searchOf(subject)})`;
  return sql`${isGiven}${isNamed}`;
};

const named = ({ people, filter, reach, by = '', consent }: Lookup) => {
  const { subject, subjectId } = filter;
  if (subject === undefined && subjectId === undefined)
    return sql`false as "inTenant", false as "inReach", false as consents`;
  const isReached = {
    tenant: sql``,
    own: sql` and id = ${by}`,
    related: sql` and id = any (array(select subject_id ${inCareOf(by)}))`,
  }[reach];
  const reached = sql`select from ${sql.table(people)} where true${meant(filter)}${isReached}`;
  const agrees = consent
    ? sql` and exists (select from consent_levels where subject_id = id and level = any (${consent}::text[]))`
    : sql``;
  const present =
    subjectId === undefined
      ? sql`true`
      : sql`exists (select from ${sql.table(people)} where id = ${subjectId})`;
  return sql`${present} as "inTenant", exists (${reached}) as "inReach", exists (${reached}${agrees}) as consents`;
};
