import { type Kysely, sql } from 'kysely';

/**
 * Keys of sealed fields, each wrapped by the one above it: root, tenant, subject. Ids are random and say nothing of a
 * key. A retired or destroyed version keeps its row, without the key.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table tenant_keys (
      tenant_id text not null references tenants,
      -- What it is for: 'tenant' wraps subject keys, 'index' makes blind indexes.
      kind text not null check (kind in ('tenant', 'index')),
      version smallint not null check (version > 0),
      id text not null unique,
      wrapped bytea,
      -- The version of the root that wrapped it.
      root text not null,
      created_at timestamptz not null default now(),
      retired_at timestamptz,
      primary key (tenant_id, kind, version),
      check ((wrapped is null) = (retired_at is not null))
    );

    create table subject_keys (
      tenant_id text not null references tenants,
      subject_id text not null,
      class text not null check (class in ('clinical', 'discretionary')),
      version smallint not null check (version > 0),
      id text not null unique,
      wrapped bytea,
      -- The version of the tenant's key that wrapped it.
      tenant_key_version smallint not null,
      state text not null default 'active' check (state in ('active', 'frozen', 'destroyed')),
      created_at timestamptz not null default now(),
      retired_at timestamptz,
      primary key (tenant_id, subject_id, class, version),
      check ((wrapped is null) = (state = 'destroyed' or retired_at is not null))
    );
    create index subject_keys_wrapped_by on subject_keys (tenant_id, tenant_key_version) where wrapped is not null;
  `.execute(db);
};
