import type { Emission } from '@jangada/hop/hop.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { policyOf } from '@jangada/packs/rules.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { reply } from '@jangada/proto/reply.ts';
import type { Decision } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import { given } from '@jangada/testkit/given.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { describe, expect, test } from 'vitest';
import { consent, consentFor, type Facts, group, mayAnswer, purpose, relation, role } from './checks.ts';
import { type Asker, decide } from './handler.ts';

const pack = packOf('aesthetic-clinic');
const question = 'consultas';
const pass = passFor(question);

const planFor = (source: string, own: Partial<Plan> = {}): Plan => ({
  source,
  ask: 'list',
  joins: [],
  filter: {},
  fields: [],
  limit: 50,
  ...own,
});
const about = (subject: string): Partial<Plan> => ({ filter: { subject } });

const body = (plan: Plan) => ({
  question,
  locale: 'pt-BR' as const,
  intent: {
    type: 'a_query',
    confidence: 0.9,
    entities: [],
    requiredPermissions: [],
    dataSources: [plan.source],
  },
  plan,
});

type Who = Partial<Omit<Asker, 'sign' | 'pass'>>;
const asker = (who: Who): Asker => ({
  pack,
  role: 'admin',
  person: undefined,
  purpose: undefined,
  assurance: 'aal1',
  named: undefined,
  revision: undefined,
  answerUntil: undefined,
  ...who,
  pass,
  sign: async (claims) => JSON.stringify(claims),
});
const factsOf = (who: Who, plan: Plan): Facts => ({ ...asker(who), plan });

const admin: Who = { role: 'admin' };
const professional: Who = { role: 'aesthetic_professional', person: 'pro-1' };
const client: Who = { role: 'client', person: 'cli-1' };
const known = { inTenant: true, inReach: true, consents: true };
const silent = { inTenant: true, inReach: true, consents: false };
const unrelated = { inTenant: true, inReach: false, consents: false };
const foreign = { inTenant: false, inReach: false, consents: false };

const decided = (who: Who, plan: Plan): Emission => given(decide, asker(who)).when(body(plan)).decided();
const decisionOf = (emission: Emission): Decision => (emission.body as { decision: Decision }).decision;
/** The reach that is granted, or the code of the refusal. */
const outcome = async (who: Who, plan: Plan): Promise<string> => {
  const emission = decided(who, plan);
  if (emission.message === run.refused) return (emission.body as { code: Code }).code;
  return (JSON.parse((await emission.grant) ?? '{}') as { reach: string }).reach;
};

const resources = ['clients', 'appointments', 'billing', 'aesthetic_records'];
/** What somebody agreed to is only ever read; it changes by commands. */
const readable = [...resources, 'consents'];
const verbs = ['read', 'write', 'delete'];

describe('the matrix', () => {
  const matrix: Readonly<Record<string, readonly string[]>> = {
    admin: [
      ...verbs.flatMap((verb) =>
        resources
          .map((resource) => `${verb}:${resource}`)
          .filter((permission) => permission !== 'delete:aesthetic_records'),
      ),
      'read:consents',
      'read:own_conversations',
      'admin:users',
      'admin:system',
      'admin:security',
    ],
    aesthetic_professional: [
      ...readable.map((resource) => `read:${resource}`),
      'read:own_conversations',
      'write:clients',
      'write:appointments',
      'write:aesthetic_records',
    ],
    client: [
      'read:own_clients',
      'write:own_clients',
      'read:own_appointments',
      'write:own_appointments',
      'read:own_billing',
      'read:own_consents',
      'read:own_conversations',
    ],
  };

  test.each(Object.entries(matrix))(
    '%s holds exactly what the law of the house gives',
    (name, permissions) => {
      expect([...(pack.roles[name]?.permissions ?? [])].sort()).toEqual([...permissions].sort());
    },
  );

  test('has the 15 of an administrator and their own conversations, and no deletion of clinical records', () => {
    expect(pack.roles['admin']?.permissions).toHaveLength(16);
    expect(pack.roles['admin']?.permissions).not.toContain('delete:aesthetic_records');
  });

  const everyone: [string, Who][] = [
    ['admin', admin],
    ['aesthetic_professional', professional],
    ['client', client],
    ['ghost', { role: 'ghost', person: 'cli-1' }],
  ];
  test.each(everyone.flatMap(([name, who]) => readable.map((resource) => [name, resource, who] as const)))(
    '%s reads %s exactly where a permission says so',
    async (name, resource, who) => {
      const held = matrix[name] ?? [];
      const expected = held.includes(`read:${resource}`)
        ? pack.roles[name]?.reach
        : held.includes(`read:own_${resource}`)
          ? 'own'
          : 'AUTHZ_DENIED';
      expect(await outcome(who, planFor(resource))).toBe(expected);
    },
  );
});

