import { type Kysely, sql } from 'kysely';

/** What people said of their answers: one judgement for each run, the last that was given. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table feedback (
      tenant_id text not null references tenants,
      -- The run that it is about.
      id text not null,
      -- Who gave it: a person of the tenant's records, or else the account. The comment is sealed for them.
      subject_id text not null,
      rating smallint not null check (rating between 1 and 5),
      comment bytea,
      at timestamptz not null,
      primary key (tenant_id, id),
      constraint feedback_comment_is_sealed
        check (comment is null or length(comment) >= 49 and substr(comment, 1, 1) = '\\x01'::bytea)
    );
    create index feedback_at on feedback (tenant_id, at);
  `.execute(db);
};
