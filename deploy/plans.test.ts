import { connect, type Store } from '@jangada/store/store.ts';
import { databasePart } from '@jangada/trust/grant.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTrail, type Sought } from '../services/edge/trail.ts';
import { readingsOf } from '../services/privacy/readers.ts';
import { fillGuarded, questions, scansOf, tenants } from './bench/guarded.ts';
import { roleOf } from './generate/roles.ts';
import { grantFor, startDatabase, type TestDatabase } from './test-database.ts';

// How questions are carried out under row-level security. How long they take is `npm run bench:rls`.

let database: TestDatabase;
let guarded: Store;
let open: Store;
beforeAll(async () => {
  database = await startDatabase();
  await database.administer(fillGuarded(50_000 / tenants));
  // Years of entries: many people, a few kinds of facts, and a refusal now and then.
  await database.administer(`
    insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, decision, code, details)
      select 't' || n % ${tenants}, 'run-' || n / 8, (array['run.understood', 'run.permitted', 'run.fetched', 'run.answered',
          'run.refused', 'session.opened', 'auth.denied', 'mfa.changed'])[n % 8 + 1], n,
        '2024-01-01'::timestamptz + n * interval '10 minutes', 'person-' || n % 97, 'done',
        case when n % 101 = 0 then 'AUTHZ_DENIED' end, '{}'
      from generate_series(1, 100000) n;
    insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, decision, details) values
      ('t1', 'seen-1', 'run.fetched', 1, '2024-01-31T23:59:59.999999Z', 'person-1', 'done', '{"people":{"seen":["else","somebody"]}}'),
      ('t1', 'seen-2', 'run.answered', 2, '2024-02-01T00:00:00Z', 'person-2', 'done', '{"people":{"named":"somebody"}}'),
      ('t2', 'seen-2', 'run.answered', 2, '2024-02-01T00:00:00Z', 'person-9', 'done', '{"people":{"named":"somebody"}}'),
      ('t1', 'seen-3', 'run.fetched', 3, '2025-10-31T23:00:00Z', 'person-3', 'done', '{"people":{"seen":["somebody"]}}');
    analyze audit_entries;`);
  guarded = await database.storeOf('data-access');
  open = connect('plans', { DATABASE_URL: database.server.url, DATABASE_POOL_SIZE: 1 });
}, 90_000);
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

describe('under a grant', () => {
  test.each(questions.map((question) => [question.what, question] as const))(
    '%s: the rows of explicit conditions, by an index',
    async (_what, { grant, guarded: question, open: explicit }) => {
      const shown = databasePart(await database.grant(grantFor({ tid: 't1', ...grant })));
      const rows = await guarded.read({ grant: shown }, question);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows).toEqual(await open.read({ tenant: 't1' }, explicit));
      const url = new URL(database.server.url);
      url.username = roleOf('data-access');
      const scans = await scansOf(
        url.href,
        { 'app.grant': shown, role: `app_${grant.reach}_care` },
        question,
      );
      expect(scans.length).toBeGreaterThan(0);
      expect(scans).not.toContain('Seq Scan appointments');
    },
  );
});

describe('a page of the trail', () => {
  const trail = (ask: (trail: ReturnType<typeof openTrail>) => Promise<unknown>) => async () => {
    const asked: Parameters<Store['read']>[1][] = [];
    const read = async (_claim: unknown, query: (typeof asked)[number]) => {
      asked.push(query);
      return [];
    };
    await ask(openTrail({ read } as unknown as Store));
    return asked;
  };
  const after: Sought['after'] = ['2025-06-01T00:00:00.000Z', 'run-1', 'run.answered'];

  test.each<[string, ReturnType<typeof trail>, string]>([
    ['of everything', trail(({ entries }) => entries('t1', {})), 'audit_entries_at'],
    ['after another', trail(({ entries }) => entries('t1', { after })), 'audit_entries_at'],
    [
      'of an actor',
      trail(({ entries }) => entries('t1', { actor: 'person-7', after })),
      'audit_entries_actor',
    ],
    ['of a fact', trail(({ entries }) => entries('t1', { fact: 'auth.denied' })), 'audit_entries_fact'],
    ['of a code', trail(({ entries }) => entries('t1', { code: 'AUTHZ_DENIED' })), 'audit_entries_code'],
    ['of runs of an actor', trail(({ ended }) => ended('t1', { actor: 'person-7' })), 'audit_entries_actor'],
    ['of runs that ended so', trail(({ ended }) => ended('t1', { ended: 'refused' })), 'audit_entries_fact'],
  ])('%s is found by an index of its own', async (_what, ask, index) => {
    const url = new URL(database.server.url);
    url.username = roleOf('edge');
    for (const query of await ask()) {
      const scans = await scansOf(url.href, { 'app.tenant': 't1' }, query);
      expect(scans).toContain(`by ${index}`);
      expect(scans).not.toContain('Seq Scan audit_entries');
    }
  });
});

test('who read about somebody is found month by month, each by an index', async () => {
  const privacy = await database.storeOf('privacy');
  const asked: Parameters<Store['read']>[1][] = [];
  const readings = await privacy.within({ tenant: 't1' }, (transaction) =>
    readingsOf(
      {
        rows: (query) => {
          asked.push(query);
          return transaction.rows(query);
        },
      },
      { pseudonymsOf: async () => ['somebody'] },
      { tenant_id: 't1', subject_id: 'cli-1' },
    ),
  );
  expect(readings.map(({ account }) => account)).toEqual(['person-1', 'person-2', 'person-3']);
  // The first and the last of the trail, then 100,000 entries of ten minutes each.
  expect(asked).toHaveLength(1 + 23);
  const url = new URL(database.server.url);
  url.username = roleOf('privacy');
  for (const [place, query] of asked.entries()) {
    const scans = await scansOf(url.href, { 'app.tenant': 't1' }, query);
    expect(scans).not.toContain('Seq Scan audit_entries');
    expect(scans).toContain(place === 0 ? 'by audit_entries_at' : 'by audit_entries_fact');
  }
});
