import { type Kysely, sql } from 'kysely';

/**
 * Partitions come and go while services run, so they are no part of the state that a migration leaves. What is asked of
 * them instead is that they are reached by their parent alone.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create or replace function sec.drift() returns table (object text, expected text, found text) language sql stable security definer
      set search_path = pg_catalog, pg_temp as $$
      select object, e.state, s.state from sec.expected e full join sec.state() s using (object)
      where e.state is distinct from s.state
      union all
      select 'table ' || c.oid::regclass, 'row-level security, forced, and a policy', 'holds the rows of tenants without'
      from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
        and not (c.relrowsecurity and c.relforcerowsecurity and exists (select from pg_policy p where p.polrelid = c.oid))
      union all
      select 'schema months', 'for its owner alone', 'open to others'
      from pg_namespace n
      where n.nspname = 'months' and exists (select from aclexplode(n.nspacl) a where a.grantee <> n.nspowner)
      union all
      -- The policies of its parent are not asked where a partition is read by itself.
      select 'table ' || c.oid::regclass, 'reached by its parent alone', 'can be reached by itself'
      from pg_class c join pg_inherits i on i.inhrelid = c.oid join pg_class parent on parent.oid = i.inhparent
      where c.relispartition and c.relkind = 'r' and parent.relnamespace = 'public'::regnamespace
        and (not c.relrowsecurity or not c.relforcerowsecurity or c.relowner <> parent.relowner
          or exists (select from pg_policy p where p.polrelid = c.oid)
          or exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner)
          or exists (select from pg_attribute a where a.attrelid = c.oid and a.attacl is not null))
      union all
      select 'role ' || r.rolname, 'bound by row-level security', 'is not'
      from pg_roles r where r.rolname = session_user and (r.rolsuper or r.rolbypassrls)
      union all
      -- Older ones show values that policies hide, in the statistics of the planner (CVE-2025-8713).
      select 'PostgreSQL', '15.14, 16.10, 17.6, 18 or later', current_setting('server_version')
      from (select current_setting('server_version_num')::int as is) v
      where not (v.is >= 180000 or v.is between 170006 and 179999 or v.is between 160010 and 169999 or v.is between 150014 and 159999)
    $$;
  `.execute(db);
};
