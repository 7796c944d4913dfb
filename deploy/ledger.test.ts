import { generateKeyPairSync } from 'node:crypto';
import { appendFile, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { headers } from '@jangada/proto/envelope.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { shardOf, shards } from '@jangada/verifier/entry.ts';
import type { Report } from '@jangada/verifier/report.ts';
import { verify } from '@jangada/verifier/verify.ts';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../services/audit/handler.ts';
import { append } from '../services/audit/ledger.ts';
import { seal } from '../services/audit/seal.ts';
import { keepSealed } from '../services/audit/witness.ts';
import type { Fact } from '../services/detection/facts.ts';
import { type Seen, watch } from '../services/detection/watch.ts';
import { scansOf } from './bench/guarded.ts';
import { roleOf } from './generate/roles.ts';
import { forgetTrail, startDatabase, type TestDatabase } from './test-database.ts';
import { checkpointsOf, dumpOf } from './trail.ts';

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
  await database.administer(forgetTrail);
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
  test('is searched for what it keeps by an index, also as planned while it is short', async () => {
    const asked: Parameters<Transaction['rows']>[0][] = [];
    const transaction = {
      rows: async (query: (typeof asked)[number]) => {
        asked.push(query);
        return [];
      },
    };
    const within = (_claim: unknown, work: (one: unknown) => unknown) => work(transaction);
    await append({ within } as unknown as Store, [entry()]);
    const [, search] = asked;
    const url = new URL(database.server.url);
    url.username = roleOf('audit');
    const scans = await scansOf(url.href, {}, search as NonNullable<typeof search>);
    expect(scans).toContain('Index Only Scan audit_entries');
  });

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
        shard: shardOf('casa'),
        number: 0,
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
    const [prepared] = await store.rows(
      written(
        sql`select count(*)::int as texts from pg_prepared_statements where statement like '%insert into audit_entries%' and statement not like '%pg_prepared%'`,
      ),
    );
    expect(prepared).toEqual({ texts: 1 });
  });
});