describe('the role', () => {
  test.each<[string, Who, Plan]>([
    ['unknown', { role: 'ghost', person: 'x' }, planFor('appointments')],
    ['with a name of Object’s', { role: 'constructor', person: 'x' }, planFor('appointments')],
    [
      'reaching people in care, without being anybody',
      { role: 'aesthetic_professional' },
      planFor('clients'),
    ],
    ['reaching itself, without being anybody', { role: 'client' }, planFor('clients')],
    ['asking an unknown source', admin, planFor('salaries')],
    ['asking a source with a name of Object’s', admin, planFor('constructor')],
    [
      'asking a field that the source does not declare',
      admin,
      planFor('appointments', { fields: ['amount'] }),
    ],
    [
      'asking a column of another table',
      professional,
      planFor('appointments', { fields: ['billing.amount'] }),
    ],
    ['joining what the source is not tied to', professional, planFor('appointments', { joins: ['billing'] })],
    ['asking a figure that the source cannot give', admin, planFor('appointments', { ask: 'total' })],
    ['asking a state of another source', admin, planFor('appointments', { filter: { state: 'paid' } })],
    [
      'asking a facet that there is not',
      admin,
      planFor('billing', { filter: { facets: { status: ['paid'] } } }),
    ],
    [
      'asking a facet with a name of Object’s',
      admin,
      planFor('billing', { filter: { facets: { constructor: ['x'] } } }),
    ],
    [
      'without the permission of a joined source',
      client,
      planFor('aesthetic_records', { joins: ['clients'] }),
    ],
  ])('%s is denied', (_what, who, plan) => {
    expect(role(factsOf(who, plan))).toBe('AUTHZ_DENIED');
  });

  test('needs the permission of every column’s table, joined or not', () => {
    const { client: held, ...others } = pack.roles;
    const permissions = held?.permissions.filter((permission) => !permission.endsWith(':own_clients')) ?? [];
    const narrow = {
      ...pack,
      roles: { ...others, client: { reach: 'related', masked: [], permissions } },
    } as const;
    const plan = planFor('appointments', { fields: ['start', 'client'] });
    expect(role({ ...factsOf(client, plan), pack: narrow })).toBe('AUTHZ_DENIED');
    expect(
      role({ ...factsOf(client, planFor('appointments', { fields: ['start'] })), pack: narrow }),
    ).toBeUndefined();
    const byName = planFor('billing', { filter: { subject: 'Ana' }, fields: ['amount'] });
    expect(role({ ...factsOf(client, byName), pack: narrow })).toBe('AUTHZ_DENIED');
  });

  test('reaches as far as the narrowest permission', async () => {
    expect(await outcome(client, planFor('appointments', { joins: ['clients'] }))).toBe('own');
  });

  test('is not what the label of the intent says', () => {
    const plan = planFor('aesthetic_records');
    const labelled = {
      ...body(plan).intent,
      type: 'appointment_query',
      requiredPermissions: ['read:appointments'],
    };
    const { message, body: said } = given(decide, asker(client))
      .when({ ...body(plan), intent: labelled })
      .decided();
    expect([message, said]).toMatchObject([
      run.refused,
      { code: 'AUTHZ_DENIED', intent: 'appointment_query' },
    ]);
  });
});

