import { type Kysely, sql } from 'kysely';

/** Tenants, accounts, care, audit and retention; and the functions that row-level security stands on. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create schema sec;

    -- The key that seals grants for the database, as the two halves of an HMAC (RFC 2104), so that sha256() suffices.
    create table sec.grant_key (inner_key bytea not null, outer_key bytea not null);

    -- The tenant of this transaction's grant, or null: absent, forged, altered and expired grants all see nothing.
    -- What is decoded was sealed by us, so nothing in it can fail.
    create function sec.granted_tenant() returns text language plpgsql stable security definer set search_path = pg_catalog as $$
    declare
      statement text := current_setting('app.grant', true);
      payload text;
      claims jsonb;
    begin
      if statement is null then return null; end if;
      payload := split_part(statement, '.', 1);
      perform from sec.grant_key k
        where translate(encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(payload, 'UTF8'))), 'base64'), '+/=', '-_')
          = split_part(statement, '.', 2);
      if not found then return null; end if;
      claims := convert_from(decode(rpad(translate(payload, '-_', '+/'), (length(payload) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb;
      if (claims->>'exp')::numeric < extract(epoch from clock_timestamp()) * 1000 then return null; end if;
      return claims->>'tid';
    end $$;

    -- The tenant that a service with a duty of its own speaks for.
    create function sec.claimed_tenant() returns text language sql stable set search_path = pg_catalog as
      $$ select nullif(current_setting('app.tenant', true), '') $$;

    create table tenants (
      id text primary key check (id ~ '^[a-z0-9-]{2,26}$'),
      name text not null,
      pack text not null,
      time_zone text not null,
      locale text not null check (locale in ('en', 'pt-BR')),
      currency text not null
    );

    create table accounts (
      id text primary key,
      tenant_id text not null references tenants,
      alias text not null,
      email text not null unique,
      password_hash text not null,
      role text not null,
      person_id text
    );

    create table care_relationships (
      tenant_id text not null references tenants,
      provider_id text not null,
      subject_id text not null,
      basis text not null check (basis in ('care', 'encounter', 'assigned')),
      valid_from timestamptz not null,
      valid_to timestamptz,
      primary key (tenant_id, provider_id, subject_id)
    );

    create table audit_entries (
      tenant_id text not null,
      subject_id text not null,
      fact text not null,
      sequence bigint not null,
      at timestamptz not null,
      actor text not null,
      role text,
      session text,
      purpose text,
      decision text not null check (decision in ('allowed', 'denied', 'failed', 'done')),
      code text,
      resource text,
      details jsonb not null,
      primary key (tenant_id, subject_id, fact)
    );
    create index audit_entries_at on audit_entries (tenant_id, at);

    create table legal_holds (
      tenant_id text not null references tenants,
      class text not null,
      reason text not null,
      placed_at timestamptz not null default now(),
      released_at timestamptz,
      primary key (tenant_id, class, placed_at)
    );

    create table retention_runs (
      tenant_id text not null references tenants,
      tick text not null,
      started_at timestamptz not null,
      finished_at timestamptz,
      report jsonb not null,
      primary key (tenant_id, tick)
    );
  `.execute(db);
};
