import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leafOf, rootOf } from '@jangada/merkle/tree.ts';
import { startNats } from '@jangada/servers/nats.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { connect } from '@jangada/store/store.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';
import { connect as connectNats, type NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../services/audit/handler.ts';
import { append } from '../../services/audit/ledger.ts';
import { seal } from '../../services/audit/seal.ts';
import { streams } from '../generate/streams.ts';
import { fileOf, firstKey, writeSet } from '../keysets.ts';
import { migrate } from '../migrate.ts';
import { forgetTrail } from '../test-database.ts';
import { type Ended, runInside } from './test-terminal.ts';

/** Commands that read PostgreSQL, on the real schema. */

let dir: string;
let postgres: Server;
let nats: Server;
let nc: NatsConnection;
let client: pg.Client;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-cli-'));
  const servers = [
    startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' }),
    startNats({ dir: join(dir, 'nats'), syncInterval: '1s' }),
  ] as const;
  [postgres, nats] = await Promise.all(servers);
  nc = await connectNats({ servers: nats.url });
  const facts = streams().find(({ name }) => name === 'FACTS');
  await (await jetstreamManager(nc)).streams.add(facts ?? expect.fail('no stream of facts'));
  await migrate(postgres.url);
  client = new pg.Client(postgres.url);
  await client.connect();
});
beforeEach(async () => {
  await client.query(forgetTrail);
  await client.query('truncate retention_runs, tenants cascade');
  await client.query(`insert into tenants (id, name, pack, time_zone, locale, currency)
    select id, id, 'aesthetic-clinic', 'UTC', 'en', 'BRL' from unnest(array['clinica', 'outra']) as id`);
});
afterAll(async () => {
  await client.end();
  await nc.close();
  await nats.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
});

const jangada = (...args: string[]): Promise<Ended> =>
  runInside(args, {
    ...process.env,
    JANGADA_HOME: dir,
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    NATS_NKEY_SEED: new TextDecoder().decode(createUser().getSeed()),
    REDIS_URL: 'redis://127.0.0.1:1',
    JANGADA_EDGE_URL: 'http://127.0.0.1:1',
  });

const json = async (...args: string[]): Promise<unknown> =>
  JSON.parse((await jangada(...args, '--json')).stdout);

const record = (tenant: string, run: string, fact: string, sequence: number) =>
  client.query(
    `insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, role, decision, details)
     values ($1, $2, $3, $4::int, timestamptz '2026-11-21T10:00:00Z' + $4::int * interval '1 ms', 'u-1', 'admin', 'allowed', '{"rows": 2}')`,
    [tenant, run, fact, sequence],
  );

test('audit get tells every entry of a run in order, by its id or the beginning of it', async () => {
  await record('clinica', 'r_1', 'run.permitted', 2);
  await record('clinica', 'r_1', 'run.understood', 1);
  await record('clinica', 'r_10', 'run.understood', 3);
  await record('clinica', 'rx1', 'run.understood', 4);
  const entries = [
    {
      tenant: 'clinica',
      about: 'r_1',
      fact: 'run.understood',
      sequence: 1,
      at: '2026-11-21T10:00:00.001Z',
      details: { rows: 2 },
    },
    { tenant: 'clinica', about: 'r_1', fact: 'run.permitted', sequence: 2 },
  ];
  expect(await json('audit', 'get', 'r_1')).toMatchObject(entries);
  expect(await json('audit', 'get', 'rx')).toMatchObject([{ about: 'rx1' }]);
  expect((await jangada('audit', 'get', 'r_1')).stdout).toMatch(
    /run\.understood +allowed[\s\S]*run\.permitted +allowed/,
  );
  expect(await jangada('audit', 'get', 'r_')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('give more of the id'),
  });
  expect(await jangada('audit', 'get', 'q')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing is known of q'),
  });
});

test('audit get asks for the tenant when two have the run', async () => {
  await record('clinica', 'r-1', 'run.understood', 1);
  await record('outra', 'r-1', 'run.understood', 2);
  expect((await jangada('audit', 'get', 'r-1')).stderr).toContain('--tenant');
  expect(await json('audit', 'get', 'r-1', '--tenant', 'outra')).toMatchObject([{ tenant: 'outra' }]);
});

