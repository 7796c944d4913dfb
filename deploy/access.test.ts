import { packOf } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Command } from '@jangada/proto/access.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { understood } from '@jangada/proto/run.ts';
import { connect, queries, type Store } from '@jangada/store/store.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { passFor, secretSet } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { openBodies } from '@jangada/trust/body.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { headOf, type Place } from '@jangada/vault/field.ts';
import { retire, rotate } from '@jangada/vault/rotate.ts';
import { shred } from '@jangada/vault/shred.ts';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { carryOut } from '../services/access/command.ts';
import { knownIn, type Lookup } from '../services/permission/facts.ts';
import { interrupt } from '../services/permission/interrupt.ts';
import { migrate } from './migrate.ts';
import { startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// Relationships and consents in PostgreSQL, and what permission sees of them as its own role.

let database: TestDatabase;
const messageKeys = secretSet();
const bodies = openBodies(() => messageKeys);
let store: Store;

beforeAll(async () => {
  database = await startDatabase();
  store = await database.storeOf('permission');
  await database.administer(`
    ${tenantSql('casa')} ${tenantSql('other')}
    insert into clients (tenant_id, id, name, name_search) values
      ('casa', 'c1', 'Ana Silva', 'ana silva'), ('casa', 'c2', 'Bia Silva', 'bia silva'), ('other', 'c9', 'Caio', 'caio')`);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.administer('truncate care_relationships, consents, consent_levels');
});

let entries = 0;
/** One entry of the history: what was given or withdrawn, and what holds from then on. */
const consentSql = (subject: string, action: 'given' | 'withdrawn', holds: string | null, tenant = 'casa') =>
  `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
   values ('${tenant}', 'entry-${++entries}', '${subject}', '${action}', 'health', ${holds === null ? 'null' : `'${holds}'`}, 'person', 'desk', 'u1');`;
const relationSql = (
  subject: string,
  from: string,
  to: string | null = null,
  { tenant = 'casa', provider = 'p1', basis = 'care' } = {},
) =>
  `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to)
   values ('${tenant}', '${provider}', '${subject}', '${basis}', now() + interval '${from}', ${to === null ? 'null' : `now() + interval '${to}'`});`;

const known = (own: Partial<Lookup> = {}, tenant = 'casa') =>
  knownIn(store, tenant, {
    people: 'clients',
    filter: { subjectId: 'c1' },
    reach: 'related',
    by: 'p1',
    consent: ['health'],
    ...own,
  });

describe('a relationship', () => {
  test.each([
    ['that holds', '-1 day', null, true],
    ['until tomorrow', '-1 day', '1 day', true],
    ['that ended yesterday', '-2 days', '-1 day', false],
    ['that starts tomorrow', '1 day', null, false],
    ['that has no length', '0', '0', false],
  ] as const)('%s', async (_when, from, to, inReach) => {
    await database.administer(relationSql('c1', from, to));
    expect(await known()).toMatchObject({ inTenant: true, inReach });
    expect(await known({ filter: { subject: 'ana' } })).toMatchObject({ inReach });
  });

  test('is of one pair, in one tenant', async () => {
    await database.administer(
      relationSql('c2', '-1 day') + relationSql('c9', '-1 day', null, { tenant: 'other' }),
    );
    expect(await known()).toMatchObject({ inReach: false });
    expect(await known({ filter: { subjectId: 'c9' } })).toMatchObject({ inTenant: false, inReach: false });
    expect(await known({ filter: { subjectId: 'c9' } }, 'other')).toMatchObject({
      inTenant: true,
      inReach: true,
    });
  });

  test('may come back, and does not overlap itself', async () => {
    await database.administer(
      relationSql('c1', '-9 days', '-5 days') + relationSql('c1', '-5 days', '1 day'),
    );
    for (const [from, to] of [
      ['-6 days', '-5 days'],
      ['0 days', null],
    ] as const)
      await expect(database.administer(relationSql('c1', from, to))).rejects.toMatchObject({ code: '23P01' });
    await expect(
      database.administer(relationSql('c1', '0 days', null, { basis: 'assigned' })),
    ).rejects.toMatchObject({ code: '23P01' });
    await database.administer(relationSql('c1', '0 days', '30 minutes', { basis: 'break_glass' }));
    await database.administer(relationSql('c1', '1 day', null));
    expect(await known()).toMatchObject({ inReach: true });
  });

  test('cannot end before it begins', async () => {
    await expect(database.administer(relationSql('c1', '1 day', '0 days'))).rejects.toMatchObject({
      code: '23514',
    });
  });
});

describe('consent', () => {
  beforeEach(async () => {
    await database.administer(relationSql('c1', '-1 day') + relationSql('c2', '-1 day'));
  });

  test('that nobody gave is none', async () => {
    expect(await known()).toMatchObject({ inReach: true, consents: false });
  });

  test.each([
    ['health', ['health'], true],
    ['service', ['health'], false],
    ['service', ['service', 'health'], true],
    [null, ['contact', 'service', 'health'], false],
  ] as const)('of level %s where one of %j is needed', async (level, consent, consents) => {
    await database.administer(consentSql('c1', 'given', level));
    expect(await known({ consent })).toMatchObject({ consents });
    expect(await known({ consent, reach: 'tenant' })).toMatchObject({ consents });
  });

  test('is the last entry’s, and every entry is kept', async () => {
    await database.administer(consentSql('c1', 'given', 'health'));
    await database.administer(consentSql('c1', 'withdrawn', 'service') + consentSql('c2', 'given', 'health'));
    expect(await known()).toMatchObject({ consents: false });
    await database.administer(consentSql('c1', 'given', 'health'));
    expect(await known()).toMatchObject({ consents: true });
    expect(
      await database.administer('select number, subject_id, holds from consents order by number'),
    ).toEqual([
      { number: 1, subject_id: 'c1', holds: 'health' },
      { number: 2, subject_id: 'c1', holds: 'service' },
      { number: 3, subject_id: 'c2', holds: 'health' },
      { number: 4, subject_id: 'c1', holds: 'health' },
    ]);
  });

  test('is counted without a gap by many at once', async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        database.administer(consentSql(`c${index % 3}`, 'given', index % 2 ? 'health' : 'service')),
      ),
    );
    const [last] = await database.administer(
      'select count(*)::int as count, max(number)::int as highest from consents',
    );
    expect(last).toEqual({ count: 40, highest: 40 });
    const wrong = await database.administer(
      `select from consent_levels l where level is distinct from
         (select holds from consents c where c.subject_id = l.subject_id order by number desc limit 1)`,
    );
    expect(wrong).toEqual([]);
  });

  test.each(["update consents set holds = 'health'", 'delete from consents', 'truncate consents'])(
    'that was recorded cannot be changed by who imports: %s',
    async (statement) => {
      const url = new URL(database.server.url);
      url.username = 'svc_import';
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
      await client.end();
    },
  );
});

