import { createHash } from 'node:crypto';
import { leafOf, proofOf, rootFrom } from '@jangada/merkle/tree.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { cutoffOf } from '@jangada/packs/retention.ts';
import type { Body } from '@jangada/proto/message.ts';
import { planned as plannedFact, type swept as sweptFact } from '@jangada/proto/retention.ts';
import type { Kept } from '@jangada/runtime/keep.ts';
import type { Store } from '@jangada/store/store.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sweep, takeAll, takeUp } from '../services/retention/sweep.ts';
import { forgetTrail, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// Retention in PostgreSQL, carried out as the service's own role.

let database: TestDatabase;
let store: Store;

type Report = Body<typeof sweptFact>;

const at = new Date('2026-11-21T06:00:00.000Z');
const never = new AbortController().signal;
const facts: Kept[] = [];
const work = { signal: never, tell: async (fact: Kept) => facts.push(fact) };
interface Own {
  readonly tenant?: string;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  readonly at?: Date;
}
const tickFor = (asked: string | undefined, own: Own) =>
  ({ tenant: own.tenant ?? 'casa', of: 'rules', asked, askedBy: 'ana', at: own.at ?? at }) as const;
/** Plans, and carries out what needs nobody. */
const planned = (id?: string, own: Own = {}) => sweep({ ...work, store, ...own }, tickFor(id, own));
/** Agrees to all that waits, as somebody. */
const agree = (who = 'bia') =>
  database.administer(`
    insert into retention_approvals (tenant_id, tick, class, root, approved_by)
    select tenant_id, tick, class, root, '${who}' from retention_plans where needs is not null and finished_at is null`);
/** Plans, agrees, carries out, and returns the report as it is then. */
const swept = async (id?: string, own: Own = {}): Promise<Report | undefined> => {
  const first = await planned(id, own);
  if (!first?.rules.some(({ state }) => state === 'waiting')) return first;
  await agree();
  await takeUp({ ...work, store, ...own }, tickFor(id, own));
  const [run] = await database.administer(
    `select report from retention_runs where tick = '${id ?? '2026-11-21'}' and tenant_id = '${own.tenant ?? 'casa'}'`,
  );
  return run?.['report'] as Report;
};

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
  await database.administer(`${tenantSql('casa')} ${tenantSql('other')} ${tenantSql('lar', 'care-home')}`);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.administer(forgetTrail);
  await database.administer(
    'truncate clients, appointments, billing, aesthetic_records, care_inquiries, feedback, alerts, legal_holds, retention_runs, retention_plans, interrupts cascade',
  );
  facts.length = 0;
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
      booking_data: 0,
      booking_keys: 0,
      billing_data: 0,
      audit_logs: 1,
      conversations: 0,
      agent_sessions: 0,
      feedback: 1,
      alerts: 0,
      reading_habits: 0,
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

  test('leaves rows of a rule that says so without whose they were and what was in them, once', async () => {
    const inquiry = (id: string, opened: string) =>
      `insert into care_inquiries (tenant_id, id, resident_id, message, status, opened_at)
       values ('lar', '${id}', 'res-1', decode('01' || repeat('00', 48), 'hex'), 'open', ${opened});`;
    await database.administer(inquiry('old', ago(10_000)) + inquiry('young', ago(1)));
    const own = { tenant: 'lar' };
    const lineOf = (report: Report | undefined) => report?.rules.find((line) => line.class === 'inquiries');
    expect(lineOf(await swept('2026-11-21', own))).toMatchObject({
      ...{ planned: 1, deleted: 0, changed: 1, failed: 0, state: 'complete' },
    });
    const rows = await database.administer(
      'select id, resident_id, message is null as is_empty, status, opened_at from care_inquiries order by id',
    );
    expect(rows).toMatchObject([
      {
        ...{ id: 'old', resident_id: 'anonymised', is_empty: true, status: 'open' },
        opened_at: '1999-07-01T00:00:00.000Z',
      },
      { id: 'young', resident_id: 'res-1', is_empty: false },
    ]);
    expect(lineOf(await swept('2026-11-22', own))).toMatchObject({ planned: 0, state: 'complete' });
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
    expect(report?.rules).toContainEqual(
      expect.objectContaining({
        class: 'audit_logs',
        before: '2024-11-21',
        planned: 0,
        deleted: 0,
        state: 'complete',
      }),
    );
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

  test('that is placed between two batches keeps what is left, and what it kept goes with the next run', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 2500) n`,
    );
    await planned();
    await agree();
    let kept = 2_500;
    const held: Store = {
      ...store,
      within: async (claim, run) => {
        if (kept === 2_500) {
          kept = (await left('appointments')).length;
          if (kept < 2_500) await database.administer(hold('appointment_data'));
        }
        return store.within(claim, run);
      },
    };
    await takeUp({ ...work, store: held }, tickFor(undefined, {}));
    expect(kept).toBeLessThan(2_500);
    expect(await left('appointments')).toHaveLength(kept);
    expect(facts.at(-1)?.emission.body).toMatchObject({
      rules: [{ planned: 2_500, deleted: 2_500 - kept, held: kept, state: 'partial', approvedBy: 'bia' }],
    });
    await database.administer('update legal_holds set released_at = now()');
    expect(deletedOf(await swept('2026-11-22'))).toMatchObject({ appointment_data: kept });
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

  test('that was begun by a process that died is taken up again where it stopped', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 2500) n`,
    );
    await expect(planned(undefined, { signal: AbortSignal.abort() })).rejects.toThrow();
    await planned();
    await agree();
    const dying: Store = {
      ...store,
      within: async (claim, run) => {
        if ((await left('appointments')).length < 2_500) throw new Error('killed');
        return store.within(claim, run);
      },
    };
    await expect(takeUp({ ...work, store: dying }, tickFor(undefined, {}))).rejects.toThrow('killed');
    expect((await left('appointments')).length).toBeGreaterThan(0);
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    expect(facts.at(-1)).toMatchObject({
      id: '2026-11-21-appointment_data',
      emission: {
        body: { rules: [{ class: 'appointment_data', planned: 2_500, deleted: 2_500, state: 'complete' }] },
      },
    });
  });

  test('that no delivery gets to the end of is carried out by several, each from where the last one was', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 450) n`,
    );
    /** Dies after its second page of rows. */
    const shortLived = (): Store => {
      let pages = 0;
      const seen = <R>(rows: R[]): R[] => {
        const [first] = rows as readonly { seen?: number }[];
        if (rows.length >= 100 || (first?.seen ?? 0) >= 100) pages += 1;
        return rows;
      };
      const live = (): void => {
        if (pages >= 2) throw new Error('killed');
      };
      return {
        ...store,
        within: async (claim, run) => {
          live();
          return store.within(claim, (transaction) =>
            run({ rows: async (query) => seen(await transaction.rows(query)) }),
          );
        },
        read: async (claim, query) => {
          live();
          return seen(await store.read(claim, query));
        },
      };
    };
    /** How many deliveries it takes. */
    const delivered = async (work: (store: Store) => Promise<unknown>): Promise<number> => {
      for (let deliveries = 1; ; deliveries++) {
        const failure = await work(shortLived()).then(
          () => undefined,
          (error: Error) => error,
        );
        if (!failure) return deliveries;
        expect(failure.message).toBe('killed');
        expect(deliveries).toBeLessThan(100);
      }
    };
    const tick = tickFor(undefined, {});
    expect(await delivered((dying) => sweep({ ...work, store: dying }, tick))).toBeGreaterThan(1);
    await agree();
    expect(await delivered((dying) => takeUp({ ...work, store: dying }, tick))).toBeGreaterThan(1);
    expect(await left('appointments')).toEqual([]);
    expect(facts.at(-1)?.emission.body).toMatchObject({
      rules: [{ class: 'appointment_data', planned: 450, deleted: 450, state: 'complete' }],
    });
  });

  test('is one run, with one list, however many instances take it', async () => {
    await database.administer(
      `insert into appointments select 'casa', 'a' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 6000) n`,
    );
    const [one, other] = await Promise.all([planned(), planned()]);
    expect(one).toEqual(other);
    await agree();
    await Promise.all([1, 2].map(() => takeUp({ ...work, store }, tickFor(undefined, {}))));
    expect(await left('appointments')).toEqual([]);
    expect(
      await database.administer(
        'select count(*)::int as items, count(distinct key)::int as rows, count(distinct n)::int as places from retention_items',
      ),
    ).toEqual([{ items: 6_000, rows: 6_000, places: 6_000 }]);
    expect(new Set(facts.map(({ emission }) => JSON.stringify(emission.body))).size).toBe(3);
  });

  test('of one tenant is not that of another on the same day', async () => {
    await database.administer(appointment('a', ago(10_000), 'other'));
    await swept();
    expect(deletedOf(await swept('2026-11-21', { tenant: 'other' }))).toMatchObject({ appointment_data: 1 });
  });
});

describe('a plan', () => {
  const lineFor = (report: Report | undefined, name = 'appointment_data') =>
    report?.rules.find((rule) => rule.class === name);

  test('is told before anything is touched, and waits for somebody else where its rule is new', async () => {
    await database.administer(appointment('a', ago(10_000)));
    expect(lineFor(await planned())).toMatchObject({
      state: 'waiting',
      needs: 'new-policy',
      planned: 1,
      deleted: 0,
    });
    expect(facts[0]).toMatchObject({
      emission: {
        message: plannedFact,
        body: {
          askedBy: 'ana',
          plans: expect.arrayContaining([expect.objectContaining({ planned: 1, of: 1 })]),
        },
      },
    });
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    await agree('ana');
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    expect(await left('appointments')).toEqual(['casa/a']);
    await database.administer("update retention_approvals set approved_by = 'bia', root = sha256('another')");
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    expect(await left('appointments')).toEqual(['casa/a']);
    await database.administer('delete from retention_approvals');
    await agree();
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    expect(await left('appointments')).toEqual([]);
  });

  test('of a rule that was carried out before goes at once, while it is a small part of its class', async () => {
    await database.administer(
      appointment('first', ago(10_000)) +
        `insert into appointments select 'casa', 'young' || n, 'c1', 'p1', 'x', ${ago(1)}, 30, 'completed' from generate_series(1, 99) n`,
    );
    await swept();
    await database.administer(appointment('second', ago(10_000)));
    expect(lineFor(await planned('2026-11-22'))).toMatchObject({ state: 'complete', deleted: 1 });
    // Ninety-nine and one are there; of one that is due no more than twenty-one are counted.
    expect(
      await database.administer(
        "select rows_then from retention_plans where tick = '2026-11-22' and planned = 1",
      ),
    ).toEqual([{ rows_then: 21 }]);
    // What another took the place of before it was listed is not what is usual.
    await database.administer(`
      insert into retention_plans (tenant_id, tick, class, policy, before, asked_by, finished_at)
        select 'casa', 'cut-' || n, 'appointment_data', 'p', now(), 'ana', now() from generate_series(1, 5) n;
      insert into appointments select 'casa', 'few' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 4) n`);
    expect(lineFor(await planned('asked-1'))).toMatchObject({ state: 'complete', deleted: 4 });
    await database.administer(
      `insert into appointments select 'casa', 'old' || n, 'c1', 'p1', 'x', ${ago(10_000)}, 30, 'completed' from generate_series(1, 6) n`,
    );
    expect(lineFor(await planned('2026-11-23'))).toMatchObject({
      state: 'waiting',
      needs: 'share',
      planned: 6,
    });
  });

  test('can be shown to have held one row, to who has it', async () => {
    await database.administer(
      appointment('a', ago(9_000)) + appointment('b', ago(10_000)) + appointment('c', ago(9_500)),
    );
    const [row] = await database.administer(
      "select appointments::text as row from appointments where id = 'c'",
    );
    const line = lineFor(await swept());
    const items = await database.administer(
      "select key, encode(leaf, 'hex') as leaf from retention_items order by n",
    );
    expect(items.map(({ key }) => key)).toEqual([['b'], ['c'], ['a']]);
    const leaves = items.map(({ leaf }) => Buffer.from(leaf as string, 'hex'));
    const rowHash = createHash('sha256')
      .update(row?.['row'] as string)
      .digest();
    const leaf = leafOf(Buffer.concat([Buffer.from(`["c"]|${line?.policy}|`), rowHash]));
    expect(leaf).toEqual(leaves[1]);
    expect(rootFrom({ leaf, index: 1, count: 3, proof: proofOf(leaves, 1) })?.toString('hex')).toBe(
      line?.root,
    );
  });

  test('that was changed since it was told is not carried out, and a report that does not agree with it is not told', async () => {
    const old = appointment('a', ago(10_000)) + appointment('b', ago(10_000));
    const mismatch = { code: 'REPORT_MISMATCH' };
    await database.administer(old + appointment('kept', ago(1)));
    await planned();
    await agree();
    await database.administer(
      `update retention_items set key = '{kept}', leaf = sha256('x') where key = '{a}'`,
    );
    await expect(takeUp({ ...work, store }, tickFor(undefined, {}))).rejects.toMatchObject(mismatch);
    expect(await left('appointments')).toEqual(['casa/a', 'casa/b', 'casa/kept']);
    expect(facts.filter(({ emission }) => emission.message !== plannedFact)).toHaveLength(1);

    // What else the tick is for is done, and other ticks with it.
    const ticks = [tickFor('asked-1', {}), tickFor('asked-1', { tenant: 'other' })];
    await expect(takeAll({ ...work, store }, ticks)).rejects.toMatchObject({ errors: [mismatch] });
    expect(
      await database.administer(
        "select tenant_id from retention_runs where tick = 'asked-1' and finished_at is not null order by 1",
      ),
    ).toEqual([{ tenant_id: 'casa' }, { tenant_id: 'other' }]);

    await planned('2026-11-22');
    await database.administer(`
      create function lose() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger lose before update on retention_items for each row when (new.key = '{a}') execute function lose();`);
    await agree();
    await expect(takeUp({ ...work, store }, tickFor(undefined, {}))).resolves.toBeUndefined();
    expect(facts.at(-1)?.emission.body).toMatchObject({
      rules: [{ state: 'partial', deleted: 1, failed: 1 }],
    });
    await database.administer(
      `drop function lose() cascade; update retention_runs set report = jsonb_set(report, '{rules,0,planned}', '7')`,
    );
    await expect(planned('2026-11-22')).rejects.toMatchObject(mismatch);
  });

  test('leaves a row that is no longer what was listed, and one that is no longer due', async () => {
    const from = keptFrom('aesthetic_records');
    const entry = (id: string, of: string, recorded: string) =>
      `insert into aesthetic_records (tenant_id, id, client_id, kind, recorded_at) values ('casa', '${id}', '${of}', 'x', ${recorded});`;
    await database.administer(
      ['c1', 'c2', 'c3', 'c4'].map((of) => entry(`${of}-old`, of, ago(20_000))).join(''),
    );
    await planned();
    await database.administer(`
      ${entry('c1-new', 'c1', from)}
      update aesthetic_records set kind = 'y' where id = 'c2-old';
      delete from aesthetic_records where id = 'c3-old';`);
    await agree();
    await takeUp({ ...work, store }, tickFor(undefined, {}));
    expect(facts.at(-1)?.emission.body).toMatchObject({
      rules: [{ planned: 4, deleted: 1, statutory: 1, failed: 2, held: 0, state: 'partial' }],
    });
    expect(await left('aesthetic_records')).toEqual(['casa/c1-new', 'casa/c1-old', 'casa/c2-old']);
  });

  test('is made by no clock that another contradicts', async () => {
    await database.administer(appointment('a', ago(1)));
    const years = 30 * 365 * 86_400_000;
    for (const own of [
      { now: () => Date.now() + years },
      { now: () => Date.now() - 6_000 },
      { at: new Date(Date.now() + years) },
    ])
      await expect(planned('asked-1', own)).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    expect(await database.administer('select from retention_plans')).toEqual([]);
    await planned('asked-1', { now: () => Date.now() + 1_000 });
  });
});