describe('the purpose', () => {
  test.each<[string, Who, Plan, Code | undefined]>([
    ['that the question does not name is the pack’s', admin, planFor('billing'), undefined],
    [
      'that the pack does not know',
      { ...admin, purpose: 'marketing' },
      planFor('clients'),
      'PURPOSE_NOT_ALLOWED',
    ],
    [
      'with a name of Object’s',
      { ...admin, purpose: 'constructor' },
      planFor('clients'),
      'PURPOSE_NOT_ALLOWED',
    ],
    ['that is empty', { ...admin, purpose: '' }, planFor('clients'), 'PURPOSE_NOT_ALLOWED'],
    ['that covers the source', { ...admin, purpose: 'billing' }, planFor('billing'), undefined],
    [
      'that does not cover the source',
      { ...admin, purpose: 'billing' },
      planFor('aesthetic_records'),
      'PURPOSE_NOT_ALLOWED',
    ],
    [
      'that is not the role’s',
      { ...professional, purpose: 'billing' },
      planFor('billing'),
      'PURPOSE_NOT_ALLOWED',
    ],
    [
      'that needs a second factor, without one',
      { ...admin, purpose: 'administration' },
      planFor('clients'),
      'MFA_REQUIRED',
    ],
    [
      'that needs a second factor, with one',
      { ...admin, purpose: 'administration', assurance: 'aal2' },
      planFor('clients'),
      undefined,
    ],
  ])('%s', (_what, who, plan, code) => {
    expect(purpose(factsOf(who, plan))).toBe(code);
  });
});

describe('the relation', () => {
  const byId = planFor('clients', { filter: { subjectId: 'x' } });
  test.each<[string, Who, Plan, Code | undefined]>([
    ['is not asked where nobody is named', professional, planFor('clients'), undefined],
    [
      'of a professional to someone in care',
      { ...professional, named: known },
      planFor('clients', about('Ana')),
      undefined,
    ],
    [
      'of a professional to someone who is not',
      { ...professional, named: unrelated },
      planFor('clients', about('Zé')),
      'AUTHZ_NO_RELATION',
    ],
    ['of an admin to anyone', { ...admin, named: unrelated }, planFor('clients', about('Zé')), undefined],
    ['of a client to themselves', { ...client, named: known }, planFor('clients', about('Ana')), undefined],
    [
      'of a client to another',
      { ...client, named: unrelated },
      planFor('billing', about('Bruno')),
      'AUTHZ_DENIED',
    ],
    ['to a foreign id', { ...professional, named: foreign }, byId, 'TENANT_ISOLATION_VIOLATION'],
    ['to a foreign id, for an admin too', { ...admin, named: foreign }, byId, 'TENANT_ISOLATION_VIOLATION'],
    ['that nobody looked up', admin, byId, 'TENANT_ISOLATION_VIOLATION'],
  ])('%s', (_what, who, plan, code) => {
    expect(relation(factsOf(who, plan))).toBe(code);
  });
});

describe('asking back', () => {
  const asking = planFor('clients', about('Zé'));
  const stranger: Who = { ...professional, named: unrelated };
  const answerUntil = '2026-11-21T12:00:00.000Z';

  test.each<[string, Who, Plan, boolean, boolean]>([
    ['who cares for people, about one who is not in their care', stranger, asking, true, true],
    ['not whom nobody can ask', stranger, asking, false, false],
    ['not who has no person to care', { ...stranger, person: undefined }, asking, true, false],
    ['not about whom they care for', { ...professional, named: known }, asking, true, false],
    ['not about whom the tenant does not have', { ...professional, named: foreign }, asking, true, false],
    [
      'not a client about another',
      { ...client, named: unrelated },
      planFor('billing', about('Zé')),
      true,
      false,
    ],
    ['not for another purpose', { ...stranger, purpose: 'marketing' }, asking, true, false],
  ])('%s', (_whom, who, plan, canAnswer, expected) => {
    expect(mayAnswer(factsOf(who, plan), canAnswer)).toBe(expected);
  });

  test('is no part of a pack without emergencies', () => {
    const { emergency: _, ...without } = pack;
    expect(mayAnswer({ ...factsOf(stranger, asking), pack: without }, true)).toBe(false);
  });

  test('names nobody, says until when, and which answer lets the question go on', () => {
    const { message, body, tell } = decided({ ...stranger, answerUntil }, asking);
    expect([message.name, body]).toMatchObject([
      'run.interrupted',
      { code: 'AUTHZ_NO_RELATION', decision: { refusedBy: 'relation' }, expiresAt: answerUntil },
    ]);
    expect(tell).toMatchObject({
      type: 'interrupted',
      id: pass.rid,
      message: pack.wording['pt-BR'].emergency?.question,
      expiresAt: answerUntil,
      responseSchema: {
        type: 'object',
        properties: {
          confirmed: { const: true },
          reason: {
            title: 'Motivo',
            enum: ['emergency', 'continuity_of_care', 'legal_duty'],
            oneOf: [
              { const: 'emergency', title: 'emergência' },
              { const: 'continuity_of_care', title: 'continuidade do atendimento' },
              { const: 'legal_duty', title: 'obrigação legal' },
            ],
          },
          explanation: { title: 'Explicação', type: 'string', minLength: 10, maxLength: 2_000 },
        },
        required: ['confirmed', 'reason', 'explanation'],
        additionalProperties: false,
      },
    });
    expect(reply.body.parse({ parts: [tell] })).toEqual({ parts: [tell] });
    expect(JSON.stringify([body, tell])).not.toContain('Zé');
  });
});

