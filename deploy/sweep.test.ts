import { packOf } from '@jangada/packs/registry.ts';
import { cutoffOf } from '@jangada/packs/retention.ts';
import type { Store } from '@jangada/store/store.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sweep } from '../services/retention/sweep.ts';
import { forgetTrail, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// Retention in PostgreSQL, carried out as the service's own role.

let database: TestDatabase;
let store: Store;

const at = new Date('2026-11-21T06:00:00.000Z');
const never = new AbortController().signal;
const swept = (id = '2026-11-21', own: { tenant?: string; signal?: AbortSignal } = {}) =>
  sweep(store, { tenant: own.tenant ?? 'casa', of: 'rules', id, at }, own.signal ?? never);

const { retention } = packOf('aesthetic-clinic');
/** The moment, as SQL, from which on rows of a class are kept. */
const keptFrom = (name: string): string => {
  const rule = retention.find((one) => one.class === name);
  if (!rule) throw new Error(`no rule for ${name}`);
  return `'${cutoffOf(rule, at.toTemporalInstant(), 'America/Sao_Paulo').toInstant()}'::timestamptz`;
};
/** The moment, as SQL, that lies so many days before the tick. */
const ago = (days: number): string => `('${at.toISOString()}'::timestamptz - interval '${days} days')`;

beforeAll(async () => {
  database = await startDatabase();
  store = await database.storeOf('retention');
  await database.administer(`${tenantSql('casa')} ${tenantSql('other')}`);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.administer(forgetTrail);
  await database.administer(
    'truncate clients, appointments, billing, aesthetic_records, feedback, legal_holds, retention_runs, interrupts',
  );
});

const client = (id: string, created: string, tenant = 'casa'): string =>
  `insert into clients (tenant_id, id, name, name_search, created_at) values ('${tenant}', '${id}', 'Ana', 'ana', ${created});`;
const appointment = (id: string, start: string, tenant = 'casa', of = 'c1'): string =>
  `insert into appointments values ('${tenant}', '${id}', '${of}', 'p1', 'x', ${start}, 30, 'completed');`;
const hold = (name: string, tenant = 'casa'): string =>
  `insert into legal_holds (tenant_id, class, reason) values ('${tenant}', '${name}', 'a lawsuit');`;
const left = async (table: string): Promise<unknown[]> =>
  (await database.administer(`select tenant_id || '/' || id as id from ${table} order by 1`)).map(
    ({ id }) => id,
  );
const deletedOf = (report: Awaited<ReturnType<typeof swept>>) =>
  Object.fromEntries(report?.rules.map((rule) => [rule.class, rule.deleted]) ?? []);

describe('a sweep', () => {
  test('deletes what is older than its class may be, to the day, and keeps the rest', async () => {
    const from = keptFrom('appointment_data');
    await database.administer(
      appointment('old', `${from} - interval '1 day'`) +
        appointment('due', `${from} - interval '1 second'`) +
        appointment('young', from),
    );
    expect(deletedOf(await swept())).toMatchObject({ appointment_data: 2 });
    expect(await left('appointments')).toEqual(['casa/young']);
  });

  test('goes by the class: what is due for one is not for another', async () => {
    const between = `${keptFrom('billing_data')} + interval '1 day'`;
    await database.administer(`
      ${appointment('a', between)}
      insert into billing (tenant_id, id, client_id, kind, status, amount, issued_at) values ('casa', 'b', 'c1', 'charge', 'paid', 1, ${between});
      insert into aesthetic_records (tenant_id, id, client_id, kind, recorded_at) values ('casa', 'r', 'c1', 'x', ${between});
      insert into audit_entries values ('casa', 'run-1', 'run.answered', 1, ${between}, 'u', null, null, null, 'done', null, null, '{}');
      insert into feedback (tenant_id, id, subject_id, rating, at) values ('casa', 'run-1', 'u', 5, ${between});`);
    expect(deletedOf(await swept())).toEqual({
      client_data: 0,
      aesthetic_records: 0,
      appointment_data: 1,
      billing_data: 0,
      audit_logs: 1,
      conversations: 0,
      agent_sessions: 0,
      feedback: 1,
    });
    expect(await left('billing')).toEqual(['casa/b']);
  });

  test('leaves another tenant alone', async () => {
    const old = ago(10_000);
    await database.administer(appointment('a', old) + appointment('a', old, 'other'));
    await swept();
    expect(await left('appointments')).toEqual(['other/a']);
  });

  test('keeps a person whom a row still refers to, however old', async () => {
    const old = ago(10_000);
    await database.administer(client('c1', old) + client('c2', old) + appointment('a', ago(1), 'casa', 'c1'));
    expect(deletedOf(await swept())).toMatchObject({ client_data: 1 });
    expect(await left('clients')).toEqual(['casa/c1']);
  });

  test('keeps all of a person’s record until the law lets go of its last entry', async () => {
    const from = keptFrom('aesthetic_records');
    const entry = (id: string, of: string, recorded: string) =>
      `insert into aesthetic_records (tenant_id, id, client_id, kind, recorded_at) values ('casa', '${id}', '${of}', 'x', ${recorded});`;
    await database.administer(
      entry('c1-first', 'c1', ago(20_000)) +
        entry('c1-last', 'c1', from) +
        entry('c2-first', 'c2', ago(20_000)) +
        entry('c2-last', 'c2', `${from} - interval '1 second'`),
    );
    expect(deletedOf(await swept())).toMatchObject({ aesthetic_records: 2 });
    expect(await left('aesthetic_records')).toEqual(['casa/c1-first', 'casa/c1-last']);
  });

  test('deletes more than fits one transaction', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 2500) n`,
    );
    expect(deletedOf(await swept())).toMatchObject({ appointment_data: 2_500 });
    expect(await left('appointments')).toEqual([]);
  });

  test('reports each class with the day before which it was deleted', async () => {
    const report = await swept();
    expect(report?.rules).toContainEqual({ class: 'audit_logs', before: '2024-11-21', deleted: 0 });
    expect(report?.rules.map((rule) => rule.class)).not.toContain('system_logs');
    const [run] = await database.administer('select report, finished_at from retention_runs');
    expect(run).toEqual({ report, finished_at: expect.any(String) });
  });

  test('of a tenant that is none does nothing', async () => {
    expect(await swept('2026-11-21', { tenant: 'nobody' })).toBeUndefined();
    expect(await database.administer('select from retention_runs')).toEqual([]);
  });
});

test('questions that waited for an answer are forgotten a day after they could have one', async () => {
  const waited = (id: string, until: string) =>
    `insert into interrupts (tenant_id, id, session, account_id, action, asked, expires_at)
     values ('casa', '${id}', 's', 'u', 'break_glass', '', ${until});`;
  await database.administer(waited('old', `${ago(1)} - interval '1 second'`) + waited('new', ago(1)));
  await swept();
  expect(await left('interrupts')).toEqual(['casa/new']);
});

test('nothing is deleted of whoever waits to be told what there is of them', async () => {
  const request = (state: string) =>
    `insert into privacy_requests (tenant_id, id, subject_id, type, state, identity, opened_by, recipient, deadline_at)
     values ('casa', 'r', 'c1', 'access', '${state}', 'document', 'u', '', now())
     on conflict (tenant_id, id) do update set state = excluded.state;`;
  const old = ago(10_000);
  await database.administer(
    request('executing') + appointment('a', old) + appointment('b', old, 'casa', 'c2'),
  );
  expect(deletedOf(await swept())).toMatchObject({ appointment_data: 1 });
  expect(await left('appointments')).toEqual(['casa/a']);
  await database.administer(request('closed'));
  expect(deletedOf(await swept('2026-11-22'))).toMatchObject({ appointment_data: 1 });
});

describe('a legal hold', () => {
  test('keeps its class, of its tenant, until it is released', async () => {
    const old = ago(10_000);
    await database.administer(
      hold('appointment_data') +
        appointment('a', old) +
        appointment('a', old, 'other') +
        `insert into audit_entries values ('casa', 'run-1', 'run.answered', 1, ${old}, 'u', null, null, null, 'done', null, null, '{}');`,
    );
    expect(deletedOf(await swept())).toMatchObject({ appointment_data: 0, audit_logs: 1 });
    expect(deletedOf(await swept('2026-11-21', { tenant: 'other' }))).toMatchObject({ appointment_data: 1 });
    expect(await left('appointments')).toEqual(['casa/a']);

    await database.administer('update legal_holds set released_at = now()');
    expect(deletedOf(await swept('2026-11-22'))).toMatchObject({ appointment_data: 1 });
  });
});

describe('a tick', () => {
  test('is carried out once, and its report is the same whenever it is asked for', async () => {
    await database.administer(appointment('first', ago(10_000)));
    const report = await swept();
    await database.administer(appointment('second', ago(10_000)));
    expect(await swept()).toEqual(report);
    expect(await left('appointments')).toEqual(['casa/second']);
    expect(deletedOf(await swept('2026-11-22'))).toMatchObject({ appointment_data: 1 });
  });

  test('that was begun by a process that died is taken up again', async () => {
    await database.administer(appointment('a', ago(10_000)));
    const stopped = AbortSignal.abort();
    await expect(swept('2026-11-21', { signal: stopped })).rejects.toThrow();
    expect(await left('appointments')).toEqual(['casa/a']);
    expect(deletedOf(await swept())).toMatchObject({ appointment_data: 1 });
  });

  test('that was taken up again reports what was deleted before, too', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 2500) n`,
    );
    // Asked before each batch: the fourth is the second of the appointments.
    let asked = 0;
    const dying = Object.assign(new AbortController().signal, {
      throwIfAborted: () => {
        if (++asked === 4) throw new Error('killed');
      },
    });
    await expect(swept('2026-11-21', { signal: dying })).rejects.toThrow('killed');
    expect(await left('appointments')).toHaveLength(1_500);
    expect(deletedOf(await swept())).toMatchObject({ appointment_data: 2_500 });
  });

  test('of one tenant is not that of another on the same day', async () => {
    await database.administer(appointment('a', ago(10_000), 'other'));
    await swept();
    expect(deletedOf(await swept('2026-11-21', { tenant: 'other' }))).toMatchObject({ appointment_data: 1 });
  });
});
