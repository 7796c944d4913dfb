import { type Kysely, sql } from 'kysely';

/** Who is in the care of the person who reads and has agreed to what is read, for row-level security. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    -- As granted_care, but of those only who gave one of these levels of consent.
    create function sec.granted_consenting(levels text[]) returns text[] language plpgsql stable parallel safe security definer
      set search_path = pg_catalog, pg_temp as $$
    declare
      said record := sec.granted_to();
    begin
      return array(
        select c.subject_id from public.consent_levels c
        where c.tenant_id = said.tenant and c.level = any (levels) and c.subject_id = any (array(
          select r.subject_id from public.care_relationships r
          where r.tenant_id = said.tenant and r.provider_id = said.person
            and r.valid_from <= now() and (r.valid_to is null or r.valid_to > now()))));
    end $$;
  `.execute(db);
};
