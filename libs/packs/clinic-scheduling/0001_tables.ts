import { type Kysely, sql } from 'kysely';

/** Whom appointments are for, who gives them, and what they may be; the appointments themselves are the core's bookings. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Folded for search: lower case, no accents. Written by whoever writes the name.
    create table patients (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      phone bytea,
      phone_index bytea,
      created_at timestamptz not null default now(),
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id),
      constraint patients_phone_is_sealed
        check (phone is null or length(phone) >= 49 and substr(phone, 1, 1) = '\\x01'::bytea)
    );
    create index patients_full_text_search on patients using gin (full_text_search);
    create index patients_name on patients (tenant_id, name_search);
    create index patients_phone_index on patients (tenant_id, phone_index);

    create table practitioners (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      speciality text,
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id)
    );
    create index practitioners_full_text_search on practitioners using gin (full_text_search);

    create table visit_types (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      duration_minutes int not null,
      primary key (tenant_id, id)
    );
  `.execute(db);
};
