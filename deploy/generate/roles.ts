import type { Contract } from '@jangada/hop/hop.ts';
import { packs, packTables } from '@jangada/packs/registry.ts';
import { readables } from '@jangada/packs/rights.ts';
import { factorOf } from '@jangada/vault/core.ts';

/** The role that owns every table. Nobody logs in as it. */
export const owner = 'jangada_owner';
/**
 * The role that owns what verifies grants, and nothing else. Nobody logs in as it; its functions run as it, so whoever
 * finds a hole in one of them is still where no row of a tenant is.
 */
const guard = 'jangada_sec';
/** The role of `jangada import`. */
export const importer = 'svc_import';

/** The database role of a service. */
export const roleOf = (name: string): string => `svc_${name.replaceAll('-', '_')}`;

/** True when a service has anything to do with PostgreSQL. */
export const usesDatabase = (contract: Contract): boolean => commandsOf(contract).length > 0;

const tablesOfPacks = packTables();

/** Tables that a service reads, those of the packs included. */
export const readsOf = (contract: Contract): readonly string[] => [
  ...new Set([
    ...contract.reads,
    ...contract.packTables.flatMap((use) => tablesOfPacks[use]),
    ...(contract.kind === 'border' ? Object.keys({ ...contract.writes, ...contract.shows }) : []),
    ...(contract.kind === 'sink' ? Object.keys(contract.finds) : []),
  ]),
];

type Command = 'select' | 'insert' | 'update' | 'delete';

const commandsOf = (contract: Contract): readonly (readonly [table: string, command: Command])[] => [
  ...readsOf(contract).map((table) => [table, 'select'] as const),
  ...(contract.packTables.includes('aged')
    ? tablesOfPacks.aged
        .filter((table) => !tablesOfPacks.thinned.includes(table))
        .map((table) => [table, 'delete'] as const)
    : []),
  ...(contract.packTables.includes('thinned')
    ? tablesOfPacks.thinned.map((table) => [table, 'update'] as const)
    : []),
  ...(contract.packTables.includes('held')
    ? tablesOfPacks.held.flatMap((table) => [[table, 'update'] as const, [table, 'delete'] as const])
    : []),
  ...Object.entries(contract.writes).flatMap(([table, commands]) =>
    commands.map((command) => [table, command] as const),
  ),
];

interface Right {
  readonly role: string;
  readonly table: string;
  readonly command: Command;
  /** Absent: all of them. */
  readonly columns?: readonly string[];
  /** Which rows, as an SQL condition. */
  readonly rows: string;
  /** Set where the condition takes rows away from what others open, and opens none. */
  readonly isRestrictive?: true;
}

/** What a role holds. Each login role is a service's; the others are taken by who shows a grant. */
interface Role {
  readonly name: string;
  readonly login: boolean;
  /** Functions that it may call, with their schema. */
  readonly calls: readonly string[];
  readonly rights: readonly Right[];
  /** Roles whose rights it has, or may take where it logs in. */
  readonly memberOf: readonly string[];
}

const tenantColumn = (table: string): string => (table === 'tenants' ? 'id' : 'tenant_id');
const claimed = (table: string): string => `${tenantColumn(table)} = (select sec.claimed_tenant())`;
const granted = (table: string): string => `${tenantColumn(table)} = (select (sec.granted_to()).tenant)`;

/** The chains of the trail, in which the entries of all tenants stand as hashes: rows of nobody, and so without a policy. */
const ofNobody: readonly string[] = ['audit_heads', 'audit_batches', 'audit_checkpoints'];

/** Which rows of a table a service may touch. */
const rowsFor = (contract: Contract, table: string, command: Command): string => {
  if (ofNobody.includes(table)) return '';
  // Who stands at the door opens second factors, and nothing that is of a person.
  if (contract.kind === 'border' && table === 'subject_keys')
    return `${claimed(table)} and subject_id like '${factorOf('%')}'`;
  // At log-in nobody is known yet, and the border is who finds out; what follows from it is a tenant's.
  if (contract.kind === 'border')
    return table in contract.writes || table in contract.shows ? claimed(table) : 'true';
  // One batch of a sink holds what was heard of many tenants; each row was verified before it came here.
  if (command === 'insert' && hearsFacts(contract)) return 'true';
  // Who chains entries finds which stand already, in a batch of many tenants.
  if (contract.kind === 'sink' && contract.seals && table in contract.finds) return 'true';
  // Who is woken by the clock alone begins with the list of tenants.
  if (table === 'tenants' && wakes(contract)) return 'true';
  return claimed(table);
};

const needsGrant = (contract: Contract): boolean =>
  contract.kind === 'hop' && contract.demands.includes('grant');
