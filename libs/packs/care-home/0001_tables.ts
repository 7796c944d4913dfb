import { type Kysely, sql } from 'kysely';

/** The home's tables. Row-level security and rights are added from the contracts, see deploy/generated/roles.sql. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Folded for search: lower case, no accents. Written by whoever writes the name.
    create table residents (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      room text,
      phone bytea,
      phone_index bytea,
      status text not null default 'active' check (status in ('active', 'left')),
      created_at timestamptz not null default now(),
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id)
    );
    create index residents_full_text_search on residents using gin (full_text_search);
    create index residents_name on residents (tenant_id, name_search);
    create index residents_phone_index on residents (tenant_id, phone_index);

    -- Who looks after residents: staff, and members of their families.
    create table carers (
      tenant_id text not null references tenants,
      id text not null,
      name text not null,
      name_search text not null,
      kind text not null check (kind in ('nurse', 'carer', 'family')),
      full_text_search tsvector generated always as (to_tsvector('simple', name_search)) stored,
      primary key (tenant_id, id)
    );
    create index carers_full_text_search on carers using gin (full_text_search);

    create table care_events (
      tenant_id text not null references tenants,
      id text not null,
      resident_id text not null,
      carer_id text,
      kind text not null check (kind in ('meal', 'hygiene', 'mobility', 'observation', 'fall')),
      note bytea,
      occurred_at timestamptz not null,
      primary key (tenant_id, id)
    );
    create index care_events_resident on care_events (tenant_id, resident_id, occurred_at);
    create index care_events_time on care_events (tenant_id, occurred_at);

    -- One dose that is or was to be given.
    create table medications (
      tenant_id text not null references tenants,
      id text not null,
      resident_id text not null,
      carer_id text,
      medication bytea,
      dose bytea,
      status text not null check (status in ('due', 'given', 'refused', 'missed')),
      due_at timestamptz not null,
      primary key (tenant_id, id)
    );
    create index medications_resident on medications (tenant_id, resident_id, due_at);
    create index medications_time on medications (tenant_id, due_at);

    create table resident_appointments (
      tenant_id text not null references tenants,
      id text not null,
      resident_id text not null,
      carer_id text,
      kind text not null,
      status text not null check (status in ('scheduled', 'done', 'cancelled')),
      start_time timestamptz not null,
      primary key (tenant_id, id)
    );
    create index resident_appointments_resident on resident_appointments (tenant_id, resident_id, start_time);
    create index resident_appointments_time on resident_appointments (tenant_id, start_time);

    -- What families and residents ask of the home.
    create table care_inquiries (
      tenant_id text not null references tenants,
      id text not null,
      resident_id text not null,
      message bytea,
      status text not null check (status in ('open', 'answered')),
      opened_at timestamptz not null,
      primary key (tenant_id, id)
    );
    create index care_inquiries_resident on care_inquiries (tenant_id, resident_id, opened_at);

    -- What anybody may know of the home. Never anything about a person.
    create table facility_articles (
      tenant_id text not null references tenants,
      id text not null,
      topic text not null,
      language text not null check (language in ('pt-BR', 'en')),
      title text not null,
      body text not null,
      primary key (tenant_id, id)
    );
    create index facility_articles_topic on facility_articles (tenant_id, topic, language);
  `.execute(db);
  for (const [table, column] of sealed) {
    await sql`
      alter table ${sql.table(table)} add constraint ${sql.ref(`${table}_${column}_is_sealed`)}
        check (${sql.ref(column)} is null or length(${sql.ref(column)}) >= 49 and substr(${sql.ref(column)}, 1, 1) = '\\x01'::bytea)`.execute(
      db,
    );
  }
};

const sealed = [
  ['residents', 'phone'],
  ['care_events', 'note'],
  ['medications', 'medication'],
  ['medications', 'dose'],
  ['care_inquiries', 'message'],
] as const;