describe('the revision', () => {
  const revisions = async (): Promise<string[]> =>
    Promise.all([known(), known({ reach: 'tenant' })]).then((all) => all.map(({ revision }) => revision));

  test('stays while nothing changes, and is one’s own', async () => {
    await database.administer(relationSql('c1', '-1 day') + consentSql('c1', 'given', 'health'));
    const before = await revisions();
    expect(await revisions()).toEqual(before);
    await database.administer(relationSql('c2', '-1 day', null, { provider: 'p2' }));
    await database.administer(consentSql('c9', 'given', 'health', 'other'));
    expect(await revisions()).toEqual(before);
  });

  test.each([
    ['a relationship begins', relationSql('c2', '-1 day'), 'related'],
    ['a relationship ends', `update care_relationships set valid_to = now()`, 'related'],
    ['consent is withdrawn', consentSql('c2', 'withdrawn', null), 'both'],
  ])('changes when %s', async (_what, statement, whose) => {
    await database.administer(relationSql('c1', '-1 day') + consentSql('c1', 'given', 'health'));
    const [related, all] = await revisions();
    await database.administer(statement);
    const [relatedAfter, allAfter] = await revisions();
    expect(relatedAfter).not.toBe(related);
    expect(allAfter !== all).toBe(whose === 'both');
  });

  test('changes when a relationship ends by itself', async () => {
    await database.administer(relationSql('c1', '-1 day', '300 milliseconds', { basis: 'break_glass' }));
    const before = await known();
    expect(before).toMatchObject({ inReach: true });
    await expect.poll(() => known()).toMatchObject({ inReach: false });
    expect((await known()).revision).not.toBe(before.revision);
  });
});

