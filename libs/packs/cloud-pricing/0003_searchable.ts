import { type Kysely, sql } from 'kysely';

/** Whether questions are answered from an article, as of a home's. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table cloud_articles add ai_searchable boolean not null default true;
    create index cloud_articles_ai_search on cloud_articles (tenant_id, language, ai_searchable, id);
  `.execute(db);
};
