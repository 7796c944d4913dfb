import { type Kysely, sql } from 'kysely';

/** When a tenant is open. One that never said so always is. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table tenants add column calendar jsonb`.execute(db);
};
