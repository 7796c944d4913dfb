import { type Kysely, sql } from 'kysely';

/** Whether questions are answered from an article: one that is being written, or is out of date, stays without being told. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table facility_articles add ai_searchable boolean not null default true;
    create index facility_articles_ai_search on facility_articles (tenant_id, language, ai_searchable, id);
  `.execute(db);
};
