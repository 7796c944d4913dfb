import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EntityJson, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { read } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import type { Store } from '@jangada/store/store.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { databasePart } from '@jangada/trust/grant.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consentFor, reachOf } from '../services/permission/checks.ts';
import { knownIn, type Named } from '../services/permission/facts.ts';
import { decide } from '../services/permission/handler.ts';
import { startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// The same question answered three times: by our decision, by Cedar from policies written apart from it, and by the
// rows that PostgreSQL gives under the grant. They agree on every row, or the case is printed.

/** How many questions are asked; each is compared on every person of two tenants. `npm run prove` asks more. */
const cases = Number(process.env['PERMISSION_CASES'] ?? 1_000);
/** Of the run, so that a failure can be had again. */
const seed = Number(process.env['PERMISSION_SEED'] ?? Date.now() % 2 ** 31);

const pack = packOf('aesthetic-clinic');
const kinds = ['clients', 'appointments', 'billing', 'aesthetic_records', 'consents'] as const;
const providers = ['p0', 'p1', 'p2'];
const persons = [0, 1, 2, 3, 4];
const tenants = Array.from({ length: 24 }, (_, index) => `t-${index}`);
const dayMs = 86_400_000;

/** Days from now, the end open where it is null. Far enough from now for a slow test to change nothing. */
type Period = readonly [from: number, to: number | null];
interface Relation {
  readonly provider: string;
  readonly subject: string;
  readonly basis: string;
  readonly period: Period;
}
interface World {
  readonly tenant: string;
  readonly relations: readonly Relation[];
  /** Every entry of each person's history, the last of which holds. */
  readonly consents: readonly (readonly (string | null)[])[];
}
interface Question {
  readonly world: number;
  readonly role: string;
  readonly person: string | undefined;
  readonly purpose: string | undefined;
  readonly assurance: 'aal1' | 'aal2';
  readonly kind: (typeof kinds)[number];
  readonly fields: readonly string[];
}

/** Ids say their tenant so that one of another is unknown here. */
const idOf = (tenant: string, person: number): string => `${tenant}-c${person}`;

const periods = fc.constantFrom<readonly Period[]>(
  [],
  [[-10, -5]],
  [[-1, 1]],
  [[-3, null]],
  [[1, null]],
  [
    [-9, -5],
    [1, 9],
  ],
  [
    [-9, -5],
    [-5, 5],
  ],
);
const worldOf = (tenant: string): fc.Arbitrary<World> =>
  fc.record({
    tenant: fc.constant(tenant),
    relations: fc
      .array(fc.tuple(periods, fc.constantFrom<readonly Period[]>([], [], [[-1, 1]], [[-2, -1]])), {
        minLength: providers.length * persons.length,
        maxLength: providers.length * persons.length,
      })
      .map((pairs) =>
        pairs.flatMap(([care, emergencies], at) => {
          const pair = {
            provider: providers[at % providers.length] ?? '',
            subject: idOf(tenant, Math.floor(at / providers.length)),
          };
          return [
            ...care.map((period) => ({ ...pair, basis: 'care', period })),
            ...emergencies.map((period) => ({ ...pair, basis: 'break_glass', period })),
          ];
        }),
      ),
    consents: fc.array(
      fc.array(fc.constantFrom('contact', 'service', 'health', 'health', null), { maxLength: 3 }),
      { minLength: persons.length, maxLength: persons.length },
    ),
  });

const often = <T>(usual: T, ...rare: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 3, arbitrary: fc.constantFrom(...rare) });

const questions: fc.Arbitrary<Question> = fc
  .tuple(fc.nat({ max: tenants.length - 1 }), fc.constantFrom(...kinds))
  .chain(([world, kind]) =>
    fc.record<Question>({
      world: fc.constant(world),
      kind: fc.constant(kind),
      role: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom('admin', 'aesthetic_professional', 'client') },
        { weight: 1, arbitrary: fc.constantFrom('ghost', '', 'constructor', 'Admin') },
      ),
      person: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...providers) },
        { weight: 4, arbitrary: fc.constantFrom(...persons.map((person) => idOf(`t-${world}`, person))) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
      purpose: often<string | undefined>(
        undefined,
        'care',
        'billing',
        'administration',
        'statistics',
        'marketing',
        'constructor',
      ),
      assurance: fc.constantFrom('aal1', 'aal2'),
      fields: fc.oneof(
        { weight: 6, arbitrary: fc.subarray([...(pack.sources[kind]?.list ?? [])], { minLength: 1 }) },
        { weight: 1, arbitrary: fc.constantFrom(['amount'], ['description'], ['clients.birth_date']) },
      ),
    }),
  );

let database: TestDatabase;
let permission: Store;
let reader: Store;
const worlds = fc.sample(fc.tuple(...tenants.map(worldOf)), { seed, numRuns: 1 })[0] ?? [];

