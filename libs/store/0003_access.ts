import { type Kysely, sql } from 'kysely';

/** Consent with its history, and care relationships that may begin, end and begin again. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- What a person agreed to and took back; only ever added to. level is what was given or withdrawn, holds the
    -- level that holds from then on, null where none does. number counts a tenant's entries without a gap.
    create table consents (
      tenant_id text not null references tenants,
      id text not null,
      number bigint not null,
      subject_id text not null,
      action text not null check (action in ('given', 'withdrawn')),
      level text not null,
      holds text,
      basis text not null check (basis in ('person', 'guardian', 'document', 'import', 'demo')),
      channel text not null,
      recorded_by text not null,
      recorded_at timestamptz not null default clock_timestamp(),
      primary key (tenant_id, id),
      unique (tenant_id, number)
    );
    create index consents_subject on consents (tenant_id, subject_id, number);

    -- The level that holds now: the last entry's, kept by PostgreSQL itself and set by nobody.
    create table consent_levels (
      tenant_id text not null references tenants,
      subject_id text not null,
      level text,
      number bigint not null,
      primary key (tenant_id, subject_id)
    );

    -- One entry of a tenant at a time, so that whoever has seen a number has seen all before it: caches rely on that.
    create function sec.number_consent() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
    begin
      perform pg_advisory_xact_lock(hashtextextended('consents ' || new.tenant_id, 0));
      new.number := coalesce((select max(c.number) from consents c where c.tenant_id = new.tenant_id), 0) + 1;
      return new;
    end $$;
    create trigger number_consent before insert on consents for each row execute function sec.number_consent();

    create function sec.keep_consent_level() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
    begin
      insert into consent_levels values (new.tenant_id, new.subject_id, new.holds, new.number)
      on conflict (tenant_id, subject_id) do update set level = excluded.level, number = excluded.number;
      return null;
    end $$;
    create trigger keep_consent_level after insert on consents for each row execute function sec.keep_consent_level();

    -- A relationship may come back after it has ended, and an emergency may stand beside one. Two of a kind do not
    -- overlap. The pair is compared by its hash because GiST knows ranges of numbers without an extension.
    alter table care_relationships
      add column opened_by text not null default 'import',
      add column command text,
      drop constraint care_relationships_pkey,
      drop constraint care_relationships_basis_check,
      add primary key (tenant_id, provider_id, subject_id, basis, valid_from),
      add check (basis in ('care', 'encounter', 'assigned', 'break_glass')),
      add check (valid_to >= valid_from),
      add unique (tenant_id, command),
      add constraint care_relationships_overlap exclude using gist (
        int8range(
          hashtextextended(tenant_id || chr(31) || provider_id || chr(31) || subject_id || chr(31) || (basis = 'break_glass')::text, 0) / 2,
          hashtextextended(tenant_id || chr(31) || provider_id || chr(31) || subject_id || chr(31) || (basis = 'break_glass')::text, 0) / 2,
          '[]') with &&,
        tstzrange(valid_from, valid_to) with &&);
  `.execute(db);
};