describe('a command', () => {
  const pack = packOf('aesthetic-clinic');
  const emergency = {
    action: 'break_glass',
    subjectId: 'c1',
    reason: 'emergency',
    explanation: 'unconscious',
  } as const;
  let access: Store;
  beforeAll(async () => {
    access = await database.storeOf('access');
    await database.administer(
      `insert into providers (tenant_id, id, name, name_search) values ('casa', 'p1', 'Dra. Lima', 'dra. lima')`,
    );
  });
  beforeEach(async () => {
    await database.administer('truncate access_commands, emergencies');
  });

  const fresh = { acr: 'aal2', auth_time: Date.now() } as const;
  const asPerson = { rol: 'client', per: 'c1' };
  const asAdmin = { rol: 'admin', ...fresh };
  const asProfessional = { rol: 'aesthetic_professional', per: 'p1', ...fresh };
  const give = (command: Command, who: Partial<Pass>) =>
    carryOut(access, {
      command,
      pack,
      vault: database.vault,
      bodies,
      apart: false,
      pass: passFor('x', { tid: 'casa', loc: 'en', ...who }),
    });
  const done = { locale: 'en', refused: undefined, until: undefined, goesOn: undefined };

  test('to give consent and take some of it back leaves what is below', async () => {
    const consent = (level: string) =>
      give({ action: 'give_consent', subjectId: 'c1', level, basis: 'document', channel: 'desk' }, asPerson);
    const withdraw = (level: string) =>
      give({ action: 'withdraw_consent', subjectId: 'c1', level, channel: 'desk' }, asPerson);
    expect(await consent('health')).toEqual(done);
    for (const level of ['health', 'health', 'contact']) expect(await withdraw(level)).toEqual(done);
    expect(await consent('contact')).toEqual(done);
    expect(await withdraw('health')).toEqual(done);
    expect(
      await database.administer('select action, holds, basis, recorded_by from consents order by number'),
    ).toEqual([
      { action: 'given', holds: 'health', basis: 'person', recorded_by: 'user-1' },
      { action: 'withdrawn', holds: 'service', basis: 'person', recorded_by: 'user-1' },
      { action: 'withdrawn', holds: 'service', basis: 'person', recorded_by: 'user-1' },
      { action: 'withdrawn', holds: null, basis: 'person', recorded_by: 'user-1' },
      { action: 'given', holds: 'contact', basis: 'person', recorded_by: 'user-1' },
      { action: 'withdrawn', holds: 'contact', basis: 'person', recorded_by: 'user-1' },
    ]);
  });

  test('to open and close a relationship', async () => {
    const pair = { providerId: 'p1', subjectId: 'c1' };
    const open = (own = {}) => give({ action: 'open_relationship', basis: 'care', ...pair, ...own }, asAdmin);
    const close = () => give({ action: 'close_relationship', ...pair }, asAdmin);
    expect(await open()).toEqual(done);
    expect(await known()).toMatchObject({ inReach: true });
    expect(await open()).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await close()).toEqual(done);
    expect(await known()).toMatchObject({ inReach: false });
    expect(await close()).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await open({ until: '2020-01-01T00:00:00Z' })).toMatchObject({ refused: 'INPUT_INVALID' });
    for (const own of [{ subjectId: 'c9' }, { subjectId: 'nobody' }, { providerId: 'nobody' }])
      expect(await open(own)).toMatchObject({ refused: 'TENANT_ISOLATION_VIOLATION' });
    expect(await open()).toEqual(done);
    expect(await known()).toMatchObject({ inReach: true });
  });

  test('to hold a class of data, and to release it, names who did', async () => {
    const place = () => give({ action: 'place_hold', class: 'billing_data', reason: 'a lawsuit' }, asAdmin);
    const release = () => give({ action: 'release_hold', class: 'billing_data' }, asAdmin);
    expect(await release()).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await place()).toEqual(done);
    expect(await place()).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await release()).toEqual(done);
    expect(
      await database.administer(
        'select class, reason, placed_by, released_by, released_at is not null as over from legal_holds',
      ),
    ).toEqual([
      { class: 'billing_data', reason: 'a lawsuit', placed_by: 'user-1', released_by: 'user-1', over: true },
    ]);
  });

  test('to review what somebody else asked is kept once, with its basis, and nobody reviews their own', async () => {
    const review = (approved: boolean, request = 'r', who: Partial<Pass> = asAdmin) =>
      give({ action: 'review_privacy_request', request, approved, basis: 'LGPD, art. 16, I' }, who);
    const waiting = (id: string, by: string) => `
      insert into privacy_requests (tenant_id, id, subject_id, type, state, identity, opened_by, recipient, deadline_at)
        values ('casa', '${id}', 'c1', 'deletion', 'legal_review', 'document', '${by}', '', now());`;
    await database.administer(waiting('r', 'u') + waiting('own', 'user-1'));
    expect(await review(true, 'own')).toMatchObject({ refused: 'INPUT_INVALID' });
    // Opened by another account, and about the person that this one is.
    expect(await review(true, 'r', { ...asAdmin, per: 'c1' })).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await review(false, 'r', { ...asAdmin, per: 'c2' })).toEqual(done);
    expect(await review(true)).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(
      await database.administer(
        'select id, approved, reviewed_by, review_basis from privacy_requests order by id',
      ),
    ).toEqual([
      { id: 'own', approved: null, reviewed_by: null, review_basis: null },
      { id: 'r', approved: false, reviewed_by: 'user-1', review_basis: 'LGPD, art. 16, I' },
    ]);
    await database.administer('delete from privacy_requests');
  });

  test('to say that a recipient was told is kept once, and of no one who was given nothing', async () => {
    const tell = (recipient: string) =>
      give({ action: 'tell_privacy_recipient', request: 'r', recipient }, asAdmin);
    await database.administer(`
      insert into privacy_requests (tenant_id, id, subject_id, type, identity, opened_by, recipient, deadline_at, recipients)
        values ('casa', 'r', 'c1', 'deletion', 'document', 'u', '', now(), '[{"name":"accountant"},{"name":"pharmacy"}]')`);
    const kept = async () =>
      (await database.administer(`select recipients from privacy_requests where id = 'r'`))[0]?.[
        'recipients'
      ];
    expect(await tell('laboratory')).toMatchObject({ refused: 'INPUT_INVALID' });
    expect(await tell('accountant')).toEqual(done);
    const told = { name: 'accountant', told: { by: 'user-1', at: expect.any(String) } };
    expect(await kept()).toEqual([told, { name: 'pharmacy' }]);
    const first = await kept();
    expect(await tell('accountant')).toEqual(done);
    expect(await kept()).toEqual(first);
    await database.administer(`delete from privacy_requests where id = 'r'`);
  });

  test('to hold a class of data waits for the batch that is being removed', async () => {
    const remover = new pg.Client({ connectionString: database.server.url });
    await remover.connect();
    await remover.query('begin');
    await remover.query("select pg_advisory_xact_lock(hashtextextended('retention casa feedback', 0))");
    let isPlaced = false;
    const placing = give({ action: 'place_hold', class: 'feedback', reason: 'a lawsuit' }, asAdmin).then(
      () => {
        isPlaced = true;
      },
    );
    await until('the command to wait', async () => {
      const [waits] = await database.administer(
        "select from pg_locks where locktype = 'advisory' and not granted",
      );
      return waits;
    });
    expect(isPlaced).toBe(false);
    await remover.query('commit');
    await placing;
    await remover.end();
    expect(isPlaced).toBe(true);
  });

  test('to agree to what retention planned is of another person than who asked, and for that list only', async () => {
    await database.administer(
      ['user-1', 'schedule']
        .map(
          (by) =>
            `insert into retention_plans (tenant_id, tick, class, policy, before, asked_by, planned_at, planned, rows_then, root, needs)
             values ('casa', 'of-${by}', 'billing_data', 'p', now(), '${by}', now(), 1, 1, decode(repeat('ab', 32), 'hex'), 'share');`,
        )
        .join(''),
    );
    const agree = (tick: string, root = 'ab'.repeat(32)) =>
      give({ action: 'approve_retention', class: 'billing_data', tick, root }, asAdmin);
    expect(await agree('of-user-1')).toMatchObject({ refused: 'AUTHZ_DENIED' });
    expect(await agree('of-schedule', 'cd'.repeat(32))).toMatchObject({ refused: 'NOT_FOUND' });
    expect(await agree('of-schedule')).toEqual(done);
    expect(await database.administer('select tick, approved_by from retention_approvals')).toEqual([
      { tick: 'of-schedule', approved_by: 'user-1' },
    ]);
    await database.administer('update retention_plans set finished_at = now()');
    expect(await agree('of-schedule')).toMatchObject({ refused: 'NOT_FOUND' });
  });

  test('to reach for somebody in an emergency holds for one person and half an hour', async () => {
    const before = Date.now();
    const { until, refused } = await give(emergency, asProfessional);
    expect(refused).toBeUndefined();
    expect(Date.parse(until ?? '') - before).toBeGreaterThanOrEqual(30 * 60_000);
    expect(await known()).toMatchObject({ inReach: true });
    expect(await known({ filter: { subjectId: 'c2' } })).toMatchObject({ inReach: false });
    expect(
      await database.administer(
        `select r.basis, r.valid_to - r.valid_from = interval '30 minutes' as half, e.reason
         from care_relationships r join emergencies e on e.id = r.command`,
      ),
    ).toEqual([{ basis: 'break_glass', half: true, reason: 'emergency' }]);
    await database.administer(
      `update care_relationships set valid_from = valid_from - interval '31 minutes', valid_to = valid_to - interval '31 minutes'`,
    );
    expect(await known()).toMatchObject({ inReach: false });
    expect(await give(emergency, asProfessional)).toMatchObject({ refused: undefined });
  });

  test('that comes again, also ten times at once, is carried out once and has one answer', async () => {
    const rid = `run-${crypto.randomUUID()}`;
    const all = await Promise.all(
      Array.from({ length: 10 }, () => give(emergency, { ...asProfessional, rid })),
    );
    expect(new Set(all.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(await database.administer('select from emergencies')).toHaveLength(1);
    const refused = `run-${crypto.randomUUID()}`;
    expect(await give(emergency, { ...asPerson, rid: refused })).toMatchObject({ refused: 'AUTHZ_DENIED' });
    expect(await give(emergency, { ...asProfessional, rid: refused })).toMatchObject({
      refused: 'AUTHZ_DENIED',
    });
  });
});

