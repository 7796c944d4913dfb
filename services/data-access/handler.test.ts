import { cursorOf } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { given } from '@jangada/testkit/given.ts';
import { describe, expect, test } from 'vitest';
import type { Facts } from './handler.ts';
import { decide } from './handler.ts';
import { peopleOf } from './people.ts';

const source = packOf('aesthetic-clinic').sources['clients'];
if (!source) throw new Error('the clinic has no clients');

const plan: Plan = {
  source: 'clients',
  ask: 'list',
  joins: [],
  filter: {},
  fields: ['name', 'email', 'phone'],
  limit: 2,
};
const body = {
  question: 'clientes',
  locale: 'pt-BR' as const,
  plan,
  intent: { type: 'client_query', confidence: 0.9, entities: [], requiredPermissions: [], dataSources: [] },
};
const asOf = '2026-11-21T12:00:00.000Z';
const person = (id: string, name: string) => ({
  name,
  email: `${id}@example.org`,
  phone: '+55 11 90000-0010',
  _id: id,
  _order: name.toLowerCase(),
  _matches: 7,
});
const found = (own: Partial<Facts>): Facts => ({
  source,
  masked: [],
  rows: [],
  suppressed: false,
  grant: 'granted~',
  asOf,
  cached: false,
  isAttended: true,
  ...own,
});
const [ana, bia, caio] = [person('c1', 'Ana'), person('c2', 'Bia'), person('c3', 'Caio')];

const rowsFor = (own: Partial<Facts>, asked: Partial<Plan> = {}): readonly run.Row[] => {
  const { body: said } = given(decide, found(own))
    .when({ ...body, plan: { ...plan, ...asked } })
    .decided();
  return 'rows' in said && typeof said.rows !== 'number' ? said.rows : [];
};

describe('rows of a source with tools', () => {
  const prices = packOf('cloud-pricing').sources['prices'];
  const saidOf = (ask: Plan['ask'], own: object = {}) => {
    const asked = { ...body, plan: { ...plan, source: 'prices', ask, fields: ['price'] }, ...own };
    return given(decide, found(prices ? { source: prices } : {}))
      .when(asked)
      .decided().message.name;
  };

  test('go by them in a list, and neither as a figure nor by their name', () => {
    expect(saidOf('list')).toBe('run.found');
    expect(saidOf('count')).toBe('run.fetched');
    expect(saidOf('list', { question: undefined })).toBe('run.answered');
  });
});

test('rows of a source with tools that nobody sees to are told as stored, compared, and said to be so', () => {
  const prices = packOf('cloud-pricing').sources['prices'];
  const offer = (provider: string, price: string, day: string) => ({
    ...{ model: 'A100', provider, price, currency: 'USD', unit: 'gpu_hour', purchase: 'spot' },
    ...{ region: 'north', sku: `${provider}-1`, asOf: day, source: 'demo', _id: provider, _matches: 2 },
  });
  const rows = [offer('Azure', '1.5', '2026-11-03'), offer('AWS', '1.6', '2026-11-02')];
  const fields = [...(prices?.list ?? [])];
  const asked = { ...body, plan: { ...plan, source: 'prices', fields } };
  const { message, body: said } = given(
    decide,
    found({ ...(prices ? { source: prices } : {}), rows, isAttended: false }),
  )
    .when(asked)
    .decided();
  expect(message).toBe(run.fetched);
  expect(said).toMatchObject({
    rows: [{ provider: 'Azure' }, { provider: 'AWS' }],
    matches: 2,
    tools: [
      { tool: 'search_gpu_pricing', outcome: 'away', rows: 0, since: '2026-11-02' },
      { tool: 'compare_prices', outcome: 'done', rows: 2 },
    ],
    findings: [{ kind: 'cheapest', row: 0 }],
  });
});

