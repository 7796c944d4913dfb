import { type Kysely, sql } from 'kysely';

/** Of a booking that has begun it is known whether somebody came. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table bookings drop constraint bookings_status_check;
    alter table bookings add constraint bookings_status_check
      check (status in ('scheduled', 'confirmed', 'cancelled', 'attended', 'no_show'));
  `.execute(db);
};
