import { emit } from '@jangada/hop/hop.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { given } from '@jangada/testkit/given.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { describe, expect, test } from 'vitest';
import { type Asker, decide } from './handler.ts';

const pack = packOf('aesthetic-clinic');
const question = 'consultas';

const planFor = (source: string, own: Partial<Plan> = {}): Plan => ({
  source,
  ask: 'list',
  joins: [],
  filter: {},
  fields: [],
  limit: 50,
  ...own,
});

const asked = (plan: Plan) => ({
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

const asker = (pass: Partial<Pass>, named?: Asker['named']): Asker => ({
  pack,
  pass: passFor(question, pass),
  named,
  sign: async (claims) => JSON.stringify(claims),
});

const admin = { rol: 'admin' };
const professional = { rol: 'aesthetic_professional', per: 'pro-1' };
const client = { rol: 'client', per: 'cli-1' };
const known = { inTenant: true, inReach: true };
const unrelated = { inTenant: true, inReach: false };
const foreign = { inTenant: false, inReach: false };
const about = (subject: string): Partial<Plan> => ({ filter: { subject } });

const outcome = async (who: Partial<Pass>, plan: Plan, named?: Asker['named']): Promise<string> => {
  const emission = given(decide, asker(who, named)).when(asked(plan)).decided();
  if (emission.message === run.refused) return (emission.body as { code: Code }).code;
  return (JSON.parse((await emission.grant) ?? '{}') as { reach: string }).reach;
};

describe('permission', () => {
  test.each<[string, Partial<Pass>, Plan, Asker['named'], string]>([
    ['an admin reads the tenant', admin, planFor('billing'), undefined, 'tenant'],
    ['an admin may name anyone', admin, planFor('clients', about('Zé')), unrelated, 'tenant'],
    ['a professional reads those in their care', professional, planFor('appointments'), undefined, 'related'],
    ['a professional reads billing of those in care', professional, planFor('billing'), undefined, 'related'],
    [
      'a professional may name someone in care',
      professional,
      planFor('clients', about('Ana')),
      known,
      'related',
    ],
    ['a client reads their own appointments', client, planFor('appointments'), undefined, 'own'],
    ['a client reads their own billing', client, planFor('billing'), undefined, 'own'],
    ['a client may name themselves', client, planFor('clients', about('Ana')), known, 'own'],
    [
      'a client has no right to clinical records',
      client,
      planFor('aesthetic_records'),
      undefined,
      'AUTHZ_DENIED',
    ],
    ['a client may not name another', client, planFor('billing', about('Bruno')), unrelated, 'AUTHZ_DENIED'],
    [
      'a professional needs a relationship',
      professional,
      planFor('clients', about('Zé')),
      unrelated,
      'AUTHZ_NO_RELATION',
    ],
    [
      'a foreign id is nobody’s here',
      professional,
      planFor('clients', { filter: { subjectId: 'x' } }),
      foreign,
      'TENANT_ISOLATION_VIOLATION',
    ],
    [
      'a foreign id is nobody’s for an admin either',
      admin,
      planFor('clients', { filter: { subjectId: 'x' } }),
      foreign,
      'TENANT_ISOLATION_VIOLATION',
    ],
    ['an unknown role gets nothing', { rol: 'ghost' }, planFor('appointments'), undefined, 'AUTHZ_DENIED'],
    [
      'a name of Object’s is not a role',
      { rol: 'constructor' },
      planFor('appointments'),
      undefined,
      'AUTHZ_DENIED',
    ],
    ['an unknown source gets nothing', admin, planFor('salaries'), undefined, 'AUTHZ_DENIED'],
    [
      'a professional without a person gets nothing',
      { rol: 'aesthetic_professional' },
      planFor('appointments'),
      undefined,
      'AUTHZ_DENIED',
    ],
    [
      'a client without a person gets nothing',
      { rol: 'client' },
      planFor('appointments'),
      undefined,
      'AUTHZ_DENIED',
    ],
    [
      'a purpose the pack does not know gets nothing',
      { ...admin, pur: 'marketing' },
      planFor('appointments'),
      undefined,
      'AUTHZ_DENIED',
    ],
    [
      'a missing lookup of a named person denies',
      admin,
      planFor('clients', about('Ana')),
      undefined,
      'TENANT_ISOLATION_VIOLATION',
    ],
    [
      'the narrowest source decides',
      client,
      planFor('appointments', { joins: ['clients'] }),
      undefined,
      'own',
    ],
  ])('%s', async (_sentence, who, plan, named, expected) => {
    expect(await outcome(who, plan, named)).toBe(expected);
  });

  test('the label of the intent changes nothing', () => {
    const plan = planFor('aesthetic_records');
    given(decide, asker(client))
      .when({
        ...asked(plan),
        intent: {
          ...asked(plan).intent,
          type: 'appointment_query',
          requiredPermissions: ['read:appointments'],
        },
      })
      .then(emit(run.refused, { code: 'AUTHZ_DENIED', locale: 'pt-BR', intent: 'appointment_query' }));
  });

  test('the grant names the plan, its fields and the pass’s end', async () => {
    const plan = planFor('appointments', { fields: ['start'] });
    const who = asker(professional);
    const { grant } = given(decide, who).when(asked(plan)).decided();
    expect(JSON.parse((await grant) ?? '')).toMatchObject({
      reach: 'related',
      by: 'pro-1',
      fields: ['start'],
      limit: 50,
      exp: who.pass.exp,
    });
  });
});
