import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from '../migrate.ts';
import { forgetTrail } from '../test-database.ts';
import { type Ended, runInside } from './test-terminal.ts';

/** Commands that read PostgreSQL, on the real schema. */

let dir: string;
let postgres: Server;
let client: pg.Client;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-cli-'));
  postgres = await startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' });
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
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
});

const jangada = (...args: string[]): Promise<Ended> =>
  runInside(args, {
    ...process.env,
    JANGADA_HOME: dir,
    DATABASE_URL: postgres.url,
    NATS_URL: 'nats://127.0.0.1:1',
    NATS_NKEY_SEED: 'none',
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
  expect(await json('audit', 'tail', '--tenant', 'clinica', '-n', '2')).toMatchObject([
    { about: 'r-2' },
    { about: 'r-3' },
  ]);
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