describe('an answer to an interrupt', () => {
  const pack = packOf('aesthetic-clinic');
  const asked = sampleOf(understood);
  const yes = { confirmed: true, reason: 'emergency', explanation: 'unconscious' } as const;
  let access: Store;
  beforeAll(async () => {
    access = await database.storeOf('access');
  });
  beforeEach(async () => {
    await database.administer('truncate access_commands, emergencies, interrupts');
  });

  const who = (own: Partial<Pass> = {}): Pass =>
    passFor('x', {
      ...{ tid: 'casa', loc: 'en', rol: 'aesthetic_professional', per: 'p1', acr: 'aal2' },
      ...own,
    });
  /** Lets a question about somebody wait, as permission does; the interrupt's name. */
  const waiting = async (filter: Plan['filter'] = { subject: 'ana silva' }): Promise<string> => {
    const pass = who();
    const plan = { ...asked.plan, filter };
    await interrupt(store, bodies, pass, { ...asked, plan, canAnswer: true }, { pack, plan });
    return pass.rid;
  };
  const answer = (id: string, own: object = {}, by: Partial<Pass> = {}) =>
    carryOut(access, {
      command: { action: 'answer_interrupt', interrupt: id, ...yes, ...own },
      ...{ pack, vault: database.vault, bodies, apart: false, pass: who(by) },
    });
  const emergenciesOf = () => database.administer('select subject_id, reason from emergencies');

  test('that is a yes opens the emergency and lets the question go on as it was understood', async () => {
    const id = await waiting();
    const rid = 'run-answer';
    const outcome = await answer(id, {}, { rid });
    expect(outcome).toMatchObject({
      refused: undefined,
      goesOn: { ...asked, plan: { ...asked.plan, filter: { subject: 'ana silva' } }, answers: id },
    });
    expect(outcome.goesOn).not.toHaveProperty('canAnswer');
    expect(Date.parse(outcome.until ?? '') - Date.now()).toBeGreaterThan(29 * 60_000);
    expect(await known()).toMatchObject({ inReach: true });
    expect(await answer(id, {}, { rid })).toEqual(outcome);
    expect(await emergenciesOf()).toEqual([{ subject_id: 'c1', reason: 'emergency' }]);
    // Another may not use it a second time, whatever they say.
    expect(await answer(id, { confirmed: false })).toMatchObject({
      refused: 'MSG_REPLAY',
      goesOn: undefined,
    });
  });

  test.each<[string, Plan['filter'], object, Partial<Pass>, string]>([
    ['a no', { subjectId: 'c1' }, { confirmed: false }, {}, 'CANCELLED'],
    ['about several', { subject: 'silva' }, {}, {}, 'PERSON_UNCLEAR'],
    ['about nobody', { subject: 'zeca' }, {}, {}, 'PERSON_UNCLEAR'],
    ['about somebody of another tenant', { subjectId: 'c9' }, {}, {}, 'PERSON_UNCLEAR'],
    ['without an explanation', { subjectId: 'c1' }, { explanation: ' ' }, {}, 'AUTHZ_DENIED'],
    ['by who has another role now', { subjectId: 'c1' }, {}, { rol: 'client' }, 'AUTHZ_DENIED'],
  ])('that is %s opens nothing, and is the only one', async (_what, filter, own, by, refused) => {
    const id = await waiting(filter);
    expect(await answer(id, own, by)).toMatchObject({ refused, goesOn: undefined });
    expect(await answer(id)).toMatchObject({ refused: 'MSG_REPLAY' });
    expect(await emergenciesOf()).toEqual([]);
    expect(await known()).toMatchObject({ inReach: false });
  });

  test('is taken of whom was asked, in their conversation, with a second factor, and in time', async () => {
    const id = await waiting();
    for (const [by, refused] of [
      [{ sub: 'user-2' }, 'NOT_FOUND'],
      [{ sid: 'session-2' }, 'NOT_FOUND'],
      [{ tid: 'other' }, 'NOT_FOUND'],
      [{ pur: 'billing' }, 'NOT_FOUND'],
      [{ acr: 'aal1' }, 'AUTH_STEP_UP'],
      [{ auth_time: Date.now() - 300_001 }, 'AUTH_STEP_UP'],
    ] as const)
      expect(await answer(id, {}, by)).toMatchObject({ refused, goesOn: undefined });
    // Whoever proved who they are meanwhile may answer still.
    await database.administer(`update interrupts set expires_at = now() where id = '${id}'`);
    expect(await answer(id)).toMatchObject({ refused: 'INTERRUPT_EXPIRED' });
    await database.administer(`update interrupts set expires_at = now() + interval '1 minute'`);
    expect(await answer(id)).toMatchObject({ refused: undefined });
  });

  test('needs no emergency where somebody has come into care meanwhile', async () => {
    const id = await waiting();
    await database.administer(relationSql('c1', '-1 day'));
    expect(await answer(id)).toMatchObject({ refused: undefined, until: undefined, goesOn: { answers: id } });
    expect(await emergenciesOf()).toEqual([]);
  });

  test('finds what was asked unreadable for everybody else, and in its own place only', async () => {
    const [one, two] = [await waiting(), await waiting({ subject: 'bia silva' })];
    const [row] = await database.administer(`select encode(asked, 'escape') as text from interrupts`);
    expect(row?.['text']).not.toContain('ana silva');
    await database.administer(
      `update interrupts set asked = (select asked from interrupts where id = '${two}') where id = '${one}'`,
    );
    await expect(answer(one)).rejects.toMatchObject({ code: 'CTX_PAYLOAD_MISMATCH' });
    expect(await emergenciesOf()).toEqual([]);
  });
});

