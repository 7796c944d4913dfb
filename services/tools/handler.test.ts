import { packOf } from '@jangada/packs/registry.ts';
import type { Said } from '@jangada/packs/seeing.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Row } from '@jangada/proto/run.ts';
import { given } from '@jangada/testkit/given.ts';
import { describe, expect, test } from 'vitest';
import { decide, type Facts } from './handler.ts';

const prices = packOf('cloud-pricing').sources['prices'];
const tools = prices?.tools ?? [];
const fields = [...(prices?.list ?? [])];

const offer = (provider: string, purchase: string, price: number, own: Row = {}): Row => ({
  ...{ model: 'A100', provider, price: price.toFixed(6), currency: 'USD', unit: 'gpu_hour', purchase },
  ...{ region: 'north', sku: `${provider}-1`, asOf: '2026-11-02', source: 'demo', ...own },
});
const said = (provider: string, purchase: string, price: number, own: Row = {}): Row => {
  const { source: _, ...row } = offer(provider, purchase, price, { asOf: '2026-11-20' });
  return { ...row, price, ...own };
};
const stored = [offer('Azure', 'spot', 1.5), offer('AWS', 'spot', 1.6), offer('AWS', 'on_demand', 4)];

const body = (rows: readonly Row[], filter: Plan['filter'] = {}, own: object = {}) => ({
  question: 'A100?',
  locale: 'en' as const,
  intent: { type: 'price_query', confidence: 1, entities: [], requiredPermissions: [], dataSources: [] },
  plan: { source: 'prices', ask: 'list' as const, joins: [], filter, fields, limit: 50 },
  rows: [...rows],
  matches: rows.length,
  cached: false,
  asOf: '2026-11-21T12:00:00.000Z',
  ...own,
});
const facts = (outcome: Said['outcome'], rows: readonly Row[] = []): Facts => ({
  tools,
  said: new Map([['search_gpu_pricing', { outcome, rows, from: 'prices.example' }]]),
  grant: 'granted~',
});
const after = (known: Facts, ...asked: Parameters<typeof body>) =>
  given(decide, known)
    .when(body(...asked))
    .decided().body;
const shown = (rows: readonly Row[]) =>
  rows.map((row) => [row['provider'], row['purchase'], Number(row['price'])]);

describe('what was said outside', () => {
  test('takes the place of what is stored, and stands in the order of prices', () => {
    const known = facts('fresh', [
      said('AWS', 'spot', 1.2),
      said('GCP', 'spot', 1.4),
      said('AWS', 'on_demand', 3),
    ]);
    const { rows, matches, tools: calls } = after(known, stored);
    expect(shown(rows)).toEqual([
      ['AWS', 'spot', 1.2],
      ['GCP', 'spot', 1.4],
      ['Azure', 'spot', 1.5],
      ['AWS', 'on_demand', 3],
    ]);
    expect(rows[0]).toEqual(offer('AWS', 'spot', 1.2, { asOf: '2026-11-20', source: 'prices.example' }));
    expect(matches).toBe(4);
    expect(calls).toEqual([
      { tool: 'search_gpu_pricing', outcome: 'fresh', rows: 3 },
      { tool: 'compare_prices', outcome: 'done', rows: 4 },
    ]);
  });

  test('is left out where nobody asked for it, or what is stored is of a later day', () => {
    const known = facts('fresh', [
      ...[
        said('GCP', 'spot', 1),
        said('Azure', 'on_demand', 9),
        said('AWS', 'spot', 1, { asOf: '2026-10-01' }),
      ],
    ]);
    const filter = { facets: { provider: ['AWS', 'Azure'] }, amount: { max: 500 } };
    expect(shown(after(known, stored, filter).rows)).toEqual(shown(stored));
  });

  test('puts nothing between two pages', () => {
    const known = facts('fresh', [said('GCP', 'spot', 1), said('AWS', 'spot', 1.7)]);
    const { rows, matches } = after(known, stored, {}, { nextCursor: 'more', matches: 90 });
    expect(shown(rows).map(([provider]) => provider)).toEqual(['Azure', 'AWS', 'AWS']);
    expect(matches).toBe(90);
  });

  test.each(['stale', 'away'] as const)(
    'when it is %s, is said, with the oldest day that is told',
    (outcome) => {
      const [call] = after(facts(outcome), stored).tools ?? [];
      expect(call).toEqual({ tool: 'search_gpu_pricing', outcome, rows: 0, since: '2026-11-02' });
    },
  );

  test('when nobody set where to ask, is missed by nobody', () => {
    const { rows, tools: calls } = after(facts('unset'), stored);
    expect(rows).toEqual(stored);
    expect(calls?.[0]).toEqual({ tool: 'search_gpu_pricing', outcome: 'unset', rows: 0 });
  });
});

describe('a comparison', () => {
  const found = (...rows: Row[]) => after(facts('unset'), rows).findings;

  test('names the lowest, the lowest on demand, and what other ways to buy save over their term', () => {
    const reserved = offer('AWS', 'reserved_3y', 2);
    expect(found(...stored.slice(0, 2), reserved, ...stored.slice(2))).toEqual([
      { kind: 'cheapest', row: 0, figures: {} },
      { kind: 'onDemand', row: 3, figures: {} },
      { kind: 'term', row: 2, figures: { percent: 50, months: 36, amount: 52_560 } },
    ]);
  });

  test('of spot is with the same thing on demand, and with nothing else', () => {
    expect(found(offer('AWS', 'spot', 1.6), offer('AWS', 'on_demand', 4))).toContainEqual({
      ...{ kind: 'spot', row: 0, figures: { percent: 60 } },
    });
    expect(found(offer('Azure', 'spot', 1.5), offer('AWS', 'on_demand', 4))?.map(({ kind }) => kind)).toEqual(
      ['cheapest', 'onDemand'],
    );
  });

  test('is not made of one, nor of what cannot be compared', () => {
    expect(found(offer('AWS', 'spot', 1))).toBeUndefined();
    for (const own of [{ model: 'T4' }, { currency: 'BRL' }, { unit: 'instance_hour' }])
      expect(found(offer('AWS', 'spot', 1), offer('Azure', 'spot', 2, own))).toBeUndefined();
  });
});
