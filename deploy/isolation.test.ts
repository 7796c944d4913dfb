import type { Contract } from '@jangada/hop/hop.ts';
import { queries } from '@jangada/store/store.ts';
import { databasePart, type Grant } from '@jangada/trust/grant.ts';
import { type Compilable, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readsOf, roleOf, usesDatabase } from './generate/roles.ts';
import { agreedSql, grantFor, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';
import { collect } from './topology.ts';

// Whoever has a service's database credentials may send any SQL. What that gives, attack by attack: no row, value,
// figure or hint of another tenant, nor of a person whom the grant does not reach. The outcomes are printed.

/** In every value of another tenant, and of a person out of reach. */
const marks = ['Zulmira', 'Yolanda'];
/** What a hint would look like: they count what a tenant has, and tenants have different numbers. */
const rowsOfOther = 7;

const importer: Pick<Contract, 'kind' | 'name'> = { kind: 'sink', name: 'import' };

let database: TestDatabase;
const contracts = (await collect()).filter(usesDatabase);
const printed: string[] = [];

beforeAll(async () => {
  database = await startDatabase();
  await database.administer(`
    ${tenantSql('casa')} ${tenantSql('other')}
    insert into clients (tenant_id, id, name, name_search) values
      ('casa', 'c1', 'Ana', 'ana'), ('casa', 'c2', 'Yolanda', 'yolanda');
    insert into clients (tenant_id, id, name, name_search)
      select 'other', 'x' || n, 'Zulmira ' || n, 'zulmira' from generate_series(1, ${rowsOfOther}) n;
    insert into providers (tenant_id, id, name, name_search) values ('casa', 'p1', 'Dra. Paula', 'paula'), ('other', 'p1', 'Zulmira', 'z');
    insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from) values
      ('casa', 'p1', 'c1', 'care', now() - interval '1 day'), ('other', 'p1', 'x1', 'care', now() - interval '1 day');
    insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status) values
      ('casa', 'a1', 'c1', 'p1', 'Peeling', now(), 30, 'scheduled'), ('casa', 'a2', 'c2', 'p1', 'Yolanda', now(), 30, 'scheduled'),
      ('other', 'a1', 'x1', 'p1', 'Zulmira', now(), 30, 'scheduled');
    insert into aesthetic_records (tenant_id, id, client_id, kind, code, recorded_at) values
      ('casa', 'r1', 'c1', 'note', 'Peeling', now()), ('other', 'r1', 'x1', 'Zulmira', 'Zulmira', now());
    ${agreedSql}
    insert into accounts values ('zulmira', 'other', 'x', 'Zulmira', 'Zulmira', 'admin');
    insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
      values ('other', 'k1', 'Zulmira', 'given', 'health', 'health', 'demo', 'demo', 'demo');
    insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, decision, details)
      values ('other', 'run', 'fact', 1, now(), 'Zulmira', 'done', '{}');
    insert into legal_holds values ('other', 'Zulmira', 'Zulmira', now(), null);
    insert into retention_runs values ('other', 'Zulmira', now(), now(), '{"rules":[]}');
    select lo_from_bytea(4711, 'Zulmira');
    analyze`);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  process.stdout.write(`\n${printed.join('\n')}\n`);
});

interface Outcome {
  /** SQLSTATE of the last statement, or the number of its rows. */
  readonly last: string;
  /** Everything that came over the wire: rows, errors, notices, notifications, copied data. */
  readonly heard: string;
}

/** Sends statements one by one as a role, goes on after errors, and listens to everything. */
const attack = async (role: string, statements: readonly string[]): Promise<Outcome> => {
  const url = new URL(database.server.url);
  url.username = role;
  const client = new pg.Client({ connectionString: url.href });
  const heard: unknown[] = [];
  client.on('notice', (notice) => heard.push(notice));
  client.on('notification', (notification) => heard.push(notification));
  client.on('error', (error) => heard.push(error.message));
  await client.connect();
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('copyData', ({ chunk }: { chunk: Buffer }) => heard.push(chunk.toString()));
  let last = '';
  for (const statement of statements) {
    try {
      const { rows } = await client.query({ text: statement, queryMode: 'extended' } as pg.QueryConfig);
      heard.push(rows);
      last = `${rows.length} rows`;
    } catch (error) {
      const { code = 'no code', message, detail, hint, where } = error as pg.DatabaseError;
      heard.push({ message, detail, hint, where });
      last = code;
    }
  }
  await client.end();
  return { last, heard: JSON.stringify(heard) };
};

const show = async (claims: Partial<Grant> = {}): Promise<string> => {
  const grant = grantFor(claims);
  const role = `app_${grant.reach}_${grant.pur}`;
  return `select set_config('app.grant', '${databasePart(await database.grant(grant))}', true), set_config('role', '${role}', true)`;
};

const related = { reach: 'related', by: 'p1' } as const;
const find = 'select id, name from clients';
const findOther = `${find} where tenant_id = 'other'`;
const denied = '42501';
const unheld = 'JG001';

/** What is tried, and how its last statement ends. `{casa}` and `{related}` show a grant that holds. */
const attacks: Readonly<Record<string, readonly [how: readonly string[], ends: string | readonly string[]]>> =
  {
    // Grants and claims.
    'reads without a grant': [[find], denied],
    'claims a tenant (ADV-031)': [["select set_config('app.tenant', 'other', true)", find], denied],
    'claims a tenant beside a grant': [
      ['begin', '{casa}', "select set_config('app.tenant', 'other', false)", findOther],
      '0 rows',
    ],
    'asks for another tenant under a grant': [['begin', '{casa}', findOther], '0 rows'],
    'names the tenant in place of the grant': [['begin', '{bare}', find], unheld],
    'makes a grant up': [['begin', '{invented}', find], unheld],
    'changes a grant for another tenant': [['begin', '{altered}', find], unheld],
    'puts the parts of a grant in another order': [['begin', '{reordered}', find], unheld],
    'cuts a grant short': [['begin', '{truncated}', find], unheld],
    'shows an expired grant': [['begin', '{expired}', find], unheld],
    'shows a grant, then replaces it': [
      ['begin', '{casa}', "select set_config('app.grant', 'other', true)", find],
      unheld,
    ],
    'shows two grants as one': [['begin', '{doubled}', find], unheld],
    'sends a null byte': [["select set_config('app.grant', E'\\\\000', true)", find], denied],
    'goes on in the next transaction': [['begin', '{casa}', 'commit', find], denied],
    'goes back to a savepoint after an error': [
      [
        'begin',
        '{casa}',
        'savepoint s',
        'select 1/0',
        'rollback to s',
        "select set_config('app.tenant', 'other', true)",
        findOther,
      ],
      '0 rows',
    ],
    'executes a statement that was prepared under a grant': [
      ['begin', '{casa}', `prepare p as ${find}`, 'commit', 'execute p'],
      denied,
    ],
    // Roles.
    'takes the role of a reach without a grant': [['set role app_tenant_care', find], unheld],
    'takes a wider reach than the grant’s': [
      ['begin', '{related}', 'set local role app_tenant_care', find],
      unheld,
    ],
    'takes the reach without a purpose': [['begin', '{casa}', 'set local role app_tenant', find], denied],
    'takes another purpose than the grant’s': [
      ['begin', '{billing}', 'set local role app_tenant_care', 'select id from aesthetic_records'],
      unheld,
    ],
    'reads a table outside the purpose': [['begin', '{billing}', 'select id from aesthetic_records'], denied],
    'reads a column that no source declares': [['begin', '{casa}', 'select birth_date from clients'], denied],
    'sets the role by its setting': [["select set_config('role', 'jangada_owner', false)"], denied],
    'becomes the owner of the tables': [['set role jangada_owner'], denied],
    'becomes the owner of the keys': [['set role jangada_sec'], denied],
    'becomes the administrator': [['set role postgres'], denied],
    'becomes another service': [['set role svc_edge'], denied],
    'logs in anew as another': [['set session authorization postgres'], denied],
    'gives itself a role': [['grant jangada_owner to svc_data_access'], ['42501']],
    'gives itself powers': [['alter role svc_data_access bypassrls'], denied],
    'turns row-level security off': [['begin', '{casa}', 'set local row_security = off', findOther], denied],
    // People whom the grant does not reach.
    'reads names of people not in care': [['begin', '{related}', find], '1 rows'],
    'reads what people not in care have': [
      ['begin', '{related}', 'select id, service from appointments'],
      '1 rows',
    ],
    'joins to names of people not in care': [
      [
        'begin',
        '{related}',
        "select c.name from clients c left join appointments a on true where c.id = 'c2'",
      ],
      '0 rows',
    ],
    'counts people not in care': [
      [
        'begin',
        '{related}',
        'select id from clients where id = any (array(select client_id from appointments))',
      ],
      '1 rows',
    ],
    'reads what people not in care agreed to': [
      ['begin', '{related}', 'select level from consents'],
      '1 rows',
    ],
    'reads what somebody else agreed to as oneself': [
      ['begin', '{own}', 'select level from consents'],
      '1 rows',
    ],
    'reads what people of another tenant agreed to': [
      ['begin', '{casa}', "select level from consents where tenant_id = 'other'"],
      '0 rows',
    ],
    'reads who recorded what somebody agreed to': [
      ['begin', '{casa}', 'select recorded_by from consents'],
      denied,
    ],
    'adds to what somebody agreed to': [
      [
        'begin',
        '{casa}',
        `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
         values ('casa', 'made-up', 'c2', 'given', 'health', 'health', 'person', 'x', 'x')`,
      ],
      denied,
    ],
    'reads who cares for whom': [['begin', '{related}', 'select * from care_relationships'], denied],
    'reads other people’s records as oneself': [['begin', '{own}', find], '1 rows'],
    'reads in the care of nobody': [['begin', '{nobody}', find], '0 rows'],
    // Names that hide other names.
    'makes a temporary table': [['create temp table clients (id text)'], denied],
    'makes a temporary function': [
      ["create function pg_temp.sha256(bytea) returns bytea language sql as 'select $1'"],
      denied,
    ],
    'makes a temporary type': [['create domain pg_temp.text as pg_catalog.text'], denied],
    'makes a schema': [['create schema evil'], denied],
    'makes a function where the tables are': [
      ["create function public.now() returns timestamptz language sql as 'select null'"],
      denied,
    ],
    'makes an operator': [
      ['create operator public.= (leftarg = text, rightarg = text, function = texteq)'],
      denied,
    ],
    'replaces what verifies grants': [
      [
        "create or replace function sec.granted_to(out tenant text, out person text) language sql as $$ select 'other', 'x' $$",
      ],
      denied,
    ],
    'looks for names elsewhere first': [
      ['begin', 'set local search_path = pg_temp, sec, public', '{casa}', findOther],
      '0 rows',
    ],
    // What verifies grants.
    'reads the key of grants (ADV-032)': [['select * from sec.grant_key'], denied],
    'reads the key as the role of a reach': [['begin', '{casa}', 'select * from sec.grant_key'], denied],
    'calls what policies call': [['select sec.granted_to()'], denied],
    'reads the file of the key': [["select pg_read_file('base/1/1259')"], denied],
    'asks who is in somebody’s care, without a grant': [
      ['set role app_related_care', 'select unnest(sec.granted_care())'],
      unheld,
    ],
    'changes a function’s search path': [['alter function sec.granted_to() reset search_path'], denied],
    // Values that leak through errors, figures and plans.
    'divides by zero where a name fits (ADV-038)': [
      [
        'begin',
        '{casa}',
        "select id from clients where 1 / (case when name like 'Zul%' then 0 else 1 end) = 1",
      ],
      '2 rows',
    ],
    'casts names to numbers': [
      ['begin', '{casa}', "select id from clients where tenant_id = 'other' and name::int = 1"],
      '0 rows',
    ],
    'reads statistics of a column': [
      [
        'begin',
        '{casa}',
        "select most_common_vals, histogram_bounds from pg_stats where tablename = 'clients'",
      ],
      '0 rows',
    ],
    'reads the statistics themselves': [['select stavalues1 from pg_statistic'], denied],
    'explains a statement': [
      ['begin', '{casa}', "explain (analyze, verbose) select id from clients where name = 'x'"],
      ' rows',
    ],
    'counts across tenants': [
      ['begin', '{casa}', `select 1 from (select count(*) n from clients) c where n = ${rowsOfOther + 2}`],
      '0 rows',
    ],
    'reads what others ask': [
      ["select query from pg_stat_activity where usename <> current_user and query ~ 'Zul'"],
      '0 rows',
    ],
    // Writing.
    'inserts a row of another tenant (ADV-034)': [
      [
        'begin',
        '{casa}',
        "insert into clients (tenant_id, id, name, name_search) values ('other', 'c3', 'x', 'x')",
      ],
      denied,
    ],
    'moves a row to another tenant (ADV-035)': [
      ['begin', '{casa}', "update clients set tenant_id = 'other' where id = 'c1'"],
      denied,
    ],
    deletes: [['begin', '{casa}', 'delete from clients'], denied],
    'locks a table': [['begin', '{casa}', 'lock table clients'], denied],
    'truncates a table': [['begin', '{casa}', 'truncate clients'], denied],
    // Ways out of SQL.
    'copies a table out': [['begin', '{casa}', 'copy clients to stdout'], denied],
    'copies names out': [['begin', '{casa}', `copy (${find}) to stdout`], '0 rows'],
    'copies to a file': [["copy (select 1) to '/tmp/loot'"], denied],
    'copies to a program': [["copy (select 1) to program 'cat'"], denied],
    'reads a file as a large object': [["select lo_import('/etc/passwd')"], denied],
    'reads somebody’s large object': [['select lo_get(4711)'], denied],
    'adds an extension': [['create extension dblink'], [denied, '0A000']],
    'adds a language': [['create language plpython3u'], [denied, '0A000', '42704']],
    'adds a server elsewhere': [
      ['create server elsewhere foreign data wrapper postgres_fdw'],
      [denied, '42704'],
    ],
    'loads a library': [["load 'dblink'"], [denied, '58P01']],
    replicates: [["select pg_create_logical_replication_slot('loot', 'pgoutput')"], [denied, '55000']],
    publishes: [['create publication loot for all tables'], denied],
    'runs a block': [
      [
        'begin',
        '{casa}',
        "do $$ begin perform set_config('app.tenant', 'other', true); raise notice '%', (select string_agg(name, ',') from clients where tenant_id = 'other'); end $$",
      ],
      '0 rows',
    ],
    'sends two statements as one (ADV-074)': [
      ["select 1; select set_config('app.tenant', 'other', false)"],
      '42601',
    ],
    // The catalogue.
    'changes a policy': [['alter policy app_tenant_select on clients using (true)'], denied],
    'adds a policy': [['create policy mine on clients using (true)'], denied],
    'disables row-level security': [['alter table clients disable row level security'], denied],
    'makes a view': [['create view loot as select * from clients'], denied],
    'makes a trigger': [
      ['create trigger loot before insert on clients for each row execute function sec.number_consent()'],
      denied,
    ],
  };

const statement = (text: string): Compilable<unknown> => ({
  compile: () => sql.raw(text).compile(queries()),
});

describe('with the credentials of data-access, somebody', () => {
  const grants = async (): Promise<Readonly<Record<string, string>>> => {
    const casa = await show();
    const reorder = (statement: string): string =>
      statement.replace(
        /'(\w+)\.(\w+)\.(\w+)\./,
        (_all, a: string, b: string, c: string) => `'${b}.${a}.${c}.`,
      );
    return {
      casa,
      related: await show(related),
      own: await show({ reach: 'own', by: 'c1' }),
      nobody: await show({ reach: 'related' }),
      billing: await show({ pur: 'billing' }),
      altered: casa.replace("'casa.", "'other."),
      reordered: reorder(casa),
      bare: casa.replace(/'app.grant', '[^']*'/, "'app.grant', 'other'"),
      invented: casa.replace(
        /'app.grant', '[^']*'/,
        `'app.grant', 'other.tenant.care..9999999999999.first.${'0'.repeat(64)}'`,
      ),
      truncated: casa.replace(/.', true\)/, "', true)"),
      expired: await show({ tid: 'other', exp: Date.now() - 1 }),
      doubled: casa.replace(/'(casa[^']*)'/, "'$1.$1'"),
    };
  };

  test.each(Object.entries(attacks))('%s', async (name, [how, ends]) => {
    const known = await grants();
    const { last, heard } = await attack(
      roleOf('data-access'),
      how.map((statement) => known[/^\{(\w+)\}$/.exec(statement)?.[1] ?? ''] ?? statement),
    );
    printed.push(`${last.padEnd(7)} ${name}`);
    for (const mark of marks)
      if (!(mark === 'Yolanda' && how.includes('{casa}'))) expect(heard).not.toContain(mark);
    if (Array.isArray(ends)) expect(ends).toContain(last);
    else expect(last).toContain(ends);
  });

  test('has lost a person whose relationship ended a moment ago, under the same grant (ADV-082)', async () => {
    const store = await database.storeOf('data-access');
    const grant = databasePart(await database.grant(grantFor(related)));
    const seen = () => store.read({ grant }, statement('select name from clients'));
    expect(await seen()).toEqual([{ name: 'Ana' }]);
    await database.administer("update care_relationships set valid_to = now() where subject_id = 'c1'");
    expect(await seen()).toEqual([]);
    await database.administer("update care_relationships set valid_to = null where subject_id = 'c1'");
  });

  test('finds nothing on a pooled connection after a crash within a grant (ADV-037)', async () => {
    const store = await database.storeOf('data-access', 1);
    const grant = databasePart(await database.grant(grantFor()));
    const kill = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'svc_data_access'";
    const crashes = [() => Promise.reject(new Error('ours')), () => database.administer(kill)];
    for (const crash of crashes) {
      const crashed = store.within({ grant }, async ({ rows }) => {
        await rows(statement(find));
        await crash();
        await rows(statement(find));
      });
      await expect(crashed).rejects.toThrow();
      await expect(store.rows(statement(find))).rejects.toThrow('42501');
    }
  });
});