describe('the chains', () => {
  const many = (from: number, count: number): Entry[] =>
    Array.from({ length: count }, (_, index) =>
      entry({
        tenant: `tenant-${(from + index) % 9}`,
        subject: `run-${from + index}`,
        sequence: 1 + from + index,
      }),
    );
  const keys = generateKeyPairSync('ed25519');
  const signer = { kid: 'first', key: keys.privateKey };
  const sealed = () => seal(store, { log: 'local', signer: () => signer });
  const verified = async () => {
    const keyOf = () => keys.publicKey;
    const checkpoints = checkpointsOf(database.server.url);
    return verify({ dump: dumpOf(database.server.url), checkpoints, keyOf, keptDays: 730 });
  };
  const faultsOf = ({ findings }: Report) =>
    findings.map(({ fault, shard, number }) => [fault, shard, number]);
  /** As nobody can who does not take the triggers away. */
  const past = (text: string) =>
    database.administer(
      `set session_replication_role = replica; ${text}; set session_replication_role = origin`,
    );

  test('do not fork and hold each entry once, where two instances keep the same facts at once', async () => {
    const other = await database.storeOf('audit');
    const batches = [0, 20, 40, 60, 80].map((from) => many(from, 40));
    await Promise.all(batches.flatMap((batch) => [append(store, batch), append(other, batch.toReversed())]));
    await Promise.all([sealed(), seal(other, { log: 'local', signer: () => signer })]);
    await sealed();
    expect(await verified()).toMatchObject({ entries: 120, found: 0, unsealed: 0, pruned: 0 });
    expect(await kept('number')).toHaveLength(120);
  });

  test('are sealed once for what they hold, and what came since is told as unsealed', async () => {
    await append(store, many(0, 8));
    expect(await sealed()).toMatchObject({ number: 0 });
    expect(await sealed()).toBeUndefined();
    await append(store, many(8, 4));
    expect(await verified()).toMatchObject({ checkpoints: 1, entries: 12, unsealed: 4, found: 0 });
  });

  test.each([
    ["update audit_entries set actor = 'nobody' where shard = 1 and number = 2", [['edit', 1, 2]]],
    ['delete from audit_entries where shard = 1 and number = 0', [['deletion', 1, 0]]],
    [
      "update audit_entries set at = at + interval '1 microsecond' where shard = 1 and number = 1",
      [['edit', 1, 1]],
    ],
    ['update audit_entries set number = 1 - number + 100 where shard = 1 and number < 2', undefined],
    [
      'delete from audit_batches where shard = 1; delete from audit_entries where shard = 1',
      [['truncation', 1, 0]],
    ],
  ])('show what was done past every right: %s', async (done, faults) => {
    await append(store, many(0, 40));
    await sealed();
    await past(done);
    const report = await verified();
    expect(report.found).toBeGreaterThan(0);
    if (faults) expect(faultsOf(report)).toEqual(expect.arrayContaining(faults));
  });

  test('still verify where retention removed what was old, and no one else could have', async () => {
    await append(store, many(0, 40));
    await sealed();
    const retention = await database.storeOf('retention');
    await retention.within({ tenant: 'tenant-0' }, (transaction) =>
      transaction.rows(written(sql`delete from audit_entries where at < now()`)),
    );
    const young = await verified();
    expect(young.pruned).toBe(0);
    expect(young.findings.filter(({ fault }) => fault === 'deletion')).toHaveLength(5);
    const keyOf = () => keys.publicKey;
    const checkpoints = checkpointsOf(database.server.url);
    await sleep(5);
    // Of a time so short that what was just sealed is past it.
    const old = await verify({ dump: dumpOf(database.server.url), checkpoints, keyOf, keptDays: 2 });
    expect(old).toMatchObject({ pruned: 5, found: 0 });
    await expect(database.administer('delete from audit_entries')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('checkpoints', () => {
  const statement = (number: number): string => {
    const hash = 'h'.repeat(43);
    const heads = Array.from({ length: shards }, () => ({ next: 0, chain: hash }));
    const at = '2026-11-21T12:00:00.000Z';
    const claims = { v: 1, log: 'local', number, at, heads, links: hash, before: null };
    return `${Buffer.from(JSON.stringify(claims)).toString('base64url')}.first.signature`;
  };
  const published: string[] = [];
  const keeping = (
    path?: string,
    before: () => Promise<void> = async () => undefined,
    lines: string[] = [],
  ) => {
    const metrics = openMetrics('audit');
    const publish: Bus['publish'] = async (_subject, _body, { [headers.messageId]: id = '' }) => {
      await before();
      return { sequence: published.push(id), duplicate: false };
    };
    const kept = {
      store,
      bus: { publish },
      log: openLog('audit', 'WARNING', { write: (line) => lines.push(line) }),
      metrics,
    };
    return { metrics, end: keepSealed({ ...kept, path, seal: async () => undefined }) };
  };
  const insert = (count: number) =>
    database.administer(
      `insert into audit_checkpoints (number, at, statement) select n, now(), 'checkpoint ' || n from generate_series(0, ${count - 1}) n`,
    );
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await sleep(20);
  };
  beforeEach(() => {
    published.length = 0;
  });

  test('are told after the last whole one of a file that is larger than memory', async () => {
    const path = join(database.dir, 'large.log');
    await writeFile(path, '');
    const size = 4 * 2 ** 30;
    await truncate(path, size);
    await appendFile(path, `\n${statement(3)}\n${statement(4).slice(0, 40)}`);
    await insert(6);
    const { end } = keeping(path);
    await until(() => published.length === 2);
    await (await end)();
    expect(published).toEqual(['checkpoint.4', 'checkpoint.5']);
    await using file = await open(path);
    const { buffer } = await file.read({ buffer: Buffer.alloc(4_096), position: size });
    expect(buffer.toString().replace(/\0+$/, '').split('\n').slice(1)).toEqual([
      ...[statement(3), 'checkpoint 4', 'checkpoint 5', ''],
    ]);
    await rm(path);
  });

  test.each<[string, string, string]>([
    ['of which only half was written', `${statement(3)}\n${statement(4).slice(0, 40)}`, `${statement(3)}\n`],
    [
      'of which half was written twice',
      `${statement(3)}\n${statement(4).slice(0, 40)}\n`,
      `${statement(3)}\n`,
    ],
    ['that the disk lost', `${statement(3)}\n${'\0'.repeat(700)}`, `${statement(3)}\n`],
    ['of which half is all that there is', statement(0).slice(0, 40), ''],
    ['of which the disk lost all', '\0'.repeat(700), ''],
  ])('%s are cut off and told again, and a log says so', async (_what, written, kept) => {
    const path = join(database.dir, 'torn.log');
    await writeFile(path, written);
    await insert(6);
    const lines: string[] = [];
    const { end } = keeping(path, undefined, lines);
    const last = kept === '' ? -1 : 3;
    await until(() => published.length === 5 - last);
    await (await end)();
    const told = Array.from({ length: 5 - last }, (_, index) => `checkpoint ${index + last + 1}\n`).join('');
    expect(await readFile(path, 'utf8')).toBe(`${kept}${told}`);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'WARNING', operation: 'seal', count: written.length - kept.length },
    ]);
    await rm(path);
  });

  test.each([
    ['a letter', 'a letter\nto somebody\n'],
    ['a token', 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'],
  ])('are not looked for in %s, of which nothing is cut off', async (_what, content) => {
    const path = join(database.dir, 'else.log');
    await writeFile(path, content);
    const lines: string[] = [];
    const { end } = keeping(path, undefined, lines);
    await until(() => lines.length > 0);
    await (await end)();
    expect(await readFile(path, 'utf8')).toBe(content);
    expect(published).toEqual([]);
    await rm(path);
  });

  test('that are not told yet are as old as the last turn that told all', async () => {
    const path = join(database.dir, 'none.log');
    await insert(2_001);
    const ages: number[] = [];
    let began = Number.POSITIVE_INFINITY;
    const { metrics, end } = keeping(path, async () => {
      if (published.length % 1_000 > 0) return;
      const notBefore = Date.now() - began;
      const [, age] = /^audit_checkpoint_age_seconds.* (.*)$/m.exec(await metrics.text()) ?? [];
      ages.push(Number(age) * 1_000 - notBefore);
    });
    began = Date.now();
    await until(() => published.length === 2_001);
    await (await end)();
    expect(published).toHaveLength(2_001);
    expect(ages.map((age) => age >= 0)).toEqual([true, true, true]);
  });
});

describe('what was written', () => {
  test.each([
    "update audit_entries set actor = 'nobody'",
    'update audit_batches set first = 9',
    'delete from audit_batches',
    'update audit_heads set next = 0',
    'insert into audit_heads values (9, 0, sha256(null))',
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

describe('what is known of how people read', () => {
  let detection: Store;
  beforeAll(async () => {
    detection = await database.storeOf('detection');
  });
  beforeEach(async () => {
    await database.administer('truncate alerts, alert_states, sessions cascade');
  });

  const at = Date.parse('2026-03-02T18:00:00Z');
  const seen = (
    sequence: number,
    own: Partial<Omit<Seen, 'fact'>> & { readonly fact?: object } = {},
  ): Seen => ({
    tenant: 'casa',
    actor: 'user-1',
    endsSessions: undefined,
    ...own,
    fact: {
      ...{
        sequence,
        at: at + sequence,
        zone: 'UTC',
        session: 's1',
        kind: 'refused',
        code: 'AUTHZ_NO_RELATION',
      },
      ...{ isAttack: false },
      ...own.fact,
    } as Fact,
  });
  const rules = async (facts: readonly Seen[]) => (await watch(detection, facts)).map(({ rule }) => rule);

  test('is kept between batches, apart for each person and tenant, in the order of the facts', async () => {
    expect(await rules([seen(2), seen(1), seen(3, { actor: 'user-2' })])).toEqual([]);
    expect(await rules([seen(4, { tenant: 'other' }), seen(5, { actor: 'user-2' })])).toEqual([]);
    expect(await rules([seen(6)])).toEqual(['relation_denials']);
  });

  test('raises for facts that are heard again what they raised, and once', async () => {
    const facts = [seen(1), seen(2), seen(3)];
    const raised = await watch(detection, facts);
    expect(raised).toMatchObject([
      { rule: 'relation_denials', severity: 'warning', value: 3, limit: 2, ended: [] },
    ]);
    expect(await watch(detection, facts)).toEqual(raised);
    expect(await rules([seen(4)])).toEqual([]);
    expect(await database.administer('select count(*)::int as count from alerts')).toEqual([{ count: 1 }]);
  });

  test('ends the sessions of whom an alert is about where the pack says so, and nobody else’s', async () => {
    await database.administer(`insert into tenants (id, name, pack, time_zone, locale, currency)
      values ('casa', 'Casa', 'aesthetic-clinic', 'UTC', 'en', 'EUR') on conflict do nothing`);
    for (const [id, account] of [
      ['s1', 'user-1'],
      ['s2', 'user-1'],
      ['s3', 'user-2'],
    ]) {
      await database.administer(`insert into accounts (id, tenant_id, alias, email, password_hash, role)
        values ('${account}', 'casa', '${account}', '${account}@casa.example', '', 'admin') on conflict do nothing`);
      await database.administer(`insert into sessions (tenant_id, id, account_id, amr, authenticated_at, created_at, used_at)
        values ('casa', '${id}', '${account}', '{pwd}', now(), now(), now())`);
    }
    const endsSessions = ['tenant_mismatch'] as const;
    const fact = { code: 'TENANT_ISOLATION_VIOLATION' };
    const [raised] = await watch(detection, [seen(1, { endsSessions, fact })]);
    expect(raised).toMatchObject({ severity: 'critical', ended: ['s1', 's2'] });
    expect(await watch(detection, [seen(1, { endsSessions, fact })])).toEqual([raised]);
    expect(await database.administer('select id, reason from sessions order by id')).toEqual([
      { id: 's1', reason: 'revoked' },
      { id: 's2', reason: 'revoked' },
      { id: 's3', reason: null },
    ]);
  });
});