describe('the explanation of an emergency', () => {
  const pack = packOf('aesthetic-clinic');
  const id = 'run-glass';
  let access: Store;
  let admin: Store;
  beforeAll(async () => {
    access = await database.storeOf('access');
    admin = connect('operator', { DATABASE_URL: database.server.url, DATABASE_POOL_SIZE: 2 });
  });
  afterAll(() => admin[Symbol.asyncDispose]());
  beforeEach(async () => {
    await database.administer('truncate access_commands, emergencies, subject_keys, tenant_keys');
    database.vault.forget();
    await reach(id);
  });

  const reach = async (rid: string): Promise<void> => {
    const who = { rol: 'aesthetic_professional', per: 'p1', acr: 'aal2', auth_time: Date.now() } as const;
    const outcome = await carryOut(access, {
      command: { action: 'break_glass', subjectId: 'c1', reason: 'emergency', explanation: 'unconscious' },
      pack,
      vault: database.vault,
      bodies,
      apart: false,
      pass: passFor('x', { tid: 'casa', loc: 'en', rid, ...who }),
    });
    expect(outcome.refused).toBeUndefined();
  };
  const stored = async (): Promise<Buffer | null> => {
    const [row] = await database.administer(`select explanation from emergencies where id = '${id}'`);
    return (row as { explanation: Buffer | null }).explanation;
  };
  const opened = async (own: Partial<Place> = {}): Promise<string> => {
    const place = { tenant: 'casa', table: 'emergencies', column: 'explanation', row: id, subject: 'c1' };
    const bytes = (await stored()) ?? Buffer.alloc(0);
    return admin.within({ tenant: 'casa' }, async (transaction) => {
      const field = { subject: 'c1', class: 'clinical', ...headOf(bytes) } as const;
      using opener = await database.vault.opener('casa', [field], transaction);
      return opener.open({ ...place, ...own }, 'clinical', bytes);
    });
  };
  const keys = {
    tenant: 'casa',
    tables: sealedTables(pack),
    announce: async () => database.vault.forget('casa'),
  };
  const erase = () => shred({ ...keys, store: admin, subject: 'c1', class: 'clinical' });

  test('is sealed for that person and that emergency', async () => {
    expect((await stored())?.toString('latin1')).not.toContain('unconscious');
    expect(await opened()).toBe('unconscious');
    for (const own of [{ row: 'run-other' }, { table: 'clients' }, { column: 'reason' }])
      await expect(opened(own)).rejects.toMatchObject({ code: 'CRYPTO_AAD' });
  });

  test('cannot be written in clear, nor read by who sealed it', async () => {
    const write = `update emergencies set explanation = 'clear, and as long as a sealed field would have to be'`;
    await expect(database.administer(write)).rejects.toMatchObject({ code: '23514' });
    for (const column of ['explanation', 'id']) {
      const statement = sql`select ${sql.ref(column)} from emergencies`;
      const read = access.within({ tenant: 'casa' }, (transaction) =>
        transaction.rows({ compile: () => statement.compile(queries()) }),
      );
      await expect(read).rejects.toMatchObject({ cause: { code: '42501' } });
    }
  });

  test('moves to the newest keys with everything else, and is counted until it has', async () => {
    const before = await stored();
    const rotating = { ...keys, store: admin, vault: database.vault };
    const dying = new AbortController();
    const half = rotate('subject', { ...rotating, signal: dying.signal, progress: () => dying.abort() });
    await expect(half).rejects.toThrow('aborted');
    expect(await retire('subject', rotating)).toEqual({ left: 1, retired: 0 });
    expect(await rotate('subject', rotating)).toMatchObject({ moved: 1, left: 0, retired: 1 });
    expect(await stored()).not.toEqual(before);
    expect(await opened()).toBe('unconscious');
    expect(await rotate('tenant', rotating)).toMatchObject({ moved: 1, left: 0, retired: 1 });
    expect(await opened()).toBe('unconscious');
  });

  test('is unreadable once the person’s keys are destroyed, and none is kept from then on', async () => {
    await erase();
    await expect(opened()).rejects.toMatchObject({ code: 'CRYPTO_KEY_SHREDDED' });
    await database.administer('truncate care_relationships');
    await reach('run-later');
    expect(
      await database.administer(`select reason, explanation from emergencies where id = 'run-later'`),
    ).toEqual([{ reason: 'emergency', explanation: null }]);
  });
});

