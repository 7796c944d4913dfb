import { type Kysely, sql } from 'kysely';

/** Keys of events, and what the events of bookings amount to. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table event_keys (
      tenant_id text not null references tenants,
      id text not null,
      subject_id text not null,
      key bytea,
      made_at timestamptz not null default now(),
      primary key (tenant_id, id),
      constraint event_keys_key_is_sealed
        check (key is null or length(key) >= 49 and substr(key, 1, 1) = '\\x01'::bytea)
    );
    create index event_keys_subject on event_keys (tenant_id, subject_id);
    create index event_keys_age on event_keys (tenant_id, made_at);

    -- That nobody is in two places is decided where events are appended; what would break it here was not decided there.
    create table bookings (
      tenant_id text not null references tenants,
      id text not null,
      subject_id text not null,
      provider_id text not null,
      room_id text,
      service text,
      starts_at timestamptz not null,
      ends_at timestamptz not null,
      status text not null check (status in ('scheduled', 'confirmed', 'cancelled')),
      version int not null,
      changed_at timestamptz not null,
      primary key (tenant_id, id),
      check (starts_at < ends_at),
      constraint bookings_provider_overlap exclude using gist (
        int8range(
          hashtextextended(tenant_id || chr(31) || provider_id, 0) / 2,
          hashtextextended(tenant_id || chr(31) || provider_id, 0) / 2, '[]') with &&,
        tstzrange(starts_at, ends_at) with &&) where (status <> 'cancelled') deferrable initially deferred,
      constraint bookings_room_overlap exclude using gist (
        int8range(
          hashtextextended(tenant_id || chr(31) || room_id, 0) / 2,
          hashtextextended(tenant_id || chr(31) || room_id, 0) / 2, '[]') with &&,
        tstzrange(starts_at, ends_at) with &&) where (status <> 'cancelled' and room_id is not null)
        deferrable initially deferred
    );
    create index bookings_subject on bookings (tenant_id, subject_id, starts_at);
    create index bookings_provider on bookings (tenant_id, provider_id, starts_at);
    create index bookings_age on bookings (tenant_id, ends_at);

    create table projections (
      tenant_id text not null references tenants,
      name text not null,
      sequence bigint not null,
      event_at timestamptz not null,
      taken_at timestamptz not null default clock_timestamp(),
      primary key (tenant_id, name)
    );
  `.execute(db);
};
