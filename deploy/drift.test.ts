import { DriftError } from '@jangada/store/drift.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { usesDatabase } from './generate/roles.ts';
import { migrate } from './migrate.ts';
import { startDatabase, type TestDatabase } from './test-database.ts';
import { collect } from './topology.ts';

// No service works on a database whose guards are not those that the last migration left.

let database: TestDatabase;
/** What makes the function again that a test replaces. */
let careSql: unknown;
beforeAll(async () => {
  database = await startDatabase();
  const [row] = await database.administer(
    "select pg_get_functiondef('sec.granted_care()'::regprocedure) as made",
  );
  careSql = row?.['made'];
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const services = (await collect()).filter(usesDatabase).map(({ name }) => name);

/** What a service says when it starts. */
const saidBy = (service: string): Promise<string> =>
  database.storeOf(service).then(
    () => 'ready',
    (error: unknown) => {
      expect(error).toBeInstanceOf(DriftError);
      return String(error);
    },
  );

const drifts: readonly (readonly [what: string, drift: string, named: string])[] = [
  ['row-level security is off', 'alter table clients disable row level security', 'table public.clients'],
  ['its owner is not bound', 'alter table billing no force row level security', 'table public.billing'],
  [
    'a policy is gone',
    'drop policy app_related_select on clients',
    'policy app_related_select on public.clients: expected permissive',
  ],
  [
    'a policy is wider',
    'alter policy app_own_select on clients using (true)',
    'policy app_own_select on public.clients',
  ],
  [
    'a policy is new',
    'create policy loose on clients using (true)',
    'policy loose on public.clients: expected none',
  ],
  ['a role passes the policies', 'alter role svc_data_access bypassrls', 'role svc_data_access'],
  ['a role is an administrator', 'alter role svc_audit superuser', 'role svc_audit'],
  ['a role has one role more', 'grant jangada_owner to svc_edge', 'role svc_edge'],
  [
    'somebody else has a role of a reach',
    'create role analyst; grant app_tenant_care to analyst',
    'role app_tenant_care',
  ],
  ['a right was given', 'grant select on accounts to svc_data_access', 'rights on public.accounts'],
  [
    'a column was opened',
    'grant select (birth_date) on clients to purpose_billing',
    'rights on public.clients',
  ],
  ['everybody may read', 'grant select on clients to public', 'rights on public.clients'],
  [
    'a function was replaced',
    "create or replace function sec.granted_care() returns text[] language sql security definer as $$ select '{x}'::text[] $$",
    'function sec.granted_care()',
  ],
  [
    'what only policies call is open',
    'grant execute on function sec.granted_to() to public',
    'function sec.granted_to()',
  ],
  ['everybody may create', 'grant create on schema public to public', 'rights on schema public'],
  [
    'a view shows what policies hide',
    'create view everybody as select * from clients',
    'table public.everybody',
  ],
  [
    'a table of tenants has no policy',
    'create table loose (tenant_id text)',
    'holds the rows of tenants without',
  ],
];
/** As many as a refusal names. */
const together = 6;
const groups = Array.from({ length: Math.ceil(drifts.length / together) }, (_, at) =>
  drifts.slice(at * together, (at + 1) * together),
);

describe.each(groups.map((group) => [group]))('a service does not start, and says so, when', (group) => {
  const said: string[] = [];
  beforeAll(async () => {
    for (const [, drift] of group) await database.administer(drift);
    for (const service of ['data-access', 'edge']) said.push(await saidBy(service));
  });
  afterAll(async () => {
    // What migrations put back they do; what somebody made is dropped by hand.
    await database.administer(`
      drop view if exists everybody; drop table if exists loose; revoke all on clients from public;
      drop role if exists analyst; alter role svc_audit nosuperuser; revoke all on schema public from public;
      revoke all on function sec.granted_to() from public;
      ${careSql}`);
    await migrate(database.server.url);
    expect(await saidBy('data-access')).toBe('ready');
  });

  test.each(group)('%s', (_what, _drift, named) => {
    expect(said).toHaveLength(2);
    for (const one of said) {
      expect(one).toContain(named);
      expect(one).toContain('Run the migration again');
    }
  });
});

describe('a service', () => {
  test.each(services)('starts on a database as it was migrated: %s', async (service) => {
    expect(await saidBy(service)).toBe('ready');
  });

  test('does not start on a database that was never migrated', async () => {
    await database.administer('alter function sec.drift() rename to gone');
    expect(await saidBy('data-access')).toContain('is not migrated for this version');
    await database.administer('alter function sec.gone() rename to drift');
  });

  test('that starts while the database is away asks at its first use, and works on nothing before', async () => {
    await database.administer('alter table clients disable row level security');
    await database.server.stop();
    const store = await database.storeOf('audit');
    await expect(store.ping()).rejects.toMatchObject({ name: 'Unavailable' });
    await database.server.restart();
    await expect(store.ping()).rejects.toMatchObject({ name: 'Unavailable', cause: { name: 'DriftError' } });
    await migrate(database.server.url);
    await expect(store.ping()).resolves.toBeUndefined();
  });
});