describe('consent', () => {
  const named = planFor('clients', about('Ana'));
  test.each<[string, Who, Plan, Code | undefined]>([
    ['is not asked where nobody is named', professional, planFor('clients'), undefined],
    ['that was given', { ...professional, named: known }, named, undefined],
    ['that was not given', { ...professional, named: silent }, named, 'CONSENT_REQUIRED'],
    ['that was not given, for an admin too', { ...admin, named: silent }, named, 'CONSENT_REQUIRED'],
    [
      'to be told what somebody agreed to is not needed',
      { ...professional, named: silent },
      planFor('consents', { filter: { subjectId: 'cli-1' } }),
      undefined,
    ],
    ['to be told about oneself is not needed', { ...client, named: silent }, named, undefined],
    ['of nobody, where an admin names an unknown name', { ...admin, named: unrelated }, named, undefined],
  ])('%s', (_what, who, plan, code) => {
    expect(consent(factsOf(who, plan))).toBe(code);
  });

  test('is of the highest level that any of what is touched needs', async () => {
    const needed = async (plan: Plan): Promise<unknown> => {
      const { grant } = decided(admin, plan);
      return (JSON.parse((await grant) ?? '{}') as { consent?: string[] }).consent;
    };
    expect(await needed(planFor('clients'))).toEqual(['contact', 'service', 'health']);
    expect(await needed(planFor('appointments', { joins: ['clients'] }))).toEqual(['service', 'health']);
    expect(await needed(planFor('aesthetic_records', { joins: ['clients'] }))).toEqual(['health']);
  });

  test('is not asked of those who read about themselves', async () => {
    const emission = decided(client, planFor('appointments'));
    expect(JSON.parse((await emission.grant) ?? '{}')).not.toHaveProperty('consent');
    expect(decisionOf(emission)).not.toHaveProperty('consent');
  });
});

describe('the group', () => {
  const statistics = (who: Who): Who => ({ ...who, purpose: 'statistics' });
  const count = (own: Partial<Plan> = {}) => planFor('aesthetic_records', { ask: 'count', ...own });
  const granted = async (who: Who, plan: Plan) =>
    JSON.parse((await decided(who, plan).grant) ?? '{}') as { reach?: string; min?: number };

  test('is not asked where the rows behind a figure may be listed', async () => {
    expect(await granted(professional, count())).toMatchObject({ reach: 'related' });
    expect(await granted(professional, count())).not.toHaveProperty('min');
    expect(group(factsOf(professional, count({ filter: { subjectId: 'cli-1' } })))).toBeUndefined();
  });

  test('of a purpose of figures is the tenant, and has a least size', async () => {
    for (const who of [admin, professional])
      expect(await granted(statistics(who), count())).toMatchObject({ reach: 'tenant', min: 5 });
  });

  test('of one person is none', () => {
    expect(group(factsOf(statistics(admin), count({ filter: { subjectId: 'cli-1' } })))).toBe(
      'AGG_SUPPRESSED',
    );
  });

  test('is not listed', async () => {
    expect(await outcome(statistics(admin), planFor('aesthetic_records'))).toBe('PURPOSE_NOT_ALLOWED');
  });

  test('is not a client’s to ask about', async () => {
    expect(await outcome(statistics(client), planFor('appointments', { ask: 'count' }))).toBe(
      'PURPOSE_NOT_ALLOWED',
    );
  });
});

