import { type Kysely, sql } from 'kysely';

/** Commands on access: each is carried out once, and what came of it is its answer however often it comes. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table access_commands (
      tenant_id text not null references tenants,
      id text not null,
      action text not null,
      -- The code it was refused with; null where it was carried out.
      refused text,
      until timestamptz,
      at timestamptz not null default now(),
      primary key (tenant_id, id)
    );

    -- Why somebody reached for a person's data without a relationship. For the privacy officer; only ever added to.
    create table emergencies (
      tenant_id text not null references tenants,
      command text not null,
      provider_id text not null,
      subject_id text not null,
      reason text not null,
      explanation text not null,
      at timestamptz not null default now(),
      until timestamptz not null,
      primary key (tenant_id, command)
    );
  `.execute(db);
};