describe.each([...contracts, importer])('with the credentials of $name, somebody', ({ name, kind }) => {
  test('sees rows of tenants that it does not name only where its contract begins with nobody', async () => {
    const tables = await database.administer(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')",
    );
    const seen: unknown[] = [];
    for (const { name: table } of tables) {
      const { last } = await attack(roleOf(name), [`select 1 from ${table}`]);
      if (last !== denied && last !== '0 rows') seen.push(table);
    }
    printed.push(
      `${String(seen.length).padStart(2)} tables  ${name} sees without naming a tenant: ${seen.join(', ') || 'none'}`,
    );
    const contract = contracts.find((one) => one.name === name);
    // A border looks people up before they are anybody; who is woken by the clock begins with the list of tenants; who chains
    // what it keeps does so whosever it is, and sees of an entry that it is there.
    const begins: Readonly<Record<string, readonly string[]>> = {
      retention: ['tenants'],
      privacy: ['tenants'],
      audit: ['audit_heads', 'audit_batches', 'audit_checkpoints', 'audit_entries'],
    };
    const known = kind === 'border' && contract ? readsOf(contract) : (begins[name] ?? []);
    expect(known).toEqual(expect.arrayContaining(seen));
  });

  test.each([
    'select * from sec.grant_key',
    'select sec.granted_to()',
    'set role jangada_owner',
    'set role jangada_sec',
    'set role postgres',
    'set session authorization postgres',
    'create schema loot',
    'create table public.loot (id int)',
    'create extension dblink',
    "copy (select 1) to program 'cat'",
    "select pg_read_file('PG_VERSION')",
    'select lo_get(4711)',
    'alter table tenants disable row level security',
    // Grants are shown by one service.
    ...(name === 'data-access' ? [] : ['set role app_tenant_care']),
  ])('may not: %s', async (sql) => {
    const { last, heard } = await attack(roleOf(name), [sql]);
    expect([denied, '0A000']).toContain(last);
    for (const mark of marks) expect(heard).not.toContain(mark);
  });
});
