import { type Kysely, sql } from 'kysely';

/**
 * What the catalogue says of roles, rights, policies and functions, as text; what it said when the last migration
 * ended; and the difference. Every service asks for it before it works.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create function sec.state() returns table (object text, state text) language sql stable
      set search_path = pg_catalog, pg_temp as $$
      with roles as (
        select r.*, (rolname = 'jangada_owner') as is_owner from pg_roles r
        where rolname ~ '^(svc_.*|app_(tenant|related|own)(_.*)?|purpose_.*|jangada_owner|jangada_sec)$'
      ), relations as (
        select c.* from pg_class c
        where c.relnamespace in ('public'::regnamespace, 'sec'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
      ), rights as (
        select c.oid, a.grantee, a.privilege_type, '' as on_column from relations c, aclexplode(c.relacl) a
        union all
        select c.oid, a.grantee, a.privilege_type, format(' (%s)', t.attname)
        from relations c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
      )
      select 'role ' || r.rolname, concat_ws(', ',
        case when r.rolcanlogin then 'login' end, case when r.rolsuper then 'superuser' end,
        case when r.rolbypassrls then 'bypasses row-level security' end, case when r.rolinherit then 'inherits' end,
        case when r.rolcreaterole or r.rolcreatedb or r.rolreplication then 'creates' end,
        (select 'in ' || string_agg(g.rolname, ' ' order by g.rolname)
          from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid),
        (select 'held by ' || string_agg(g.rolname, ' ' order by g.rolname)
          from pg_auth_members m join pg_roles g on g.oid = m.member
          -- The administrator who made a role may give it to others and does not have it.
          where m.roleid = r.oid and not r.is_owner and not m.admin_option))
      from roles r
      union all
      select 'table ' || c.oid::regclass, concat_ws(', ', 'of ' || c.relowner::regrole,
        case when c.relrowsecurity then 'row-level security' end, case when c.relforcerowsecurity then 'forced' end,
        array_to_string(c.reloptions, ' '))
      from relations c
      union all
      select 'rights on ' || r.oid::regclass, string_agg(format('%s: %s%s', case r.grantee when 0 then 'public' else r.grantee::regrole::text end,
        lower(r.privilege_type), r.on_column), ', ' order by r.grantee::regrole::text, r.privilege_type, r.on_column)
      from rights r group by r.oid
      union all
      select format('policy %s on %s', p.polname, p.polrelid::regclass), concat_ws(', ',
        case when p.polpermissive then 'permissive' else 'restrictive' end, p.polcmd,
        (select string_agg(case x when 0 then 'public' else x::regrole::text end, ' ' order by x::regrole::text) from unnest(p.polroles) x),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      from pg_policy p
      union all
      select 'function ' || f.oid::regprocedure, concat_ws(', ', 'of ' || f.proowner::regrole, md5(pg_get_functiondef(f.oid)),
        (select 'called by ' || string_agg(case a.grantee when 0 then 'public' else a.grantee::regrole::text end, ' ' order by a.grantee::regrole::text)
          from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a))
      from pg_proc f
      where f.pronamespace in ('public'::regnamespace, 'sec'::regnamespace) and f.prokind in ('f', 'p')
        and not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e')
      union all
      select 'rights on schema ' || n.nspname, string_agg(format('%s: %s', case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
        lower(a.privilege_type)), ', ' order by a.grantee::regrole::text, a.privilege_type)
      from pg_namespace n, aclexplode(n.nspacl) a where n.nspname in ('public', 'sec') group by n.nspname
    $$;

    create table sec.expected (object text primary key, state text not null);

    -- Nothing when all is as the last migration left it, and as it must be whoever left it so.
    create function sec.drift() returns table (object text, expected text, found text) language sql stable security definer
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