describe('cloud pricing', () => {
  const pricing = packOf('cloud-pricing');
  const prices = (role: string, plan: Plan, own: Who = {}) => outcome({ pack: pricing, role, ...own }, plan);

  test.each([
    ['admin', 'tenant', 'tenant'],
    ['analyst', 'tenant', 'tenant'],
    ['viewer', 'tenant', 'AUTHZ_DENIED'],
    ['client', 'AUTHZ_DENIED', 'AUTHZ_DENIED'],
    ['public', 'AUTHZ_DENIED', 'AUTHZ_DENIED'],
  ])('%s reads prices: %s, and discounts: %s', async (role, ofPrices, ofDiscounts) => {
    expect(await prices(role, planFor('prices', { fields: ['price'] }))).toBe(ofPrices);
    expect(await prices(role, planFor('discounts', { fields: ['upTo'] }))).toBe(ofDiscounts);
  });

  test('cites and searches what the source declares, for who may read it, and nothing else', async () => {
    const filter: Plan['filter'] = { nearest: { text: 'spot', language: 'en' } };
    const citing = (own: Partial<Plan>) => prices('analyst', planFor('discounts', { filter, ...own }));
    expect(await citing({ cites: 'articles' })).toBe('tenant');
    for (const own of [
      {},
      { cites: 'prices' },
      { cites: 'constructor' },
      { cites: 'articles', ask: 'count' } as const,
    ])
      expect(await citing(own)).toBe('AUTHZ_DENIED');
    expect(await prices('analyst', planFor('prices', { filter, cites: 'articles' }))).toBe('AUTHZ_DENIED');
  });

  test('is narrowed by what its facets declare and nothing else', async () => {
    const facets = (named: Record<string, string[]>) =>
      prices('analyst', planFor('prices', { filter: { facets: named } }));
    expect(await facets({ model: ['A100', 'H100'], provider: ['AWS'] })).toBe('tenant');
    for (const named of [{ model: ['x'] }, { model: ['constructor'] }, { source: ['demo'] }])
      expect(await facets(named)).toBe('AUTHZ_DENIED');
  });

  test('is about nobody, so that nobody can be named, and has no other use', async () => {
    const ofSomebody = planFor('prices', about('Ana'));
    expect(await prices('analyst', ofSomebody)).toBe('TENANT_ISOLATION_VIOLATION');
    expect(await prices('analyst', planFor('prices'), { purpose: 'care' })).toBe('PURPOSE_NOT_ALLOWED');
    for (const source of ['clients', 'consents', 'appointments'])
      expect(await prices('admin', planFor(source))).toBe('AUTHZ_DENIED');
  });
});

