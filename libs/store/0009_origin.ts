import { type Kysely, sql } from 'kysely';

/** From where the call came that an entry follows from: sealed, and opened by whoever reads the trail with the key. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table audit_entries add column origin text`.execute(db);
};