test('audit tail tells the last entries, the newest last', async () => {
  expect((await jangada('audit', 'tail')).stdout).toBe('no audit entries\n');
  for (const n of [1, 2, 3]) await record('clinica', `r-${n}`, 'run.understood', n);
  await record('outra', 'r-4', 'run.understood', 4);
  expect(await json('audit', 'tail', '-n', '2')).toMatchObject([{ about: 'r-3' }, { about: 'r-4' }]);
  const { streams: kept } = await jetstreamManager(nc);
  const viewed = async (of: string) => {
    const { state } = await kept.info('FACTS', { subjects_filter: `trail.viewed.${of}.*` });
    return Object.keys(state.subjects ?? {}).length;
  };
  const before = [await viewed('clinica'), await viewed('_')];
  expect(await json('audit', 'tail', '--tenant', 'clinica', '-n', '2')).toMatchObject([
    { about: 'r-2' },
    { about: 'r-3' },
  ]);
  await json('audit', 'get', 'r-1');
  await json('audit', 'tail');
  expect([await viewed('clinica'), await viewed('_')]).toEqual([(before[0] ?? 0) + 2, (before[1] ?? 0) + 1]);
});

test('retention report tells the last sweep of the tenant, also while it runs', async () => {
  const none = await jangada('retention', 'report', '--tenant', 'clinica');
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('retention run --tenant clinica') });
  const report = { rules: [{ class: 'billing_data', before: '2019-11-23', deleted: 3 }] };
  const sweep = (tenant: string, tick: string, finished: boolean) =>
    client.query(
      `insert into retention_runs (tenant_id, tick, started_at, finished_at, report)
       values ($1, $2::text, $2::date, case when $3 then $2::timestamptz end, $4)`,
      [tenant, tick, finished, JSON.stringify(finished ? report : {})],
    );
  await sweep('clinica', '2026-11-20', true);
  await sweep('outra', '2026-11-22', true);
  expect(await json('retention', 'report', '--tenant', 'clinica')).toMatchObject({
    tick: '2026-11-20',
    report,
  });
  expect((await jangada('retention', 'report', '--tenant', 'clinica')).stdout).toMatch(
    /billing_data +2019-11-23 +3\n/,
  );
  await sweep('clinica', '2026-11-21', false);
  expect(await json('retention', 'report', '--tenant', 'clinica')).toMatchObject({
    tick: '2026-11-21',
    finishedAt: null,
    report: null,
  });
  expect((await jangada('retention', 'report', '--tenant', 'clinica')).stdout).toContain('not finished');
});

test('hours are set from a file, told, and always open again; what is no calendar changes nothing', async () => {
  const of = ['--tenant', 'clinica'] as const;
  const file = join(dir, 'hours.json');
  const set = (calendar: unknown) => {
    writeFileSync(file, JSON.stringify(calendar));
    return jangada('hours', 'set', file, ...of);
  };
  const calendar = {
    week: { 1: [['08:00', '12:00']] },
    exceptions: { '2026-12-24': [] },
    holidays: { '12-25': 'Natal' },
  };
  expect(await json('hours', 'show', ...of)).toBeNull();
  expect(await set(calendar)).toMatchObject({ code: 0 });
  expect(await json('hours', 'show', ...of)).toEqual(calendar);
  for (const [wrong, what] of [
    [{ week: { 8: [] } }, 'week'],
    [{ week: { 1: [['8', '12:00']] } }, 'week'],
    [{ week: {}, holidays: { '2026-02-30': 'none' } }, 'holidays'],
    [{ week: {}, zone: 'UTC' }, 'zone'],
  ] as const)
    expect(await set(wrong)).toMatchObject({ code: 1, stderr: expect.stringContaining(what) });
  const told = (await jangada('hours', 'show', ...of)).stdout;
  for (const line of [/Monday +08:00–12:00/, /Sunday +closed/, /12-25 +closed: Natal/, /2026-12-24 +closed/])
    expect(told).toMatch(line);
  expect(await jangada('hours', 'reset', ...of)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^always open/),
  });
  expect(await jangada('hours', 'show', '--tenant', 'none')).toMatchObject({ code: 1 });
});