describe('a care home', () => {
  const home = packOf('care-home');
  const ask = (who: Who, plan: Plan) => outcome({ pack: home, ...who }, plan);
  const manager: Who = { role: 'manager' };
  const nurse: Who = { role: 'nurse', person: 'nur-1' };
  const carer: Who = { role: 'carer', person: 'car-1' };
  const family: Who = { role: 'family', person: 'fam-1' };
  const anybody: Who = { role: 'public' };
  const no = 'AUTHZ_DENIED';

  test.each<[string, Who, Record<string, string>]>([
    [
      'manager',
      manager,
      {
        ...{ residents: 'tenant', care_events: 'tenant', medications: 'tenant', appointments: 'tenant' },
        ...{ inquiries: 'tenant', consents: 'tenant', articles: 'tenant' },
      },
    ],
    [
      'nurse',
      nurse,
      {
        ...{ residents: 'related', care_events: 'related', medications: 'related' },
        ...{ appointments: 'related', inquiries: 'related', consents: 'related', articles: 'related' },
      },
    ],
    [
      'carer',
      carer,
      {
        ...{ residents: 'related', care_events: 'related', medications: no, appointments: 'related' },
        ...{ inquiries: no, consents: no, articles: 'related' },
      },
    ],
    [
      'family',
      family,
      {
        ...{ residents: 'related', care_events: no, medications: no, appointments: 'related' },
        ...{ inquiries: 'related', consents: no, articles: 'related' },
      },
    ],
    [
      'public',
      anybody,
      {
        ...{ residents: no, care_events: no, medications: no, appointments: no, inquiries: no },
        ...{ consents: no, articles: 'tenant' },
      },
    ],
  ])('%s reads what the table says', async (_name, who, expected) => {
    const found = Object.keys(expected).map(async (source) => [source, await ask(who, planFor(source))]);
    expect(Object.fromEntries(await Promise.all(found))).toEqual(expected);
  });

  test('of whoever has not signed in is for information, which covers nobody, and for nothing else', async () => {
    const nearest = { text: 'prices', language: 'en' } as const;
    const articles = planFor('articles', { filter: { language: 'en', nearest } });
    expect(decisionOf(decided({ pack: home, ...anybody }, articles))).toMatchObject({
      purpose: 'information',
      reach: 'tenant',
      flags: { purposeSpecified: false },
    });
    expect(home.purposes['information']?.resources).toEqual(['articles']);
    for (const purpose of ['care', 'statistics', 'own_history'])
      expect(await ask({ ...anybody, purpose }, articles)).toBe('PURPOSE_NOT_ALLOWED');
    expect(decisionOf(decided({ pack: home, ...nurse }, planFor('residents'))).purpose).toBe('care');
  });

  test('asks a language only where there are several', async () => {
    expect(await ask(manager, planFor('residents', { filter: { language: 'en' } }))).toBe(no);
  });

  test('tells health of who agreed to it, and of those in care', async () => {
    const medication = planFor('medications', about('Alzira'));
    expect(await ask({ ...nurse, named: known }, medication)).toBe('related');
    expect(await ask({ ...nurse, named: silent }, medication)).toBe('CONSENT_REQUIRED');
    expect(await ask({ ...nurse, named: unrelated }, medication)).toBe('AUTHZ_NO_RELATION');
    expect(await ask({ ...manager, named: foreign }, medication)).toBe('TENANT_ISOLATION_VIOLATION');
    const consents = ['care_events', 'medications', 'appointments', 'inquiries', 'residents'].map(
      (source) => decisionOf(decided({ pack: home, ...manager }, planFor(source))).consent,
    );
    expect(consents).toEqual(['health', 'health', 'care', 'care', 'contact']);
  });

  test('tells figures for statistics and no rows, to manager and nurse', async () => {
    const falls = planFor('care_events', { ask: 'count', filter: { facets: { kind: ['fall'] } } });
    for (const who of [manager, nurse]) {
      const asked = { pack: home, ...who, purpose: 'statistics' };
      expect(decisionOf(decided(asked, falls))).toMatchObject({ reach: 'tenant', groupMin: 5 });
      expect(await outcome(asked, planFor('care_events'))).toBe('PURPOSE_NOT_ALLOWED');
      const ofOne = { ...falls, filter: { subjectId: 'res-1' } };
      expect(await outcome({ ...asked, named: known }, ofOne)).toBe('AGG_SUPPRESSED');
    }
    expect(await ask({ ...carer, purpose: 'statistics' }, falls)).toBe('PURPOSE_NOT_ALLOWED');
  });

  test('opens an emergency for staff and not for families', () => {
    const may = (who: Who): boolean =>
      mayAnswer(
        { ...factsOf({ pack: home, ...who, named: unrelated }, planFor('residents', about('Eunice'))) },
        true,
      );
    expect([nurse, carer, family].map(may)).toEqual([true, true, false]);
  });
});

describe('the order', () => {
  const everythingWrong: Who = { role: 'ghost', purpose: 'marketing', named: foreign };
  test('is role, purpose, relation, consent: the first that refuses is the answer', () => {
    const plan = planFor('clients', { filter: { subjectId: 'x' } });
    const by = (who: Who) => decisionOf(decided({ ...everythingWrong, ...who }, plan)).refusedBy;
    expect(by({})).toBe('role');
    expect(by({ role: 'admin' })).toBe('purpose');
    expect(by({ role: 'admin', purpose: 'care' })).toBe('relation');
    expect(by({ role: 'admin', purpose: 'care', named: silent })).toBe('consent');
    expect(by({ role: 'admin', purpose: 'care', named: known })).toBeUndefined();
  });
});

