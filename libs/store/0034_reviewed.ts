import { type Kysely, sql } from 'kysely';

/** Who reviews what somebody asked for says why, and whom data were passed on to answers with a receipt. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Told to whoever asked, and to nobody who is not of the tenant.
    alter table privacy_requests add column review_basis text check (length(review_basis) between 3 and 200);
    alter table privacy_requests add constraint privacy_requests_basis_is_of_a_review
      check (review_basis is null or reviewed_by is not null);
  `.execute(db);
};