describe('a list', () => {
  test('has the rows of one page, how many match in all, and where to go on', () => {
    given(decide, found({ rows: [ana, bia, caio], cached: true }))
      .when(body)
      .then({
        message: run.fetched,
        body: {
          ...body,
          rows: [
            { name: 'Ana', email: 'c1@example.org', phone: '+55 11 90000-0010' },
            { name: 'Bia', email: 'c2@example.org', phone: '+55 11 90000-0010' },
          ],
          matches: 7,
          nextCursor: cursorOf(bia),
          cached: true,
          asOf,
        },
      });
  });

  test('that was asked for by its name is the answer itself, and says what was read', () => {
    const { question: _question, ...unasked } = body;
    const {
      message,
      body: said,
      tell,
    } = given(decide, found({ rows: [ana, bia, caio], cached: true }))
      .when(unasked)
      .decided();
    expect(message).toBe(run.answered);
    expect(said).toMatchObject({
      rows: 2,
      cached: true,
      read: { source: 'clients', ask: 'list', fields: plan.fields },
    });
    expect(tell).toMatchObject({
      type: 'answered',
      intent: 'client_query',
      rows: [{ name: 'Ana' }, { name: 'Bia' }],
      nextCursor: cursorOf(bia),
      asOf,
    });
    expect(JSON.stringify(run.answered.headOf(said as Body<typeof run.answered>))).not.toContain('Ana');
  });

  test('says what it was about, and whether that shows an interest, where the source is about nobody', () => {
    const said = (
      of: string,
      name: string,
      topics: string[] | undefined,
      facets: Plan['filter']['facets'],
    ) => {
      const declared = packOf(of).sources[name];
      if (!declared) throw new Error(`there is no source ${name}`);
      const asked = { ...body, plan: { ...plan, filter: facets ? { facets } : {} } };
      const decided = given(decide, found({ source: declared, ...(topics ? { topics } : {}) }))
        .when(asked)
        .decided();
      const { topics: told, interest } = decided.body as Body<typeof run.fetched>;
      return { topics: told, interest };
    };
    const articles = (topics: string[]) => said('care-home', 'articles', topics, undefined);
    expect(articles(['admission', 'privacy'])).toEqual({ topics: ['admission', 'privacy'], interest: true });
    // What is nearest counts.
    expect(articles(['privacy', 'admission'])).toMatchObject({ interest: undefined });
    const nothing = { topics: undefined, interest: undefined };
    expect(articles([])).toEqual(nothing);
    expect(said('cloud-pricing', 'discounts', undefined, { provider: ['Azure'] })).toMatchObject({
      topics: ['Azure'],
    });
    expect(said('care-home', 'care_events', undefined, { kind: ['fall'] })).toEqual(nothing);
  });

  test('travels with what was granted', async () => {
    expect(
      await given(decide, found({ rows: [ana] }))
        .when(body)
        .decided().grant,
    ).toBe('granted~');
  });

  test('ends without a cursor when nothing follows', () => {
    for (const rows of [[], [ana], [ana, bia]])
      expect(given(decide, found({ rows })).when(body).decided().body).not.toHaveProperty('nextCursor');
  });

  test('that is empty matches nothing', () => {
    expect(given(decide, found({})).when(body).decided().body).toMatchObject({ rows: [], matches: 0 });
  });

  test('says whom it is about, by what stands for them', () => {
    const people = { seen: ['kT2aZ0q1'] };
    expect(
      given(decide, found({ rows: [ana], people }))
        .when(body)
        .decided().body,
    ).toMatchObject({ people });
  });

  test('has the fields of the plan and nothing else, in their order', () => {
    const [row = {}] = rowsFor({ rows: [{ ...ana, cpf: '123' }] }, { fields: ['phone', 'name'] });
    expect(Object.keys(row)).toEqual(['phone', 'name']);
  });

  test('says of a field that has no value that it has none', () => {
    expect(rowsFor({ rows: [{ name: 'Ana' }] }, { fields: ['name', 'email'] })).toEqual([
      { name: 'Ana', email: null },
    ]);
  });

  test('shows masked what the role sees masked, each in its own way', () => {
    expect(rowsFor({ rows: [ana], masked: ['email', 'phone'] })).toEqual([
      { name: 'Ana', email: 'c***@example.org', phone: '***0010' },
    ]);
  });

  test('hides a masked field for which no way is declared, and leaves an absent value absent', () => {
    expect(rowsFor({ rows: [{ ...ana, email: null }], masked: ['name', 'email'] })).toEqual([
      { name: '***', email: null, phone: '+55 11 90000-0010' },
    ]);
  });
});

describe('whom rows are about', () => {
  const vault = { pseudonyms: async (_tenant: string, ids: readonly string[]) => ids.map((id) => `*${id}`) };
  const about = (subjects: (string | null)[], filter: Plan['filter'] = {}, by = vault) =>
    peopleOf(
      subjects.map((_subject) => ({ _subject })),
      { filter, limit: 3 },
      'casa',
      by,
      { rows: async () => [] },
    );

  test('is each once, of the page and not of the row behind it', async () => {
    expect(await about(['c1', 'c2', 'c1', 'c4'])).toEqual({ seen: ['*c1', '*c2'] });
    expect(await about([null])).toBeUndefined();
  });

  test('is also who was named by id, and whoever has the next', async () => {
    expect(await about([], { subjectId: 'cli-0099' })).toEqual({
      seen: [],
      named: '*cli-0099',
      next: '*cli-0100',
    });
    expect(await about(['c1'], { subjectId: 'ana' })).toEqual({ seen: ['*c1'], named: '*ana' });
  });

  test('is not said before the tenant has a key', async () => {
    expect(await about(['c1'], {}, { pseudonyms: async () => [] })).toBeUndefined();
  });
});

test('a figure about too few is refused, with what the decision stood on', () => {
  const decision: run.Decision = {
    policy: 'a-pack@1.0.0#0',
    purpose: 'statistics',
    reach: 'tenant',
    groupMin: 5,
    flags: { lgpdCompliant: true, purposeSpecified: true, dataMinimized: true, retentionPolicy: true },
  };
  given(decide, found({ suppressed: true }))
    .when({ ...body, decision })
    .then({
      message: run.refused,
      body: {
        code: 'AGG_SUPPRESSED',
        locale: 'pt-BR',
        intent: 'client_query',
        decision: { ...decision, refusedBy: 'group' },
      },
    });
});

describe('figures', () => {
  test.each<[Plan['ask'], run.Row[]]>([
    ['count', [{ count: 3 }]],
    ['total', [{ amount: '0.30', count: 2 }]],
    [
      'perDay',
      [
        { day: '2026-11-21', count: 1 },
        { day: '2026-11-22', count: 2 },
        { day: '2026-11-23', count: 4 },
      ],
    ],
  ])('pass as they are, whatever the limit of a page: %s', (ask, rows) => {
    const decided = given(decide, found({ rows }))
      .when({ ...body, plan: { ...plan, ask, fields: [], limit: 1 } })
      .decided();
    expect(decided.body).toMatchObject({ rows, matches: rows.length });
    expect(decided.body).not.toHaveProperty('nextCursor');
  });
});
