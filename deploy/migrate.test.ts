import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packTables } from '@jangada/packs/registry.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { databasePart, type Grant, grantSealer } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readsOf, roleOf, usesDatabase } from './generate/roles.ts';
import { schemaSql } from './generate/schema.ts';
import { openKeys } from './keys.ts';
import { migrate } from './migrate.ts';
import { collect } from './topology.ts';

const contracts = await collect();
const dir = mkdtempSync(join(tmpdir(), 'jangada-migrate-'));
const keys = openKeys(join(dir, 'keys.json'), []);
const signer = signerFrom(() => keys.setOf('grant'));
const key = secretFrom(() => keys.setOf('database-grant'))();
const denied = { code: '42501' };

let server: Server;
beforeAll(async () => {
  server = await startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' });
  await migrate(server.url, { grantDatabaseKeys: keys.setOf('database-grant') });
  await ask(server.url, [
    ...['casa', 'other'].flatMap((tenant) => [
      `insert into tenants values ('${tenant}', 'A clinic', 'aesthetic-clinic', 'America/Sao_Paulo', 'pt-BR', 'BRL')`,
      `insert into clients (tenant_id, id, name, name_search) values ('${tenant}', 'c1', 'Ana', 'ana')`,
      `insert into accounts values ('${tenant}-1', '${tenant}', 'admin', '${tenant}@example.org', 'x', 'admin')`,
    ]),
  ]);
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs statements in one transaction and returns the rows of the last. */
const ask = async (url: string, statements: readonly string[]): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    await client.query('commit');
    return rows;
  } finally {
    await client.end();
  }
};

const urlOf = (role: string, database = 'postgres'): string => {
  const url = new URL(server.url);
  url.username = role;
  url.pathname = `/${database}`;
  return url.href;
};

const claim = (tenant: string): string => `set local app.tenant = '${tenant}'`;

const grantOf = async (claims: Partial<Grant> = {}, sealedWith = key): Promise<string> =>
  databasePart(
    await grantSealer(
      signer,
      () => sealedWith,
    )({
      rid: 'run-1',
      tid: 'casa',
      sub: 'casa-1',
      ph: 'hash',
      reach: 'tenant',
      pur: 'care',
      fields: ['name'],
      limit: 10,
      exp: Date.now() + 30_000,
      ...claims,
    }),
  );

const showing = (grant: string): string =>
  `select set_config('app.grant', '${grant}', true), set_config('role', 'app_tenant_care', true)`;

/** Tenants whose clients data-access sees when it shows this as its grant; without one that holds it is denied. */
const seenUnder = async (grant: string | undefined, ...before: string[]): Promise<unknown> => {
  const shown = grant === undefined ? [] : [showing(grant)];
  const statements = [...before, ...shown, 'select tenant_id from clients'];
  return ask(urlOf('svc_data_access'), statements).then(
    (rows) => rows.map((row) => row['tenant_id']),
    (error: unknown) => {
      expect(error).toMatchObject({ code: grant === undefined ? denied.code : 'JG001' });
      return 'denied';
    },
  );
};

describe('under a grant, data-access sees', () => {
  test('its tenant, whichever it is', async () => {
    expect(await seenUnder(await grantOf())).toEqual(['casa']);
    expect(await seenUnder(await grantOf({ tid: 'other' }))).toEqual(['other']);
  });

  test('nothing without one', async () => {
    expect(await seenUnder(undefined)).toBe('denied');
    expect(await seenUnder('')).toBe('denied');
  });

  test('nothing by claiming a tenant instead', async () => {
    expect(await seenUnder(undefined, claim('casa'))).toBe('denied');
  });

  test('nothing when it was sealed with another key', async () => {
    expect(await seenUnder(await grantOf({}, { ...key, secret: randomBytes(32) }))).toBe('denied');
  });

  test('nothing when it was altered, in what it says or in its seal', async () => {
    const grant = await grantOf({ by: 'p1' });
    const parts = grant.split('.');
    const instead = (index: number, part: string): string => parts.with(index, part).join('.');
    const altered = [
      instead(0, 'other'),
      instead(1, 'own'),
      instead(2, 'billing'),
      instead(3, '7032'),
      instead(4, `9${parts[4]}`),
      instead(5, 'other'),
      instead(6, (parts[6] ?? '').toUpperCase()),
      instead(6, 'f'.repeat(64)),
      [parts[1], parts[0], ...parts.slice(2)].join('.'),
      grant.slice(0, -1),
      grant.slice(1),
      `${grant}0`,
      parts.slice(0, 5).join('.'),
      parts.slice(1).join('.'),
      `${grant}.${grant}`,
      '.....',
    ];
    for (const shown of altered) expect(await seenUnder(shown), shown).toBe('denied');
  });

  test('nothing once it has expired', async () => {
    expect(await seenUnder(await grantOf({ exp: Date.now() - 1 }))).toBe('denied');
  });

  test('nothing in the next transaction of the same connection', async () => {
    const client = new pg.Client({ connectionString: urlOf('svc_data_access') });
    await client.connect();
    await client.query(`begin; ${showing(await grantOf())}`);
    expect((await client.query('select id from clients')).rowCount).toBe(1);
    await client.query('commit');
    await expect(client.query('select id from clients')).rejects.toMatchObject(denied);
    await client.end();
  });
});

