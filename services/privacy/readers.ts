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

/**
 * In the order of time. The trail of years is read month by month, for one statement over all of it would not end in time.
 * It knows people by pseudonyms: what was kept under an index key that was retired since is found no more.
 */
export const readingsOf = async (
  transaction: Transaction,
  vault: Pick<Vault, 'pseudonymsOf'>,
  { tenant_id: tenant, subject_id: subject }: Pick<Request, 'tenant_id' | 'subject_id'>,
): Promise<readonly Reading[]> => {
  const names = await vault.pseudonymsOf(tenant, subject, transaction);
  const readings: Reading[] = [];
  for (const [from, to] of await monthsOf(transaction, tenant)) {
    // Of one fact at a time, by the index that has facts in the order of time.
    const told = (fact: string) => sql`
      select at, subject_id, actor, role, purpose, resource from audit_entries
      where tenant_id = ${tenant} and fact = ${fact} and at >= ${from}::timestamptz and at < ${to}::timestamptz
        and (details->'people'->'seen' ?| ${names}::text[] or details->'people'->>'named' = any (${names}::text[]))`;
    const month = written(sql<Reading>`
      select at, actor as account, role, purpose, resource as data
      from (${told('run.fetched')} union all ${told('run.answered')}) as told order by at, subject_id`);
    for (const reading of await transaction.rows(month)) readings.push(reading);
  }
  return readings;
};

/** From the first entry of a tenant's trail to its last: where each month begins and ends. */
const monthsOf = async (
  transaction: Transaction,
  tenant: string,
): Promise<readonly (readonly [string, string])[]> => {
  const [{ first, last } = { first: null, last: null }] = await transaction.rows(
    written(sql<{ first: string | null; last: string | null }>`
      select min(at) as first, max(at) as last from audit_entries where tenant_id = ${tenant}`),
  );
  if (!first || !last) return [];
  const months: [string, string][] = [];
  for (let month = Temporal.Instant.from(first).toZonedDateTimeISO('UTC').with({ day: 1 }).startOfDay(); ; ) {
    const next = month.add({ months: 1 });
    months.push([month.toInstant().toString(), next.toInstant().toString()]);
    if (Temporal.Instant.compare(next.toInstant(), Temporal.Instant.from(last)) > 0) return months;
    month = next;
  }
};
