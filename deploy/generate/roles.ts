import type { Contract } from '@jangada/hop/hop.ts';
import { packTables } from '@jangada/packs/registry.ts';

/** The role that owns every table and function. Nobody logs in as it. */
export const owner = 'jangada_owner';
/** The role of `jangada import`. */
export const importer = 'svc_import';

/** The database role of a service. */
export const roleOf = (name: string): string => `svc_${name.replaceAll('-', '_')}`;

/** True when a service has anything to do with PostgreSQL. */
export const usesDatabase = (contract: Contract): boolean => commandsOf(contract).length > 0;

const tablesOfPacks = packTables();

/** Tables that a service reads, those of the packs included. */
export const readsOf = (contract: Contract): readonly string[] => [
  ...new Set([...contract.reads, ...contract.packTables.flatMap((use) => tablesOfPacks[use])]),
];

type Command = 'select' | 'insert' | 'update' | 'delete';

const writesOf = (contract: Contract): Readonly<Record<string, readonly Command[]>> =>
  contract.kind === 'sink' ? contract.writes : {};

const commandsOf = (contract: Contract): readonly (readonly [table: string, command: Command])[] => [
  ...readsOf(contract).map((table) => [table, 'select'] as const),
  ...(contract.packTables.includes('aged')
    ? tablesOfPacks.aged.map((table) => [table, 'delete'] as const)
    : []),
  ...Object.entries(writesOf(contract)).flatMap(([table, commands]) =>
    commands.map((command) => [table, command] as const),
  ),
];

interface Right {
  readonly role: string;
  readonly table: string;
  readonly command: Command;
  /** Which rows, as an SQL condition. */
  readonly rows: string;
}

/** The rights of a service, one for each table and command. */
const rightsOf = (contract: Contract): readonly Right[] => {
  const role = roleOf(contract.name);
  return commandsOf(contract).map(([table, command]) => ({
    role,
    table,
    command,
    rows: rowsFor(contract, table, command),
  }));
};

const tenantColumn = (table: string): string => (table === 'tenants' ? 'id' : 'tenant_id');
const claimed = (table: string): string => `${tenantColumn(table)} = (select sec.claimed_tenant())`;

/** Which rows of a table a service may touch. */
const rowsFor = (contract: Contract, table: string, command: Command): string => {
  if (needsGrant(contract)) return `${tenantColumn(table)} = (select sec.granted_tenant())`;
  // At log-in nobody is known yet, and the border is who finds out.
  if (contract.kind === 'border') return 'true';
  // One batch of a sink holds what was heard of many tenants; each row was verified before it came here.
  if (command === 'insert' && hearsFacts(contract)) return 'true';
  // Who is woken by the clock begins with the list of tenants.
  if (table === 'tenants' && wakes(contract)) return 'true';
  return claimed(table);
};

const needsGrant = (contract: Contract): boolean =>
  contract.kind === 'hop' && contract.demands.includes('grant');
const hearsFacts = (contract: Contract): boolean =>
  contract.kind === 'sink' && contract.on.some(({ kind }) => kind === 'fact');
const wakes = (contract: Contract): boolean =>
  contract.kind === 'sink' && contract.on.some(({ kind }) => kind === 'tick');

/** Histories and keys: whoever brings data in adds to them and changes none. */
const addedTo: readonly string[] = ['consents', 'tenant_keys', 'subject_keys'];

/** What imports write: the tenants, who cares for whom, and all that the packs keep. */
const importRights = (tablesOfPacks: readonly string[]): readonly Right[] =>
  [...new Set(['tenants', 'care_relationships', 'consent_levels', ...addedTo, ...tablesOfPacks])].flatMap(
    (table) =>
      (['select', 'insert', ...(addedTo.includes(table) ? [] : ['update' as const])] as const).map(
        (command) => ({
          role: importer,
          table,
          command,
          rows: claimed(table),
        }),
      ),
  );

const policy = ({ role, table, command, rows }: Right): string => {
  const condition = {
    select: `using (${rows})`,
    delete: `using (${rows})`,
    insert: `with check (${rows})`,
    update: `using (${rows}) with check (${rows})`,
  };
  return `create policy ${role}_${command} on ${table} for ${command} to ${role} ${condition[command]};`;
};

const roleBlock = (role: string, rights: readonly Right[]): string => {
  const tables = [...new Set(rights.map(({ table }) => table))];
  const grants = tables.map((table) => {
    const commands = rights.filter((right) => right.table === table).map(({ command }) => command);
    return `grant ${commands.join(', ')} on ${table} to ${role};`;
  });
  return [
    `grant usage on schema public, sec to ${role};`,
    `grant execute on function sec.granted_tenant(), sec.claimed_tenant() to ${role};`,
    ...grants,
    ...rights.map(policy),
  ].join('\n');
};

/**
 * Login roles, their rights and row-level security, in one transaction that can be run any number of times.
 * @param imported tables that the packs' migrations make
 */
export const rolesSql = (contracts: readonly Contract[], imported: readonly string[]): string => {
  const roles = new Map<string, readonly Right[]>([
    ...contracts.filter(usesDatabase).map((contract) => [roleOf(contract.name), rightsOf(contract)] as const),
    [importer, importRights(imported)],
  ]);
  const names = [...roles.keys()];
  return `-- Generated by \`npm run generate\` from the contracts of the services. deploy/migrate.ts runs it after the migrations.
-- A service has no right that is not written here, and no row without a policy that names it.

select pg_advisory_xact_lock(hashtext('jangada roles'));

do $$
declare name text;
begin
  foreach name in array array[${names.map((name) => `'${name}'`).join(', ')}] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I', name);
    end if;
    execute format('alter role %I login noinherit', name);
    -- Only who has these powers may take them away, so it is tried only where somebody gave them.
    if exists (select from pg_roles where rolname = name
        and (rolsuper or rolbypassrls or rolreplication or rolcreaterole or rolcreatedb)) then
      execute format('alter role %I nosuperuser nobypassrls noreplication nocreaterole nocreatedb', name);
    end if;
  end loop;
end $$;

-- What was granted before and is not granted below is gone, for every role.
do $$
declare item record;
begin
  for item in select schemaname, tablename, policyname from pg_policies where schemaname = 'public' loop
    execute format('drop policy %I on %I.%I', item.policyname, item.schemaname, item.tablename);
  end loop;
  for item in select rolname from pg_roles where rolname like 'svc\\_%' loop
    execute format('revoke all on all tables in schema public, sec from %I', item.rolname);
    execute format('revoke all on all sequences in schema public, sec from %I', item.rolname);
    execute format('revoke all on all functions in schema public, sec from %I', item.rolname);
    execute format('revoke all on schema public, sec from %I', item.rolname);
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
end $$;
revoke all on schema public from public;
revoke all on all functions in schema sec from public;

${[...roles].map(([role, rights]) => `-- ${role}\n${roleBlock(role, rights)}`).join('\n\n')}
`;
};