describe('a service with a duty of its own', () => {
  test('sees the tenant it speaks for, and none when it names none', async () => {
    await ask(server.url, [
      "insert into clients (tenant_id, id, name, name_search) values ('other', 'c2', 'Bia', 'bia')",
    ]);
    const find = 'select id from clients order by 1';
    expect(await ask(urlOf('svc_permission'), [claim('other'), find])).toEqual([{ id: 'c1' }, { id: 'c2' }]);
    expect(await ask(urlOf('svc_permission'), [claim('casa'), find])).toEqual([{ id: 'c1' }]);
    expect(await ask(urlOf('svc_permission'), [find])).toEqual([]);
    await ask(server.url, ["delete from clients where id = 'c2'"]);
  });

  test('finds people and does not see what they are called', async () => {
    for (const column of ['name', 'name_search', 'email', 'phone', 'birth_date', '*'])
      await expect(
        ask(urlOf('svc_permission'), [claim('casa'), `select ${column} from clients`]),
      ).rejects.toMatchObject(denied);
  });

  test('deletes in the tenant it speaks for only', async () => {
    const old = (tenant: string) =>
      `insert into clients (tenant_id, id, name, name_search) values ('${tenant}', 'old', 'Bia', 'bia')`;
    await ask(server.url, [old('casa'), old('other')]);
    const deleted = await ask(urlOf('svc_retention'), [
      claim('casa'),
      "delete from clients where id = 'old' returning tenant_id",
    ]);
    expect(deleted).toEqual([{ tenant_id: 'casa' }]);
    await ask(server.url, ["delete from clients where id = 'old'"]);
  });

  test('finds an account before anybody is known, at the border only', async () => {
    expect(await ask(urlOf('svc_edge'), ['select id from accounts order by id'])).toEqual([
      { id: 'casa-1' },
      { id: 'other-1' },
    ]);
    await expect(ask(urlOf('svc_permission'), ['select from accounts'])).rejects.toMatchObject(denied);
  });

  test('keeps sessions of the tenant that the border speaks for, and shows it no other', async () => {
    const session = (tenant: string) =>
      `insert into sessions values ('${tenant}', 's-1', '${tenant}-1', '{pwd}', now(), now(), now())`;
    for (const tenant of ['casa', 'other']) await ask(urlOf('svc_edge'), [claim(tenant), session(tenant)]);
    await expect(ask(urlOf('svc_edge'), [claim('casa'), session('other')])).rejects.toMatchObject(denied);
    expect(await ask(urlOf('svc_edge'), [claim('casa'), 'select tenant_id from sessions'])).toEqual([
      { tenant_id: 'casa' },
    ]);
    const ended = "update sessions set ended_at = now(), reason = 'revoked' returning tenant_id";
    expect(await ask(urlOf('svc_edge'), [claim('other'), ended])).toEqual([{ tenant_id: 'other' }]);
    expect(await ask(urlOf('svc_edge'), ['select from sessions'])).toEqual([]);
  });

  test('keeps entries of many tenants in one batch, and does not change one', async () => {
    const entries = ['casa', 'other'].map(
      (tenant) => `('${tenant}', 'run-1', 'run.answered', 1, now(), 'casa-1', 'done', '{}')`,
    );
    const insert = `insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, decision, details) values ${entries} on conflict do nothing`;
    await ask(urlOf('svc_audit'), [insert]);
    await ask(urlOf('svc_audit'), [insert]);
    expect(await ask(server.url, ['select tenant_id from audit_entries order by 1'])).toEqual([
      { tenant_id: 'casa' },
      { tenant_id: 'other' },
    ]);
    for (const command of [
      "update audit_entries set actor = 'nobody'",
      'delete from audit_entries',
      'truncate audit_entries',
    ]) {
      await expect(ask(urlOf('svc_audit'), [command])).rejects.toMatchObject(denied);
    }
  });

  test('imports rows of the tenant it names, and of no other', async () => {
    const insert = (tenant: string) =>
      `insert into units values ('${tenant}', 'u1', 'Central', null, null) on conflict (tenant_id, id) do update set name = excluded.name`;
    await ask(urlOf('svc_import'), [claim('casa'), insert('casa'), insert('casa')]);
    await expect(ask(urlOf('svc_import'), [claim('casa'), insert('other')])).rejects.toMatchObject(denied);
  });
});