const hearsFacts = (contract: Contract): boolean =>
  contract.kind === 'sink' && contract.on.some(({ kind }) => kind === 'fact');
const wakes = (contract: Contract): boolean =>
  contract.kind === 'sink' && contract.on.every(({ kind }) => kind === 'tick');

/** Histories and keys: whoever brings data in adds to them and changes none. */
const addedTo: readonly string[] = ['consents', 'tenant_keys', 'subject_keys'];

/** Who looks people up by name or id reads what finds them, and not what they are called. */
const finding = ['id', 'full_text_search'];

const columnsFor = (contract: Contract, table: string, command: Command): Pick<Right, 'columns'> => {
  if (command !== 'select') return {};
  const shown = contract.kind === 'border' ? contract.shows[table] : undefined;
  if (shown) return { columns: shown };
  const found = contract.kind === 'sink' ? contract.finds[table] : undefined;
  if (found) return { columns: found };
  return onlyFinds(contract, table) ? { columns: finding } : {};
};

const onlyFinds = (contract: Contract, table: string): boolean =>
  !contract.reads.includes(table) &&
  tablesOfPacks.subjects.includes(table) &&
  contract.packTables.every((use) => use === 'subjects' || !tablesOfPacks[use].includes(table));

const claiming = (contract: Contract): Role => ({
  name: roleOf(contract.name),
  login: true,
  calls: ['sec.claimed_tenant()', ...(contract.kind === 'sink' ? contract.calls : [])],
  memberOf: [],
  rights: commandsOf(contract).map(([table, command]) => ({
    role: roleOf(contract.name),
    table,
    command,
    ...columnsFor(contract, table, command),
    rows: rowsFor(contract, table, command),
  })),
});

const reaches = ['tenant', 'related', 'own'] as const;

const reachRole = (reach: string): string => `app_${reach}`;
const purposeRole = (purpose: string): string => `purpose_${purpose}`;

/** The column that says whom a row of the core's tables is about. */
const aboutWhom: Readonly<Record<string, string>> = {
  consent_levels: 'subject_id',
  subject_keys: 'subject_id',
};

interface About {
  readonly table: string;
  readonly subject: string | undefined;
  readonly consent?: readonly string[] | undefined;
}

/**
 * Which rows a reach shows. Neither OR nor join: both would read the whole tenant. Who agrees is
 * looked up once for a statement, as who is in care is; about oneself nobody is asked.
 */
const within = (reach: (typeof reaches)[number], { table, subject, consent }: About): string => {
  if (!subject) return granted(table);
  const levels = consent && `'{${consent.join()}}'::text[]`;
  if (reach === 'tenant') {
    const agrees = `${subject} in (select c.subject_id from consent_levels c where c.level = any (${levels}))`;
    return levels ? `${granted(table)} and ${agrees}` : granted(table);
  }
  // A pair, so that the grant is verified once for both.
  if (reach === 'own')
    return `(${tenantColumn(table)}, ${subject}) = (select g.tenant, g.person from sec.granted_to() g)`;
  // What people have is found by an index. People themselves are joined one by one, and looked up in a hash table:
  // an array would be sorted anew for each of them.
  const people = levels ? `sec.granted_consenting(${levels})` : 'sec.granted_care()';
  const inCare =
    subject === 'id' || subject === 'subject_id'
      ? `in (select unnest(${people}))`
      : `= any ((select ${people})::text[])`;
  return `${granted(table)} and ${subject} ${inCare}`;
};

/**
 * Who shows a grant takes the role of its reach and its purpose. Rows follow from the reach, columns from the
 * purpose: a role for each, and one without rights of its own for each pair.
 */