describe('of a trail that is chained', () => {
  const chained = async (count: number, own: Partial<Entry> = {}): Promise<void> => {
    const folder = join(dir, 'keys');
    if (!existsSync(fileOf(folder, 'checkpoint'))) writeSet(folder, 'checkpoint', [firstKey('checkpoint')]);
    const signer = signerFrom(() => readFileSync(fileOf(folder, 'checkpoint'), 'utf8'));
    await using store = connect('audit', { DATABASE_URL: postgres.url, DATABASE_POOL_SIZE: 1 });
    const entries = Array.from({ length: count }, (_, index) => ({
      ...{
        tenant: index % 2 ? 'clinica' : 'outra',
        subject: `r_${index}`,
        fact: 'run.answered',
        sequence: 1 + index,
      },
      ...{ at: new Date('2026-11-21T10:00:00Z'), actor: 'u-1', role: 'admin', session: null, purpose: null },
      ...{ decision: 'done' as const, code: null, resource: null, details: { rows: 2 }, origin: null },
      ...own,
    }));
    await append(store, entries);
    await seal(store, { log: 'local', signer });
  };

  test('audit verify finds nothing where nothing was done, and names what was', async () => {
    await chained(12);
    expect(await jangada('audit', 'verify')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/12 entries/),
    });
    await client.query(`set session_replication_role = replica;
      update audit_entries set actor = 'nobody' where subject_id = 'r_3'; set session_replication_role = origin`);
    const { code, stdout } = await jangada('audit', 'verify', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { found: 1, findings: [{ fault: 'edit' }] }]);
  });

  test('audit proof shows one entry to who has the key and nothing else, and no other entry', async () => {
    await chained(12);
    const { code, stdout } = await jangada('audit', 'proof', 'r_5/run.answered');
    expect(code).toBe(0);
    const given = JSON.parse(stdout) as {
      entry: { subject: string; shard: number; number: number };
      proof: object;
    };
    expect(given.entry.subject).toBe('r_5');
    expect(JSON.stringify(given.proof).length).toBeLessThan(1_024);
    const { shard, number } = given.entry;
    expect((await jangada('audit', 'proof', `${shard}/${number}`)).stdout).toBe(stdout);
    const file = join(dir, 'proof.json');
    writeFileSync(file, stdout);
    expect(await jangada('audit', 'verify', '--proof', file)).toMatchObject({ code: 0 });
    writeFileSync(file, stdout.replace('"u-1"', '"u-2"'));
    expect(await jangada('audit', 'verify', '--proof', file)).toMatchObject({ code: 1 });
  });

  test('retention proof shows one row that was listed, and report refuses another list than was told', async () => {
    const rows = ['b', 'c', 'a'].map((row) => createHash('sha256').update(row).digest());
    const key = (row: string) => JSON.stringify([row]);
    const leaves = ['b', 'c', 'a'].map((row, n) =>
      leafOf(Buffer.concat([Buffer.from(`${key(row)}|v1|`), rows[n] ?? Buffer.alloc(0)])),
    );
    const root = rootOf(leaves);
    const plan = { class: 'billing_data', policy: 'v1', before: '2019-11-23', planned: 3, of: 3 };
    const details = { askedBy: 'operator', plans: [{ ...plan, root: root.toString('hex') }] };
    await chained(1, { tenant: 'clinica', subject: 'asked-1', fact: 'retention.planned', details });
    await client.query(
      `insert into retention_plans (tenant_id, tick, class, policy, before, asked_by, planned, root)
       values ('clinica', 'asked-1', 'billing_data', 'v1', now(), 'operator', 3, $1)`,
      [root],
    );
    for (const [n, leaf] of leaves.entries())
      await client.query(
        `insert into retention_items (tenant_id, tick, class, n, key, at, leaf, outcome)
         values ('clinica', 'asked-1', 'billing_data', $1, $2, now(), $3, 'deleted')`,
        [n, [['b', 'c', 'a'][n]], leaf],
      );
    const [file, row] = [join(dir, 'listed.json'), join(dir, 'row.txt')];
    const { stdout } = await jangada('retention', 'proof', 'asked-1', 'c');
    writeFileSync(file, stdout);
    writeFileSync(row, 'c');
    const verified = ['retention', 'verify', file] as const;
    expect(await jangada(...verified, '--row', row, '--json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"isTold": true'),
    });
    writeFileSync(row, 'b');
    expect((await jangada(...verified, '--row', row)).code).toBe(1);
    const [one = '', another = ''] = leaves.map((leaf) => leaf.toString('hex'));
    for (const [from, to] of [
      ['"run":"asked-1"', '"run":"asked-2"'],
      [another, one],
    ] as const) {
      writeFileSync(file, stdout.replace(from, to));
      expect((await jangada(...verified)).code).toBe(1);
    }
    expect((await jangada('retention', 'proof', 'asked-1', 'z')).code).toBe(1);

    const line = {
      ...plan,
      deleted: 3,
      held: 0,
      statutory: 0,
      failed: 0,
      root: root.toString('hex'),
      state: 'complete',
    };
    const reported = (own: object) =>
      client.query(
        `insert into retention_runs (tenant_id, tick, started_at, finished_at, report) values ('clinica', 'asked-1', now(), now(), $1)
         on conflict (tenant_id, tick) do update set report = excluded.report`,
        [JSON.stringify({ rules: [{ ...line, ...own }] })],
      );
    const report = () => jangada('retention', 'report', '--tenant', 'clinica');
    await reported({});
    expect((await report()).code).toBe(0);
    for (const wrong of [{ deleted: 2 }, { root: one }]) {
      await reported(wrong);
      expect(await report()).toMatchObject({ code: 1, stderr: expect.stringContaining('REPORT_MISMATCH') });
    }
  });

  test('audit proof of what is not there says so', async () => {
    await chained(1);
    expect(await jangada('audit', 'proof', 'r_9/run.answered')).toMatchObject({ code: 1 });
  });
});