describe('an installation from before consent was recorded', () => {
  test('keeps its people, who are taken to have agreed so far', async () => {
    await database.administer(`
      drop trigger keep_consent_level on consents; drop trigger number_consent on consents;
      drop table consents, consent_levels cascade; drop function sec.number_consent, sec.keep_consent_level;
      alter table care_relationships drop constraint care_relationships_overlap, drop column opened_by, drop column command,
        drop constraint care_relationships_pkey, add primary key (tenant_id, provider_id, subject_id),
        drop constraint care_relationships_check, drop constraint care_relationships_basis_check,
        add constraint care_relationships_basis_check check (basis in ('care'));
      insert into care_relationships values ('casa', 'p1', 'c1', 'care', now() - interval '1 year', null);
      delete from kysely_migration where name in ('core/0003_access', 'pack/aesthetic-clinic/aesthetic-clinic/0003_consents')`);
    await migrate(database.server.url);
    expect(await known()).toMatchObject({ inReach: true, consents: true });
    expect(
      await database.administer('select tenant_id, subject_id, holds, channel from consents order by 1, 2'),
    ).toEqual([
      { tenant_id: 'casa', subject_id: 'c1', holds: 'health', channel: 'migration' },
      { tenant_id: 'casa', subject_id: 'c2', holds: 'health', channel: 'migration' },
      { tenant_id: 'other', subject_id: 'c9', holds: 'health', channel: 'migration' },
    ]);
  });
});