const granting = (contract: Contract): readonly Role[] => {
  const tables = readables(packs);
  const purposes = [...new Set(tables.flatMap(({ columns }) => [...columns.keys()]))].sort();
  const pairs = reaches.flatMap((reach) => purposes.map((purpose) => [reach, purpose] as const));
  const pairRole = ([reach, purpose]: (typeof pairs)[number]): string => `${reachRole(reach)}_${purpose}`;
  return [
    ...reaches.map(
      (reach): Role => ({
        name: reachRole(reach),
        login: false,
        calls: [
          'sec.granted_to()',
          ...(reach === 'related' ? ['sec.granted_care()', 'sec.granted_consenting(text[])'] : []),
        ],
        memberOf: [],
        rights: [
          ...contract.reads.map((table) => ({
            table,
            rows: within(reach, { table, subject: aboutWhom[table] }),
          })),
          // What is somebody's own is read as that and not otherwise, however far a role reaches.
          ...tables
            .filter(({ isOwn }) => reach === 'own' || !isOwn)
            .map((readable) => ({
              table: readable.table,
              columns: [],
              rows: within(reach, readable),
            })),
        ].map((right) => ({ ...right, role: reachRole(reach), command: 'select' })),
      }),
    ),
    ...purposes.map(
      (purpose): Role => ({
        name: purposeRole(purpose),
        login: false,
        calls: [],
        memberOf: [],
        rights: tables.flatMap(({ table, columns, audience }) => {
          const own = columns.get(purpose);
          const values = audience?.purposes[purpose];
          const rows = audience && values ? `${audience.column} = any ('{${values.join()}}'::text[])` : '';
          const right = { role: purposeRole(purpose), table, command: 'select', rows } as const;
          return own ? [{ ...right, columns: own, ...(rows ? { isRestrictive: true as const } : {}) }] : [];
        }),
      }),
    ),
    ...pairs.map(
      (pair): Role => ({
        name: pairRole(pair),
        login: false,
        calls: [],
        memberOf: [reachRole(pair[0]), purposeRole(pair[1])],
        rights: [],
      }),
    ),
    {
      name: roleOf(contract.name),
      login: true,
      calls: [],
      memberOf: pairs.map(pairRole),
      rights: [],
    },
  ];
};

/** What imports write: the tenants, who cares for whom, and all that the packs keep. */
const importing = (tablesOfPacks: readonly string[]): Role => ({
  name: importer,
  login: true,
  calls: ['sec.claimed_tenant()'],
  memberOf: [],
  rights: [
    ...[
      ...new Set(['tenants', 'care_relationships', 'consent_levels', ...addedTo, ...tablesOfPacks]),
    ].flatMap((table) =>
      (['select', 'insert', ...(addedTo.includes(table) ? [] : ['update' as const])] as const).map(
        (command) => ({ role: importer, table, command, rows: claimed(table) }),
      ),
    ),
    // What texts are found by is made anew where they change.
    ...['knowledge_indexes', 'knowledge_vectors'].flatMap((table) =>
      (['select', 'insert', 'update', 'delete'] as const).map((command) => ({
        ...{ role: importer, table, command, rows: claimed(table) },
      })),
    ),
  ],
});

/** Finds who is in somebody's care and agrees, and counts sessions; it must see what the person who asks must not. */
const guarding: Role = {
  name: guard,
  login: false,
  calls: [],
  memberOf: [],
  rights: [
    {
      role: guard,
      table: 'care_relationships',
      command: 'select',
      columns: ['tenant_id', 'provider_id', 'subject_id', 'valid_from', 'valid_to'],
      rows: 'true',
    },
    {
      role: guard,
      table: 'consent_levels',
      command: 'select',
      columns: ['tenant_id', 'subject_id', 'level'],
      rows: 'true',
    },
    {
      role: guard,
      table: 'ai_agent_sessions',
      command: 'select',
      columns: ['session_type', 'is_active', 'expires_at'],
      rows: 'true',
    },
  ],
};

const policy = ({ role, table, command, rows, isRestrictive }: Right): string => {
  const condition = {
    select: `using (${rows})`,
    delete: `using (${rows})`,
    insert: `with check (${rows})`,
    update: `using (${rows}) with check (${rows})`,
  };
  const kind = isRestrictive ? ' as restrictive' : '';
  return `create policy ${role}_${command} on ${table}${kind} for ${command} to ${role} ${condition[command]};`;
};

const roleBlock = ({ name, login, calls, rights, memberOf }: Role): string => {
  const tables = [...new Set(rights.map(({ table }) => table))];
  const grants = tables.flatMap((table) => {
    const commands = rights
      .filter((right) => right.table === table && right.columns?.length !== 0)
      .map(({ command, columns }) => (columns ? `${command} (${columns.join(', ')})` : command));
    return commands.length > 0 ? [`grant ${commands.join(', ')} on ${table} to ${name};`] : [];
  });
  return [
    `-- ${name}`,
    ...(login || calls.length + rights.length > 0 ? [`grant usage on schema public, sec to ${name};`] : []),
    ...(calls.length > 0 ? [`grant execute on function ${calls.join(', ')} to ${name};`] : []),
    ...grants,
    ...rights.filter(({ rows }) => rows !== '').map(policy),
    ...(memberOf.length > 0 ? [`grant ${memberOf.join(', ')} to ${name};`] : []),
  ].join('\n');
};

/**
 * Roles, their rights and row-level security, in one transaction that can be run any number of times.
 * @param imported tables that the packs' migrations make
 */
