import { type Kysely, sql } from 'kysely';

/** For whom an article is: anybody, or only those who have signed in to the home. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table facility_articles
      add audience text not null default 'public' check (audience in ('public', 'tenant'));
  `.execute(db);
};
