import { type Kysely, sql } from 'kysely';

/**
 * Who was a client before consent was recorded is taken to have agreed to what was done with their data until then;
 * that it is only taken so, the history says. Row-level security binds the owner too, and here for once does not; the
 * rights, which are written after every migration, bind it again.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table clients no force row level security;
    insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
      select tenant_id, 'migration-' || id, id, 'given', 'health', 'health', 'import', 'migration', 'system' from clients;
  `.execute(db);
};