export const rolesSql = (contracts: readonly Contract[], imported: readonly string[]): string => {
  const users = contracts.filter(usesDatabase);
  const roles: readonly Role[] = [
    guarding,
    ...users.flatMap((contract) => (needsGrant(contract) ? granting(contract) : [claiming(contract)])),
    importing(imported),
  ];
  const list = (some: readonly Role[]): string => some.map(({ name }) => `'${name}'`).join(', ');
  const logins = roles.filter(({ login }) => login);
  return `-- Generated by \`npm run generate\` from the contracts of the services. deploy/migrate.ts runs it after the migrations.
-- Nobody has a right that is not written here, and no row without a policy that names them.

select pg_advisory_xact_lock(hashtext('jangada roles'));

-- Login roles have what they are given and take another role only by asking; the others pass on what they hold.
do $$
declare
  name text;
  logins text[] := array[${list(logins)}];
begin
  foreach name in array logins || array[${list(roles.filter(({ login }) => !login))}] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I', name);
    end if;
    execute format('alter role %I %s', name, case when name = any (logins) then 'login noinherit' else 'nologin inherit' end);
    -- Only who has these powers may take them away, so it is tried only where somebody gave them.
    if exists (select from pg_roles where rolname = name
        and (rolsuper or rolbypassrls or rolreplication or rolcreaterole or rolcreatedb)) then
      execute format('alter role %I nosuperuser nobypassrls noreplication nocreaterole nocreatedb', name);
    end if;
  end loop;
end $$;

-- What was granted before and is not granted below is gone, for every role.
do $$
declare
  item record;
  ours text := '^(svc_.*|app_(tenant|related|own)(_.*)?|purpose_.*)$';
begin
  for item in select schemaname, tablename, policyname from pg_policies where schemaname = 'public' loop
    execute format('drop policy %I on %I.%I', item.policyname, item.schemaname, item.tablename);
  end loop;
  -- Policies of an earlier version asked these.
  drop function if exists sec.granted_tenant(), sec.granted_person(), sec.granted(), sec.granted_role(), sec.shown_grant(), sec.show_grant(text);
  for item in select rolname from pg_roles where rolname ~ ours loop
    execute format('revoke all on all tables in schema public, sec from %I', item.rolname);
    execute format('revoke all on all sequences in schema public, sec from %I', item.rolname);
    execute format('revoke all on all functions in schema public, sec from %I', item.rolname);
    execute format('revoke all on schema public, sec from %I', item.rolname);
    execute format('revoke all on database %I from %I', current_database(), item.rolname);
  end loop;
  revoke all on all tables in schema public from ${guard};
  for item in
    select c.oid::regclass as name, a.attname, r.rolname from pg_attribute a, pg_class c, aclexplode(a.attacl) x, pg_roles r
    where c.oid = a.attrelid and r.oid = x.grantee and (r.rolname ~ ours or r.rolname = '${guard}')
      and c.relnamespace in ('public'::regnamespace, 'sec'::regnamespace)
  loop
    execute format('revoke all (%I) on %s from %I', item.attname, item.name, item.rolname);
  end loop;
  for item in
    select held.rolname as held, holder.rolname as holder from pg_auth_members m
    join pg_roles held on held.oid = m.roleid join pg_roles holder on holder.oid = m.member where holder.rolname ~ ours
  loop
    execute format('revoke %I from %I', item.held, item.holder);
  end loop;
  -- Every table that holds a tenant's rows, whichever migration made it; its owner is bound too.
  for item in
    select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and (c.relname = 'tenants' or exists (
        select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
  loop
    execute format('alter table %s enable row level security, force row level security', item.name);
  end loop;
  -- What verifies grants belongs to a role that has nothing else. The owner of the tables may still replace it.
  execute format('grant usage, create on schema sec to %I', '${guard}');
  execute format('grant %I to %I', '${guard}', '${owner}');
  for item in select oid::regprocedure as name from pg_proc where pronamespace = 'sec'::regnamespace loop
    execute format('alter routine %s owner to %I', item.name, '${guard}');
  end loop;
  for item in select oid::regclass as name from pg_class where relnamespace = 'sec'::regnamespace and relkind = 'r' loop
    execute format('alter table %s owner to %I', item.name, '${guard}');
  end loop;
  -- Nobody else connects, and nobody makes temporary tables, which would hide others of their name; but an import
  -- keeps the keys of a file in one while it reads it.
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to ${logins.map(({ name }) => name).join(', ')}', current_database());
  execute format('grant temporary on database %I to ${importer}', current_database());
end $$;
revoke all on schema public from public;
revoke all on all functions in schema public, sec from public;
alter default privileges for role ${owner} revoke execute on functions from public;

${roles.map(roleBlock).join('\n\n')}

-- What every service compares with what it finds, before it works.
grant execute on function sec.drift() to ${logins.map(({ name }) => name).join(', ')};
delete from sec.expected;
insert into sec.expected select * from sec.state();
`;
};
