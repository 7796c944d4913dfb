import { packOf } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { type Grant, planHash } from '@jangada/trust/grant.ts';
import { describe, expect, test } from 'vitest';
import { assertGranted, isBreach } from './egress.ts';

const pack = packOf('aesthetic-clinic');
const planFor = (own: Partial<Plan> = {}): Plan => ({
  source: 'clients',
  ask: 'list',
  joins: [],
  filter: {},
  fields: ['name', 'phone'],
  limit: 2,
  ...own,
});

/** What is thrown for rows that came for a plan under the grant for it, or another. */
const judge = (
  own: Partial<Plan>,
  rows: run.Row[],
  granted: Partial<Grant> = {},
  { cited, arrangement }: { cited?: { id: string; title: string }[]; arrangement?: run.Arrangement } = {},
): string | undefined => {
  const plan = planFor(own);
  const { fields, limit } = plan;
  const claims: Grant = {
    ...{ rid: 'run-1', tid: 'casa', sub: 'user-1', ph: planHash(plan), reach: 'tenant', pur: 'care' },
    ...{ fields, limit, exp: 0 },
    ...granted,
  };
  try {
    assertGranted({ plan, rows, cited, arrangement }, claims, pack);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const ana = { name: 'Ana Lima', phone: '+55 11 90000-0001' };

test('texts are named where the plan cites, and no more than can be', () => {
  const cited = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `a${at}`, title: 'x' }));
  expect(judge({ cites: 'articles' }, [ana], {}, { cited: cited(run.citedMax) })).toBeUndefined();
  expect(judge({ cites: 'articles' }, [ana], {}, { cited: cited(run.citedMax + 1) })).toBe(
    'CTX_PAYLOAD_MISMATCH',
  );
  expect(judge({}, [ana], {}, { cited: cited(1) })).toBe('CTX_PAYLOAD_MISMATCH');
});

test('who provides is told of a booking that is to be made, and of nothing else', () => {
  const arrangement = { providers: [{ id: 'pro-1', name: 'Dra. Paula Lima' }] };
  const order = { type: 'ScheduleAppointment' as const, said: 'marque' };
  expect(judge({ order }, [ana], {}, { arrangement })).toBeUndefined();
  const move = { ...order, type: 'RescheduleAppointment' as const };
  expect(judge({ order: move }, [ana], {}, { arrangement })).toBe('CTX_PAYLOAD_MISMATCH');
  expect(judge({}, [ana], {}, { arrangement })).toBe('CTX_PAYLOAD_MISMATCH');
});

describe('what came is told', () => {
  test.each<[string, Partial<Plan>, run.Row[]]>([
    ['a page that is full', {}, [ana, ana]],
    ['nobody', {}, []],
    ['a row without a value', {}, [{ name: 'Ana', phone: null }]],
    ['a count', { ask: 'count', fields: [] }, [{ count: 3 }]],
    [
      'a sum, which may be owed',
      { source: 'billing', ask: 'total', fields: [] },
      [{ amount: '-0.30', count: 2 }],
    ],
    ['a figure of too few, which is none', { ask: 'count', fields: [] }, []],
    [
      'days, however many',
      { source: 'appointments', ask: 'perDay', fields: [], limit: 1 },
      [
        { day: '2026-11-20', count: 1, confirmed: 1, average_minutes: null },
        { day: '2026-11-21', count: 3, confirmed: 2, average_minutes: 65 },
      ],
    ],
  ])('where it is what was granted: %s', (_what, plan, rows) => {
    expect(judge(plan, rows)).toBeUndefined();
  });
});

describe('nothing is told', () => {
  test.each<[string, Partial<Plan>, run.Row[]]>([
    ['a field beside those that were granted', {}, [ana, { ...ana, cpf: '529.982.247-25' }]],
    ['one row more than was granted', {}, [ana, ana, ana]],
    ['people where a figure was granted', { ask: 'count', fields: [] }, [ana]],
    ['a name in the place of a figure', { ask: 'count', fields: [] }, [{ count: 'Ana Lima' }]],
    [
      'a name in the place of a day',
      { source: 'appointments', ask: 'perDay', fields: [] },
      [{ day: 'Ana', count: 1 }],
    ],
    ['a second figure', { ask: 'count', fields: [] }, [{ count: 1 }, { count: 2 }]],
    [
      'a figure of another source',
      { source: 'appointments', ask: 'perDay', fields: [] },
      [{ day: '2026-11-20', amount: '1' }],
    ],
  ])('where there is %s', (_what, plan, rows) => {
    expect(judge(plan, rows)).toBe('CTX_PAYLOAD_MISMATCH');
  });

  test('where there are more rows than any answer holds, which no form refuses before', () => {
    const said = (most: number) => run.fetched.body.shape.rows.parse(Array(most).fill({ count: 1 }));
    const perDay: Partial<Plan> = { source: 'appointments', ask: 'perDay', fields: [] };
    expect(judge({}, said(run.rowsMax + 1), { fields: ['count'] })).toBe('CTX_PAYLOAD_MISMATCH');
    expect(judge(perDay, said(run.rowsMax + 1))).toBe('CTX_PAYLOAD_MISMATCH');
    expect(judge(perDay, said(run.rowsMax))).toBeUndefined();
  });

  test('under the grant for another plan, or under none', () => {
    expect(judge({}, [ana], { ph: planHash(planFor({ limit: 3 })) })).toBe('CTX_NO_GRANT');
    expect(() => assertGranted({ plan: planFor(), rows: [] }, undefined, pack)).toThrow(
      expect.objectContaining({ code: 'CTX_NO_GRANT' }),
    );
  });

  test('and the reason quotes nothing of it', () => {
    const plan = planFor();
    const { fields, limit } = plan;
    const claims = { ph: planHash(plan), fields, limit } as Grant;
    expect(() => assertGranted({ plan, rows: [{ 'Zuleide Canária': 'x' }] }, claims, pack)).toThrow(
      /^a row holds more than was granted$/,
    );
  });
});

test('what no hop before can have let through is a breach; a fault or a late message is none', () => {
  expect((['CTX_INVALID', 'CTX_NO_GRANT', 'CTX_PAYLOAD_MISMATCH'] as const).map(isBreach)).toEqual([
    true,
    true,
    true,
  ]);
  expect((['INTERNAL', 'MSG_POISON', 'DEADLINE', 'CTX_EXPIRED'] as const).map(isBreach)).not.toContain(true);
});
