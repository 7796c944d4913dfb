import { type Kysely, sql } from 'kysely';

/** Bookings are listed by when they begin. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index bookings_at on bookings (tenant_id, starts_at, id)`.execute(db);
};
