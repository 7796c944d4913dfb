import { type Store, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import type { Entry } from './handler.ts';

/**
 * Appends entries in one statement, whatever their number, so that it is prepared once. An entry that is there
 * already, because its fact was delivered again, stays as it was.
 */
export const append = async (store: Store, entries: readonly Entry[]): Promise<void> => {
  const column = <K extends keyof Entry>(name: K) => entries.map((entry) => entry[name]);
  const statement = sql`
    insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, role, session, purpose, decision, code, resource, details, origin)
    select * from unnest(
      ${column('tenant')}::text[], ${column('subject')}::text[], ${column('fact')}::text[], ${column('sequence')}::bigint[],
      ${column('at')}::timestamptz[], ${column('actor')}::text[], ${column('role')}::text[], ${column('session')}::text[],
      ${column('purpose')}::text[], ${column('decision')}::text[], ${column('code')}::text[], ${column('resource')}::text[],
      ${entries.map((entry) => JSON.stringify(entry.details))}::jsonb[], ${column('origin')}::text[])
    on conflict do nothing`;
  await store.rows(written(statement));
};