beforeAll(async () => {
  database = await startDatabase();
  permission = await database.storeOf('permission');
  reader = await database.storeOf('data-access');
  const at = (days: number | null) => (days === null ? 'null' : `now() + interval '${days} days'`);
  const people = tenants.flatMap((tenant) => persons.map((person) => ({ tenant, id: idOf(tenant, person) })));
  const list = (rows: readonly string[]) => rows.map((row) => `(${row})`).join(',\n');
  await database.administer(`
    ${tenants.map((tenant) => tenantSql(tenant)).join('\n')}
    insert into clients (tenant_id, id, name, name_search) values
      ${list(people.map(({ tenant, id }) => `'${tenant}', '${id}', '${id}', '${id}'`))};
    insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
      select tenant_id, id, id, 'p0', 'x', now(), 30, 'completed' from clients;
    insert into billing (tenant_id, id, client_id, provider_id, kind, status, amount, issued_at)
      select tenant_id, id, id, 'p0', 'charge', 'paid', 1, now() from clients;
    insert into aesthetic_records (tenant_id, id, client_id, kind, recorded_at)
      select tenant_id, id, id, 'x', now() from clients;
    insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to) values
      ${list(
        worlds.flatMap(({ tenant, relations }) =>
          relations.map(
            ({ provider, subject, basis, period: [from, to] }) =>
              `'${tenant}', '${provider}', '${subject}', '${basis}', ${at(from)}, ${at(to)}`,
          ),
        ),
      )};
    insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by) values
      ${list(
        worlds.flatMap(({ tenant, consents }) =>
          consents.flatMap((history, person) =>
            history.map(
              (holds, index) =>
                `'${tenant}', '${idOf(tenant, person)}/${index}', '${idOf(tenant, person)}', '${holds ? 'given' : 'withdrawn'}', 'x', ${holds ? `'${holds}'` : 'null'}, 'person', 'x', 'x'`,
            ),
          ),
        ),
      )};`);
  preparsePolicySet('clinic', {
    staticPolicies: readFileSync(join(import.meta.dirname, 'permission.cedar'), 'utf8'),
  });
}, 90_000);
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
});

const worldAt = (index: number): World => {
  const world = worlds[index];
  if (!world) throw new Error(`no world ${index}`);
  return world;
};
const holdsNow = ([from, to]: Period): boolean => from < 0 && (to === null || to > 0);
const levelOf = ({ tenant, consents }: World, id: string): string | null =>
  persons
    .map((person) => (idOf(tenant, person) === id ? consents[person]?.at(-1) : null))
    .find((level) => level) ?? null;

const planOf = ({ kind, fields }: Question, subjectId?: string): Plan => ({
  source: kind,
  ask: 'list',
  joins: [],
  filter: subjectId === undefined ? {} : { subjectId },
  fields: [...fields],
  limit: 100,
});

/** What is true of a named person, from the generated facts alone. */
const namedIn = (question: Question, plan: Plan, id: string): Named => {
  const world = worldAt(question.world);
  const inTenant = persons.some((person) => idOf(world.tenant, person) === id);
  const reach = reachOf({ pack, plan, role: question.role, purpose: question.purpose });
  const related = world.relations.some(
    ({ provider, subject, period }) => provider === question.person && subject === id && holdsNow(period),
  );
  const inReach =
    inTenant &&
    ((reach === 'own' && question.person === id) || reach === 'tenant' || (reach === 'related' && related));
  const needed = consentFor({ pack, plan, role: question.role, purpose: question.purpose });
  const level = levelOf(world, id);
  return { inTenant, inReach, consents: inReach && (!needed || (level !== null && needed.includes(level))) };
};

const decided = (question: Question, plan: Plan, named: Named | undefined) => {
  const { role, person, purpose, assurance, world } = question;
  const pass = passFor('x', { tid: worldAt(world).tenant });
  const facts = {
    pack,
    role,
    person,
    purpose,
    assurance,
    named,
    revision: undefined,
    answerUntil: undefined,
    pass,
    sign: database.grant,
  };
  const intent = { type: 'x', confidence: 1, entities: [], requiredPermissions: [], dataSources: [] };
  return decide({ question: 'x', locale: 'en', intent, plan }, facts);
};

/** First answer: our decision about one named person. */
const ours = (question: Question, id: string): Code | 'permitted' => {
  const plan = planOf(question, id);
  const { message, body } = decided(question, plan, namedIn(question, plan, id));
  return message === run.refused ? (body as { code: Code }).code : 'permitted';
};