describe('every role of a service', () => {
  const roles = contracts.filter(usesDatabase);

  test.each(roles.map(({ name }) => name))(
    '%s reads the tables that its contract names and no other',
    async (name) => {
      const contract = roles.find((other) => other.name === name);
      // Who shows a grant has no right of its own; see deploy/isolation.test.ts.
      const declared = contract && !(contract.kind === 'hop' && contract.demands.includes('grant'));
      const readable = await ask(server.url, [
        `select c.relname as name from pg_class c where c.relkind in ('r', 'p') and c.relnamespace in ('public'::regnamespace, 'sec'::regnamespace)
        and has_any_column_privilege('${roleOf(name)}', c.oid, 'select') order by 1`,
      ]);
      expect(readable.map((row) => row['name'])).toEqual([...(declared ? readsOf(contract) : [])].sort());
    },
  );

  test.each(roles.map(({ name }) => name))(
    '%s writes what its contract names and nothing else',
    async (name) => {
      const contract = roles.find((other) => other.name === name);
      const writes = Object.entries(contract && 'writes' in contract ? contract.writes : {});
      const aged = contract?.packTables.includes('aged') ? packTables().aged : [];
      const held = contract?.packTables.includes('held') ? packTables().held : [];
      const declared = [
        ...writes.flatMap(([table, commands]) => commands.map((command) => `${table} ${command}`)),
        ...aged.map((table) => `${table} ${packTables().thinned.includes(table) ? 'update' : 'delete'}`),
        ...held.flatMap((table) => [`${table} delete`, `${table} update`]),
      ];
      const writable = await ask(server.url, [
        `select c.relname || ' ' || command as right from pg_class c, unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) command
       where c.relkind in ('r', 'p') and c.relnamespace in ('public'::regnamespace, 'sec'::regnamespace)
         and has_table_privilege('${roleOf(name)}', c.oid, command) order by 1`,
      ]);
      expect(writable.map((row) => row['right'])).toEqual(declared.sort());
    },
  );

  test('has no way around: no table of its own, no key, no other role, no bypass', async () => {
    const attempts = [
      'create table loot (id int)',
      'select * from sec.grant_key',
      'set role jangada_owner',
      'alter table clients disable row level security',
      'create policy mine on clients using (true)',
      'grant select on accounts to svc_data_access',
    ];
    for (const attempt of attempts) {
      await expect(ask(urlOf('svc_data_access'), [attempt]), attempt).rejects.toMatchObject(denied);
    }
    const [powers] = await ask(server.url, [
      "select bool_or(rolsuper or rolbypassrls or rolcreaterole) as any from pg_roles where rolname like 'svc%'",
    ]);
    expect(powers).toEqual({ any: false });
  });

  test('is all that can be: nobody logs in as the owner', async () => {
    await expect(ask(urlOf('jangada_owner'), ['select 1'])).rejects.toThrow('not permitted to log in');
  });
});

describe('migrating', () => {
  test('again changes nothing', async () => {
    const before = await schemaSql(server.url);
    await migrate(server.url, { grantDatabaseKeys: keys.setOf('database-grant') });
    expect(await schemaSql(server.url)).toBe(before);
    expect(await seenUnder(await grantOf())).toEqual(['casa']);
  });

  test('gives the schema that generated/schema.sql shows; else run `npm run generate`', async () => {
    expect(await schemaSql(server.url)).toBe(
      readFileSync(join(import.meta.dirname, 'generated', 'schema.sql'), 'utf8'),
    );
  });

  test('takes back a right that somebody granted by hand', async () => {
    await ask(server.url, [
      'grant select on accounts to svc_data_access',
      'create policy loose on accounts for select to svc_data_access using (true)',
      'alter role svc_data_access bypassrls',
    ]);
    await migrate(server.url);
    await expect(ask(urlOf('svc_data_access'), ['select from accounts'])).rejects.toMatchObject(denied);
    expect(await seenUnder(undefined)).toBe('denied');
  });

  test('fails when a migration made a table of tenants that nobody has a policy for', async () => {
    await ask(server.url, ['set local role jangada_owner', 'create table planted (tenant_id text)']);
    await expect(migrate(server.url)).rejects.toThrow('no policy names anybody for planted');
    await ask(server.url, ['drop table planted']);
    await migrate(server.url);
  });

  test('replaces the key that grants are verified with', async () => {
    const next = randomBytes(32);
    await migrate(server.url, {
      grantDatabaseKeys: JSON.stringify({
        keys: [{ kty: 'oct', kid: 'next', k: next.toString('base64url') }],
      }),
    });
    expect(await seenUnder(await grantOf())).toBe('denied');
    expect(await seenUnder(await grantOf({}, { ...key, kid: 'next', secret: next }))).toEqual(['casa']);
    await migrate(server.url, { grantDatabaseKeys: keys.setOf('database-grant') });
  });

  test('works for an administrator who is no superuser', async () => {
    await using fresh = await startPostgres({ dir: join(dir, 'plain'), durability: 'relaxed' });
    const client = new pg.Client({ connectionString: fresh.url });
    await client.connect();
    await client.query('create role administrator login createrole');
    await client.query('create database clinic owner administrator');
    await client.end();
    const url = new URL(fresh.url);
    url.username = 'administrator';
    url.pathname = '/clinic';
    await migrate(url.href, {
      grantDatabaseKeys: keys.setOf('database-grant'),
      passwords: { svc_edge: 'a password' },
    });
    await migrate(url.href);
    expect(await schemaSql(url.href)).toBe(await schemaSql(server.url));
  }, 60_000);
});
