import { type Kysely, sql } from 'kysely';

/** Several keys seal grants while one replaces the other; a grant names the one that sealed it. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table sec.grant_key add column kid text;
    update sec.grant_key set kid = 'first';
    alter table sec.grant_key add primary key (kid);

    -- As before, but that the sixth part names the key. It is under the seal, like the others.
    create or replace function sec.shown_grant() returns text[] language plpgsql stable parallel safe
      set search_path = pg_catalog, pg_temp as $$
    declare
      shown text := current_setting('app.grant', true);
      parts text[] := string_to_array(shown, '.');
    begin
      if cardinality(parts) is distinct from 7 then return null; end if;
      perform from sec.grant_key k
        where k.kid = parts[6]
          and sha256(convert_to(parts[7], 'UTF8')) = sha256(convert_to(encode(sha256(k.outer_key
            || sha256(k.inner_key || convert_to(left(shown, -65), 'UTF8'))), 'hex'), 'UTF8'));
      if not found or parts[5]::numeric < extract(epoch from clock_timestamp()) * 1000 then return null; end if;
      return array[parts[1], parts[2], parts[3], convert_from(decode(parts[4], 'hex'), 'UTF8')];
    end $$;
  `.execute(db);
};
