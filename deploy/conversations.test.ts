import { read } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { swept as sweptFact } from '@jangada/proto/retention.ts';
import type { Kept } from '@jangada/runtime/keep.ts';
import { connect, queries, type Store, type Transaction } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { databasePart, type Grant } from '@jangada/trust/grant.ts';
import { shred } from '@jangada/vault/shred.ts';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keepAll } from '../services/conversation/exchanges.ts';
import type { Exchange } from '../services/conversation/handler.ts';
import { followSessions } from '../services/conversation/sessions.ts';
import { openRows } from '../services/data-access/open.ts';
import { endIdle } from '../services/retention/sessions.ts';
import { sweep, takeUp } from '../services/retention/sweep.ts';
import { grantFor, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// What people ask agents and are told: kept, read back by whose it is, and gone in time, each as the service's own role.

const pack = packOf('aesthetic-clinic');
const minutes = (count: number): number => count * 60_000;
const days = (count: number): number => minutes(count * 1_440);
const lastsMs = minutes(30);
const now = Date.now();

let database: TestDatabase;
let keeper: Store;
let reader: Store;
let retention: Store;

beforeAll(async () => {
  database = await startDatabase();
  [keeper, reader, retention] = (await Promise.all(
    (['conversation', 'data-access', 'retention'] as const).map((name) => database.storeOf(name)),
  )) as [Store, Store, Store];
  await database.administer(`${tenantSql('casa')} ${tenantSql('other')}`);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.administer(
    'truncate ai_agent_sessions, ai_agent_conversations, legal_holds, retention_runs, retention_plans cascade',
  );
});

const exchange = (run: string, own: Partial<Exchange> & { agoMs?: number } = {}): Exchange => {
  const { agoMs = 0, ...rest } = own;
  return {
    tenant: 'casa',
    thread: 'thread-1',
    run,
    at: new Date(now - agoMs),
    owner: 'c1',
    type: 'TENANT',
    question: `what of ${run}?`,
    message: null,
    answer: `this of ${run}`,
    attempt: 1,
    ending: 'answered',
    code: null,
    ...rest,
  };
};
const keep = (...exchanges: readonly Exchange[]): Promise<void> =>
  keepAll(keeper, exchanges, { vault: database.vault, lastsMs, tenantsAtOnce: 2 });
const kept = (columns: string) =>
  database.administer(`select ${columns} from ai_agent_conversations order by created_at, id`);
const sessions = () =>
  database.administer('select id, session_type, is_active from ai_agent_sessions order by created_at, id');

const source = pack.sources['conversations'];
if (!source) throw new Error('the core has lost its conversations');

/** What a plan brings whoever shows a grant, opened. */
const readAs = async (own: Partial<Grant>, plan: Partial<Plan> = {}) => {
  const granted = { pur: 'own_history', reach: 'own' as const, by: 'c1', ...own };
  const claim = { grant: databasePart(await database.grant(grantFor(granted))) };
  const asked: Plan = {
    ...{ source: 'conversations', ask: 'list', joins: [], filter: {}, limit: 20 },
    fields: [...source.list],
    ...plan,
  };
  const rows = await reader.read(claim, read(source, asked, { person: undefined, zone: 'UTC' }));
  const keys: Transaction = { rows: (query) => reader.read(claim, query) };
  return openRows(rows.slice(0, asked.limit), {
    tenant: own.tid ?? 'casa',
    source,
    vault: database.vault,
    keys,
  });
};
const runsOf = (rows: Awaited<ReturnType<typeof readAs>>) => rows.map(({ run }) => run);

/** Runs SQL as the role of a service, past its program. */
const as = async (role: string, text: string): Promise<unknown[]> => {
  const url = new URL(database.server.url);
  url.username = role;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query("select set_config('app.tenant', 'casa', false)");
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

describe('a question and its answer', () => {
  test('are kept sealed, for whoever asked', async () => {
    await keep(
      exchange('run-1', { message: 'message-1' }),
      exchange('run-2', { tenant: 'other', owner: 'c2' }),
    );
    const [row] = await kept('tenant_id, session_id, is_first, ending, question, answer, message');
    expect(row).toMatchObject({ tenant_id: 'casa', session_id: 'run-1', is_first: true, ending: 'answered' });
    for (const column of ['question', 'answer', 'message'])
      expect(String(row?.[column])).not.toMatch(/run-1|message-1/);
    expect(await readAs({})).toMatchObject([
      { run: 'run-1', question: 'what of run-1?', answer: 'this of run-1', message: 'message-1' },
    ]);
  });

  test('are kept once, however often they come, and after they came with another time', async () => {
    await keep(exchange('run-1'));
    await keep(exchange('run-1', { answer: 'something else' }), exchange('run-2', { agoMs: -1_000 }));
    await keep(exchange('run-1', { agoMs: -minutes(5) }));
    expect(runsOf(await readAs({}))).toEqual(['run-2', 'run-1']);
    expect((await readAs({}))[1]).toMatchObject({ answer: 'this of run-1' });
  });

  test('cannot be read by who kept them, nor by the way of a partition', async () => {
    await keep(exchange('run-1'));
    const [month] = await database.administer(
      'select tableoid::regclass::text as name from ai_agent_conversations',
    );
    for (const role of ['svc_conversation', 'svc_edge', 'svc_data_access', 'svc_retention'])
      await expect(as(role, `select * from ${month?.['name']}`), role).rejects.toMatchObject({
        code: '42501',
      });
    for (const statement of [
      'select question from ai_agent_conversations',
      'delete from ai_agent_conversations',
    ])
      await expect(as('svc_conversation', statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('are not read by anybody else, however far their role reaches', async () => {
    await keep(exchange('run-1'), exchange('run-2', { thread: 'thread-2', owner: 'account:a1' }));
    expect(runsOf(await readAs({}))).toEqual(['run-1']);
    expect(runsOf(await readAs({ by: 'account:a1' }))).toEqual(['run-2']);
    expect(await readAs({ by: 'c2' })).toEqual([]);
    expect(await readAs({ tid: 'other' })).toEqual([]);
    for (const reach of ['tenant', 'related'] as const) expect(await readAs({ reach })).toEqual([]);
    // A grant for care opens no conversation, and one for conversations no record.
    await expect(readAs({ pur: 'care' })).rejects.toMatchObject({ name: 'Unprocessable' });
    const claim = {
      grant: databasePart(await database.grant(grantFor({ pur: 'own_history', reach: 'own', by: 'c1' }))),
    };
    const records = sql`select id from clients`;
    const db = queries<Record<string, never>>();
    await expect(reader.read(claim, { compile: () => records.compile(db) })).rejects.toMatchObject({
      name: 'Unprocessable',
    });
  });

  test('are found by their thread, and threads by how they began, page by page', async () => {
    await keep(
      exchange('run-1', { agoMs: 4_000 }),
      exchange('run-2', { agoMs: 3_000 }),
      exchange('run-3', { agoMs: 2_000, thread: 'thread-2' }),
    );
    expect(runsOf(await readAs({}, { filter: { thread: 'thread-1' } }))).toEqual(['run-2', 'run-1']);
    expect(await readAs({}, { filter: { thread: 'thread-9' } })).toEqual([]);
    const begun = { filter: { state: 'first' }, fields: ['thread', 'question'] };
    expect(await readAs({}, begun)).toMatchObject([{ thread: 'thread-2' }, { thread: 'thread-1' }]);
    expect(await readAs({}, { ...begun, limit: 1 })).toMatchObject([{ thread: 'thread-2' }]);
  });

  test('are opened by nobody once whose they are is erased, and what is asked after that has no words', async () => {
    await keep(exchange('run-1', { owner: 'c8' }));
    const admin = connect('admin', { DATABASE_URL: database.server.url, DATABASE_POOL_SIZE: 1 });
    const destroyed = await shred({
      ...{ store: admin, tenant: 'casa', subject: 'c8', class: 'discretionary' },
      tables: sealedTables(pack),
      announce: async () => database.vault.forget('casa'),
    });
    await admin[Symbol.asyncDispose]();
    expect(destroyed).toHaveLength(1);
    await keep(exchange('run-2', { owner: 'c8' }));
    expect(await readAs({ by: 'c8' })).toMatchObject([
      { run: 'run-2', question: null },
      { run: 'run-1', question: null, answer: null },
    ]);
  });
});

describe('a session', () => {
  test('goes on while the silence is no longer than it lasts; then the next question opens another', async () => {
    await keep(exchange('run-1', { agoMs: minutes(80) }), exchange('run-2', { agoMs: minutes(55) }));
    expect(await sessions()).toEqual([{ id: 'run-1', session_type: 'TENANT', is_active: true }]);
    await keep(exchange('run-3', { agoMs: minutes(24) }));
    expect(await sessions()).toEqual([
      { id: 'run-1', session_type: 'TENANT', is_active: false },
      { id: 'run-3', session_type: 'TENANT', is_active: true },
    ]);
    expect(await kept('id, session_id, is_first')).toEqual([
      { id: 'run-1', session_id: 'run-1', is_first: true },
      { id: 'run-2', session_id: 'run-1', is_first: false },
      { id: 'run-3', session_id: 'run-3', is_first: false },
    ]);
  });

  test('is the same when its questions come again, late and in another order', async () => {
    const asked = [80, 55, 24].map((ago, index) => exchange(`run-${index + 1}`, { agoMs: minutes(ago) }));
    await keep(...asked);
    const before = [await sessions(), await kept('id, session_id')];
    for (const one of asked.toReversed()) await keep(one);
    expect([await sessions(), await kept('id, session_id')]).toEqual(before);
  });

  test('is ended by a tick once it is over, and not before', async () => {
    await keep(
      exchange('old', { agoMs: minutes(40) }),
      exchange('new', { agoMs: minutes(10), thread: 'thread-2' }),
      exchange('theirs', { agoMs: minutes(40), tenant: 'other' }),
    );
    const tick = { tenant: 'casa', at: new Date(now) };
    for (let time = 0; time < 2; time++) await endIdle(retention, tick);
    expect(Object.fromEntries((await sessions()).map(({ id, is_active }) => [id, is_active]))).toEqual({
      old: false,
      new: true,
      theirs: true,
    });
  });

  test('is counted by its agent while it is not over, whoever’s it is', async () => {
    await keep(
      exchange('a', { agoMs: minutes(1) }),
      exchange('b', { agoMs: minutes(1), tenant: 'other' }),
      exchange('c', { agoMs: minutes(1), thread: 'thread-2', type: 'PUBLIC', owner: 'account:public' }),
      exchange('d', { agoMs: minutes(50), thread: 'thread-3' }),
    );
    const metrics = openMetrics('conversation');
    const stop = followSessions(keeper, metrics);
    const figures = await until('the figures', async () => {
      const text = await metrics.text();
      return text.includes('agent_type="public"') ? text : undefined;
    });
    await stop();
    expect(figures).toMatch(/ai_agent_active_sessions\{agent_type="tenant",service="conversation"\} 2/);
    expect(figures).toMatch(/ai_agent_active_sessions\{agent_type="public",service="conversation"\} 1/);
  });
});

describe('a month', () => {
  const monthsOf = async (): Promise<unknown[]> =>
    (
      await database.administer(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'ai_agent_conversations'::regclass order by 1",
      )
    ).map(({ name }) => name);
  /** A month long gone, as an earlier installation has it. */
  const makeMonth = (name: string, from: string, to: string) =>
    database.administer(`
      create table months.${name} (like ai_agent_conversations including defaults including constraints);
      alter table months.${name} owner to jangada_owner;
      alter table months.${name} enable row level security, force row level security;
      alter table ai_agent_conversations attach partition months.${name} for values from ('${from}') to ('${to}');`);
  const tickOf = (id: string, own = {}) => ({
    tenant: 'casa',
    of: 'rules' as const,
    asked: id,
    askedBy: 'operator',
    at: new Date(now),
    ...own,
  });
  /** Plans, agrees, carries out; returns what was deleted of each class. */
  const swept = async (tick: ReturnType<typeof tickOf>) => {
    const told: unknown[] = [];
    const work = {
      store: retention,
      signal: new AbortController().signal,
      tell: async ({ emission }: Kept) => told.push(emission.body),
    };
    await sweep(work, tick);
    await database.administer(`
      insert into retention_approvals (tenant_id, tick, class, root, approved_by)
      select tenant_id, tick, class, root, 'bia' from retention_plans where needs is not null and finished_at is null`);
    await takeUp(work, tick);
    const [run] = await database.administer(
      `select report from retention_runs where tenant_id = '${tick.tenant}' and tick = '${tick.asked}'`,
    );
    const { rules } = sweptFact.body.parse(run?.['report']);
    return rules.filter((rule) => rule.deleted > 0);
  };

  test('is there before its first question', async () => {
    await keep(exchange('next', { agoMs: -days(31) }));
    expect(await kept('id')).toEqual([{ id: 'next' }]);
    expect(await monthsOf()).toHaveLength(5);
  });

  test('is taken out once its rows are due and gone, of every tenant, and not while a hold keeps one', async () => {
    await makeMonth('ai_agent_conversations_2024_01', '2024-01-01', '2024-02-01');
    await makeMonth('ai_agent_conversations_2024_02', '2024-02-01', '2024-03-01');
    const ago = (time: string) => ({ at: new Date(time) });
    await keep(
      // The first row of each month: where PostgreSQL keeps it is the same place in each.
      exchange('january', ago('2024-01-10T12:00:00Z')),
      exchange('february', { ...ago('2024-02-10T12:00:00Z'), tenant: 'other', thread: 'thread-2' }),
      exchange('young', { agoMs: days(1), thread: 'thread-3' }),
    );
    await database.administer(
      "insert into legal_holds (tenant_id, class, reason) values ('other', 'conversations', 'a lawsuit')",
    );
    // A session goes with the next run after its last question: when it was listed, it was still referred to.
    expect(await swept(tickOf('1'))).toMatchObject([{ class: 'conversations', deleted: 1 }]);
    expect(await swept(tickOf('1b'))).toMatchObject([{ class: 'agent_sessions', deleted: 1 }]);
    await swept(tickOf('1', { tenant: 'other' }));
    expect(await kept('id')).toEqual([{ id: 'february' }, { id: 'young' }]);
    expect(await monthsOf()).not.toContain('months.ai_agent_conversations_2024_01');
    expect(await monthsOf()).toContain('months.ai_agent_conversations_2024_02');

    await database.administer('update legal_holds set released_at = now()');
    await swept(tickOf('2', { tenant: 'other' }));
    expect(await kept('id')).toEqual([{ id: 'young' }]);
    expect(await monthsOf()).toHaveLength(5);
    // What comes and goes is no drift: every service starts on it.
    await database.storeOf('edge');
  });

  test('that somebody could read by itself keeps every service from starting', async () => {
    const [month] = await monthsOf();
    await database.administer(`grant select on ${month} to svc_edge`);
    await expect(database.storeOf('edge')).rejects.toThrow(/reached by its parent alone/);
    await database.administer(`revoke select on ${month} from svc_edge`);
    await database.storeOf('edge');
  });
});
