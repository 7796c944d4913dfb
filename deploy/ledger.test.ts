import type { Store } from '@jangada/store/store.ts';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../services/audit/handler.ts';
import { append } from '../services/audit/ledger.ts';
import { startDatabase, type TestDatabase } from './test-database.ts';

// The audit trail in PostgreSQL, written as the service's own role.

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await startDatabase();
  store = await database.storeOf('audit');
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.administer('truncate audit_entries');
});

const entry = (own: Partial<Entry> = {}): Entry => ({
  tenant: 'casa',
  subject: 'run-1',
  fact: 'run.answered',
  sequence: 1,
  at: new Date('2026-11-21T12:00:00.123Z'),
  actor: 'user-1',
  role: 'admin',
  session: 'session-1',
  purpose: 'care',
  decision: 'done',
  code: null,
  resource: null,
  details: { rows: 2 },
  origin: 'sealed',
  ...own,
});
const kept = (columns = '*') =>
  database.administer(`select ${columns} from audit_entries order by tenant_id, subject_id, fact`);

describe('the trail', () => {
  test('keeps an entry as it was made', async () => {
    await append(store, [entry()]);
    expect(await kept()).toEqual([
      {
        tenant_id: 'casa',
        subject_id: 'run-1',
        fact: 'run.answered',
        sequence: 1,
        at: '2026-11-21T12:00:00.123Z',
        actor: 'user-1',
        role: 'admin',
        session: 'session-1',
        purpose: 'care',
        decision: 'done',
        code: null,
        resource: null,
        details: { rows: 2 },
        origin: 'sealed',
      },
    ]);
  });

  test('keeps a fact once, as it was first, however often it is delivered', async () => {
    await append(store, [entry()]);
    await append(store, [entry({ actor: 'somebody-else', sequence: 9 })]);
    await append(store, [entry(), entry()]);
    expect(await kept('actor, sequence')).toEqual([{ actor: 'user-1', sequence: 1 }]);
  });

  test('keeps the rest of a batch in which some were kept before', async () => {
    await append(store, [entry({ subject: 'run-2' })]);
    await append(
      store,
      ['run-1', 'run-2', 'run-3'].map((subject) => entry({ subject })),
    );
    expect(await kept('subject_id')).toEqual([
      { subject_id: 'run-1' },
      { subject_id: 'run-2' },
      { subject_id: 'run-3' },
    ]);
  });

  test('keeps a whole batch of many tenants', async () => {
    const batch = Array.from({ length: 256 }, (_, index) =>
      entry({ tenant: `tenant-${index % 7}`, subject: `run-${index}`, sequence: index }),
    );
    await append(store, batch);
    expect(await kept('count(*) over ()')).toHaveLength(256);
  });

  test('keeps none of a batch that holds one it cannot', async () => {
    const wrong = entry({ subject: 'run-2', decision: 'perhaps' as 'done' });
    await expect(append(store, [entry(), wrong])).rejects.toMatchObject({ name: 'Unprocessable' });
    expect(await kept()).toEqual([]);
  });

  test.each(['{a,b}', 'NULL', '"quoted"', "it's", 'back\\slash', 'ção 🚣', ''])(
    'keeps text to the letter: %j',
    async (text) => {
      await append(store, [entry({ actor: text, resource: text, details: { text } })]);
      expect(await kept('actor, resource, details')).toEqual([
        { actor: text, resource: text, details: { text } },
      ]);
    },
  );

  test('keeps the same statement prepared, whatever the number of entries', async () => {
    for (const count of [1, 5, 50])
      await append(
        store,
        Array.from({ length: count }, (_, index) => entry({ subject: `run-${index}` })),
      );
    const [prepared] = await database.administer(
      "select count(distinct query)::int as texts from pg_stat_activity where usename = 'svc_audit' and query like '%insert into audit_entries%'",
    );
    expect(prepared).toEqual({ texts: 1 });
  });
});

describe('what was written', () => {
  test.each([
    "update audit_entries set actor = 'nobody'",
    'delete from audit_entries',
    'truncate audit_entries',
    'drop table audit_entries',
    'alter table audit_entries disable row level security',
    "insert into audit_entries select * from audit_entries on conflict (tenant_id, subject_id, fact) do update set actor = 'nobody'",
  ])('cannot be changed by who wrote it: %s', async (statement) => {
    await append(store, [entry()]);
    const url = new URL(database.server.url);
    url.username = 'svc_audit';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query("select set_config('app.tenant', 'casa', false)");
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
    await client.end();
    expect(await kept('actor')).toEqual([{ actor: 'user-1' }]);
  });
});
