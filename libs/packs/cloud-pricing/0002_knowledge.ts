import { type Kysely, sql } from 'kysely';

/** What is worth knowing of ways to buy computing, by provider; `general` is about all of them. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table cloud_articles (
      tenant_id text not null references tenants,
      id text not null,
      provider text not null,
      language text not null check (language in ('pt-BR', 'en')),
      title text not null,
      body text not null,
      primary key (tenant_id, id)
    );
    create index cloud_articles_provider on cloud_articles (tenant_id, provider, language);
  `.execute(db);
};
