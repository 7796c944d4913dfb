import { type Kysely, sql } from 'kysely';

/** The clinic's tables. Row-level security and rights are added from the contracts, see deploy/generated/roles.sql. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Folded for search: lower case, no accents. Written by whoever writes the name.
    create table clients (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      email text,
      phone text,
      birth_date date,
      status text not null default 'active' check (status in ('active', 'inactive')),
      created_at timestamptz not null default now(),
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id)
    );
    create index clients_full_text_search on clients using gin (full_text_search);
    create index clients_active_status on clients (tenant_id, name_search) where status = 'active';

    create table providers (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      speciality text,
      unit text,
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id)
    );
    create index providers_full_text_search on providers using gin (full_text_search);

    create table units (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      city text,
      phone text,
      primary key (tenant_id, id)
    );

    create table services (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      duration_minutes int not null,
      price numeric(12, 2) not null,
      primary key (tenant_id, id)
    );

    create table cosmetic_products (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      category text not null,
      primary key (tenant_id, id)
    );

    create table appointments (
      tenant_id text not null references tenants,
      id text not null,
      client_id text not null,
      provider_id text not null,
      service text not null,
      start_time timestamptz not null,
      duration_minutes int not null,
      status text not null check (status in ('scheduled', 'confirmed', 'completed', 'cancelled', 'no_show')),
      primary key (tenant_id, id)
    );
    create index appointments_date_range on appointments (tenant_id, start_time);
    create index appointments_provider_index on appointments (tenant_id, provider_id, start_time);
    create index appointments_client_index on appointments (tenant_id, client_id, start_time);

    -- One line of an account: a charge, a payment, or a transfer between payers.
    create table billing (
      tenant_id text not null references tenants,
      id text not null,
      client_id text not null,
      provider_id text,
      appointment_id text,
      kind text not null check (kind in ('charge', 'payment', 'transfer')),
      status text not null check (status in ('open', 'paid', 'settled')),
      service text,
      amount numeric(14, 2) not null,
      issued_at timestamptz not null,
      primary key (tenant_id, id)
    );
    create index billing_period on billing (tenant_id, issued_at);
    create index billing_client on billing (tenant_id, client_id, issued_at);

    create table aesthetic_records (
      tenant_id text not null references tenants,
      id text not null,
      client_id text not null,
      provider_id text,
      appointment_id text,
      kind text not null,
      code text,
      description text not null,
      recorded_at timestamptz not null,
      ended_at timestamptz,
      primary key (tenant_id, id)
    );
    create index aesthetic_records_client on aesthetic_records (tenant_id, client_id, recorded_at);
  `.execute(db);
};
