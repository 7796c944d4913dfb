import { type Kysely, sql } from 'kysely';

/** Questions that wait for an answer of whoever asked them. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table interrupts (
      tenant_id text not null references tenants,
      -- The run that was interrupted.
      id text not null,
      session text not null,
      account_id text not null,
      action text not null check (action in ('break_glass')),
      -- Whom it is about; null where that is not exactly one person.
      subject_id text,
      -- As the question named it; null where it named none.
      purpose text,
      -- What was asked, sealed for its place; see libs/runtime/held.ts.
      asked bytea not null,
      at timestamptz not null default now(),
      expires_at timestamptz not null,
      -- The run that answered it, which decides once.
      answered_by text,
      primary key (tenant_id, id),
      unique (tenant_id, answered_by)
    );
  `.execute(db);
};
