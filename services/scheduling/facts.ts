import type { Pack } from '@jangada/packs/pack.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import { consentFor, type Known } from './checks.ts';

/** Looks up what the decision on who may give a command stands on, in one statement. */
export const knownIn = async (
  transaction: Transaction,
  pack: Pack,
  {
    subject,
    provider,
    by = '',
  }: {
    readonly subject: string | undefined;
    readonly provider: string;
    readonly by: string | undefined;
  },
): Promise<Known> => {
  const people = peopleOf(pack);
  if (!people?.providers) return { inTenant: false, inCare: false, consents: false };
  const consent = consentFor(pack);
  const isThere = (table: string, id: string) =>
    sql`exists (select from ${sql.table(table)} where id = ${id})`;
  const subjectThere = subject === undefined ? sql`true` : isThere(people.table, subject);
  const agrees = consent
    ? sql`exists (select from consent_levels where subject_id = ${subject ?? ''} and level = any (${consent}::text[]))`
    : sql`true`;
  const [known] = await transaction.rows(
    written(sql<Known>`
      select ${isThere(people.providers, provider)} and ${subjectThere} as "inTenant", ${agrees} as consents,
        exists (
          select from care_relationships
          where provider_id = ${by} and subject_id = ${subject ?? ''}
            and valid_from <= now() and (valid_to is null or valid_to > now())) as "inCare"`),
  );
  return known ?? { inTenant: false, inCare: false, consents: false };
};