describe('a decision', () => {
  test('is a grant for the plan, its fields and the pass’s end', async () => {
    const plan = planFor('appointments', { fields: ['start'] });
    const { grant } = decided(professional, plan);
    expect(JSON.parse((await grant) ?? '')).toMatchObject({
      reach: 'related',
      by: 'pro-1',
      fields: ['start'],
      limit: 50,
      pol: policyOf(pack),
      exp: pass.exp,
    });
  });

  test('says what it stood on', () => {
    expect(
      decisionOf(
        decided({ ...professional, purpose: 'care' }, planFor('appointments', { fields: ['start'] })),
      ),
    ).toEqual({
      policy: expect.stringMatching(/^aesthetic-clinic@\d+\.\d+\.\d+#[0-9a-f]{12}$/),
      purpose: 'care',
      reach: 'related',
      consent: 'service',
      flags: { lgpdCompliant: true, purposeSpecified: true, dataMinimized: true, retentionPolicy: true },
    });
    expect(decisionOf(decided({ ...admin, purpose: 'marketing' }, planFor('clients')))).toMatchObject({
      purpose: 'marketing',
      refusedBy: 'purpose',
      flags: { lgpdCompliant: false, purposeSpecified: true },
    });
    expect(decisionOf(decided(admin, planFor('appointments', { fields: ['minutes'] }))).flags).toMatchObject({
      purposeSpecified: false,
      dataMinimized: false,
    });
  });
});

describe('an order', () => {
  const order = { type: 'ScheduleAppointment' as const, provider: 'Lima', said: 'marque a Ana' };
  const wanted = planFor('clients', { fields: ['id', 'name'], order, ...about('Ana Lima') });
  const answerable = (who: Who, plan: Plan): Emission =>
    given(decide, asker(who))
      .when({ ...body(plan), canAnswer: true })
      .decided();
  const codeOf = ({ body: said }: Emission): Code | undefined => (said as { code?: Code }).code;

  test('takes the right to change the agenda, beside that to read whom it is about', () => {
    for (const [who, reach] of [
      [{ ...admin, named: known }, 'tenant'],
      [{ ...professional, named: known }, 'related'],
      [{ ...client, named: known }, 'own'],
    ] as const) {
      expect(decisionOf(answerable(who, wanted))).toMatchObject({ reach });
    }
    const readers = {
      ...pack,
      roles: {
        ...pack.roles,
        reader: {
          ...pack.roles['admin'],
          permissions: ['read:clients', 'read:appointments', 'read:billing'],
        },
      },
      purposes: { ...pack.purposes, care: { ...pack.purposes['care'], roles: ['reader'] } },
    } as typeof pack;
    const reader = { pack: readers, role: 'reader', named: known };
    expect(codeOf(answerable(reader, wanted))).toBe('AUTHZ_DENIED');
    const { order: _order, ...question } = wanted;
    expect(codeOf(answerable(reader, question))).toBeUndefined();
  });

  test('takes what it reads: who provides, and the services, of a booking alone', () => {
    const desk = {
      ...pack.roles['admin'],
      permissions: ['read:clients', 'read:appointments', 'write:appointments'],
    };
    const without = {
      ...pack,
      roles: { ...pack.roles, desk },
      purposes: { ...pack.purposes, care: { ...pack.purposes['care'], roles: ['desk'] } },
    } as typeof pack;
    const who = { pack: without, role: 'desk', named: known };
    const cancel = planFor('bookings', {
      ...{ joins: ['clients'], fields: ['version', 'client'], ...about('Ana Lima') },
      order: { type: 'CancelAppointment', said: 'desmarque' },
    });
    expect(codeOf(answerable(who, cancel))).toBeUndefined();
    expect(codeOf(answerable(who, wanted))).toBe('AUTHZ_DENIED');
  });

  test('is for oneself, for who is in one’s care, and with the leave that bookings take', () => {
    expect(codeOf(answerable({ ...client, named: unrelated }, wanted))).toBe('AUTHZ_DENIED');
    expect(codeOf(answerable({ ...professional, named: unrelated }, wanted))).toBe('AUTHZ_NO_RELATION');
    expect(codeOf(answerable({ ...professional, named: silent }, wanted))).toBe('CONSENT_REQUIRED');
    expect(consentFor(factsOf(professional, wanted))).toEqual(['service', 'health']);
  });

  test('is refused where nobody can say yes to it, and is no emergency', () => {
    expect(codeOf(decided({ ...professional, named: known }, wanted))).toBe('CONFIRMATION_REQUIRED');
    expect(mayAnswer(factsOf({ ...professional, named: unrelated }, wanted), true)).toBe(false);
  });

  test('is of what the pack has orders for, and of nothing else', () => {
    for (const plan of [
      { ...wanted, source: 'bookings', fields: ['version'] },
      { ...wanted, ask: 'count' as const, fields: [] },
      { ...wanted, order: { ...order, type: 'CancelAppointment' as const } },
    ])
      expect(codeOf(answerable({ ...admin, named: known }, plan))).toBe('AUTHZ_DENIED');
    const { orders: _orders, ...without } = pack;
    expect(codeOf(answerable({ ...admin, named: known, pack: without }, wanted))).toBe('AUTHZ_DENIED');
  });
});