/** Second answer: Cedar's, about one row. */
const cedars = (question: Question, owner: World, id: string): boolean => {
  const world = worldAt(question.world);
  const principal = { type: 'Asker', id: 'a' };
  const resource = { type: 'Row', id: 'r' };
  const level = ['contact', 'service', 'health'].indexOf(levelOf(owner, id) ?? '') + 1;
  const { role, person, purpose, assurance, kind } = question;
  const entities: EntityJson[] = [
    {
      uid: principal,
      attrs: { tenant: world.tenant, role, assurance, ...(person === undefined ? {} : { person }) },
      parents: [],
    },
    {
      uid: resource,
      attrs: { tenant: owner.tenant, subject: id, kind, ...(level > 0 ? { consent: level } : {}) },
      parents: [],
    },
  ];
  const now = 1_000 * dayMs;
  const context = { now, fields: [...question.fields], ...(purpose === undefined ? {} : { purpose }) };
  const related = owner.relations
    .filter(({ subject, provider }) => subject === id && provider === person)
    .map(({ provider, subject, period: [from, to] }) => ({
      provider,
      subject,
      from: now + from * dayMs,
      ...(to === null ? {} : { to: now + to * dayMs }),
    }));
  return [undefined, ...related].some((relation) => {
    const answer = statefulIsAuthorized({
      principal,
      resource,
      action: { type: 'Action', id: 'read' },
      context: { ...context, ...(relation ? { relation } : {}) },
      preparsedPolicySetId: 'clinic',
      entities,
    });
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    if (answer.response.diagnostics.errors.length > 0)
      throw new Error(JSON.stringify(answer.response.diagnostics));
    return answer.response.decision === 'allow';
  });
};

/** Third answer: whom the rows are about that PostgreSQL gives for a plan that names nobody, under its grant. */
const rowsOf = async (question: Question): Promise<ReadonlySet<unknown>> => {
  const plan = planOf(question);
  const { grant } = decided(question, plan, undefined);
  const source = pack.sources[question.kind];
  if (!grant || !source) return new Set();
  const statement = await grant;
  const [payload = ''] = statement.split('.');
  const { consent } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { consent?: string[] };
  const query = read(source, plan, { person: undefined, consent, zone: 'America/Sao_Paulo' });
  const rows = await reader.read({ grant: databasePart(statement) }, query);
  // One row of a kind has its person's id, and of a history each entry has it before its own.
  return new Set(rows.map((row) => String(row['_id']).replace(/\/.*/, '')));
};

describe('permission', () => {
  const tally = new Map<string, number>();
  test(
    `our decision, Cedar and PostgreSQL agree on every row of ${cases} questions`,
    async () => {
      await fc.assert(
        fc.asyncProperty(questions, fc.nat({ max: persons.length - 1 }), async (question, looked) => {
          const here = worldAt(question.world);
          const foreign = worldAt((question.world + 1) % worlds.length);
          const rows = await rowsOf(question);
          for (const owner of [here, foreign]) {
            for (const person of persons) {
              const id = idOf(owner.tenant, person);
              const decision = ours(question, id);
              const answers = {
                ours: decision === 'permitted',
                cedar: cedars(question, owner, id),
                // Of whom there is no history, no row could show it.
                ...(question.kind === 'consents' && owner.consents[person]?.length === 0
                  ? {}
                  : { rows: rows.has(id) }),
              };
              tally.set(decision, (tally.get(decision) ?? 0) + 1);
              expect(
                new Set(Object.values(answers)).size,
                JSON.stringify({ id, decision, answers, question, owner }),
              ).toBe(1);
            }
          }
          // What is looked up for a named person is what is true of them.
          for (const id of [idOf(here.tenant, looked), idOf(foreign.tenant, looked)]) {
            const plan = planOf(question, id);
            const reach = reachOf({ pack, plan, role: question.role, purpose: question.purpose });
            if (!reach) continue;
            const consent = consentFor({ pack, plan, role: question.role, purpose: question.purpose });
            const { person: by } = question;
            const known = await knownIn(permission, here.tenant, {
              people: 'clients',
              filter: plan.filter,
              reach,
              by,
              consent,
            });
            expect(known, JSON.stringify({ id, question, here })).toMatchObject(namedIn(question, plan, id));
          }
        }),
        { seed, numRuns: cases, interruptAfterTimeLimit: 10 * 60_000, markInterruptAsFailure: true },
      );
    },
    10 * 60_000,
  );

  test('the questions were of every kind', () => {
    const codes: string[] = [
      'permitted',
      'AUTHZ_DENIED',
      'PURPOSE_NOT_ALLOWED',
      'MFA_REQUIRED',
      'TENANT_ISOLATION_VIOLATION',
      'AUTHZ_NO_RELATION',
      'CONSENT_REQUIRED',
    ];
    expect([...tally.keys()].sort()).toEqual(codes.sort());
    expect(Math.min(...tally.values())).toBeGreaterThan(cases / 100);
  });
});
