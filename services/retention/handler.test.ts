import { due, idle } from '@jangada/proto/retention.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import { expect, test } from 'vitest';
import { isStale, lineOf, needsOf, occasionOf, tickOf } from './handler.ts';

const heard = (own: Partial<Heard>): Heard => ({
  message: due,
  tenant: 'casa',
  id: '',
  pass: undefined,
  traceparent: undefined,
  sequence: 7,
  storedAt: new Date('2026-11-21T06:00:00.000Z'),
  delivery: 1,
  schedule: 'sched.retention.casa',
  ...own,
});

const body = { staleAfterSeconds: 60 };
const idOf = (own: Partial<Heard>, zone = 'America/Sao_Paulo') => occasionOf(tickOf(heard(own), body), zone);

test('a scheduled tick stands for its day, however often it is delivered', () => {
  expect(tickOf(heard({}), body)).toEqual({
    tenant: 'casa',
    of: 'rules',
    asked: undefined,
    askedBy: 'schedule',
    at: new Date('2026-11-21T06:00:00.000Z'),
  });
  expect(idOf({ delivery: 2, sequence: 8 })).toBe('2026-11-21');
  expect(idOf({ storedAt: new Date('2026-11-22T06:00:00.000Z') })).toBe('2026-11-22');
});

test('the day is the tenant’s: what was missed in one night is not taken for the next', () => {
  // Three in the morning in Tokyo is six in the evening before; a broker that was away then fires late.
  const late = { storedAt: new Date('2026-11-22T01:00:00.000Z') };
  const next = { storedAt: new Date('2026-11-22T18:00:00.000Z') };
  expect([idOf(late, 'Asia/Tokyo'), idOf(next, 'Asia/Tokyo')]).toEqual(['2026-11-22', '2026-11-23']);
});

test('a tick of sessions is one of its own', () => {
  expect(tickOf(heard({ message: idle }), body).of).toBe('sessions');
});

test('a tick that somebody asked for stands for itself, beside the scheduled one, and names who asked', () => {
  expect(idOf({ schedule: undefined })).toBe('asked-7');
  expect(idOf({ schedule: undefined, sequence: 8 })).toBe('asked-8');
  expect(tickOf(heard({ schedule: undefined }), body).askedBy).toBe('operator');
  expect(tickOf(heard({ schedule: undefined }), { ...body, askedBy: 'casa-admin' }).askedBy).toBe(
    'casa-admin',
  );
});

test.each([
  ['nothing is due', { planned: 0, isKnown: false }, undefined],
  ['the rule was never carried out', { isKnown: false, planned: 1 }, 'new-policy'],
  ['it is as much as may go', { planned: 5 }, undefined],
  ['it is more than a twentieth of the class', { planned: 6 }, 'share'],
  ['it is three times what is usual', { of: 10_000, planned: 30, before: [10, 0, 99, 10, 1] }, undefined],
  ['it is more', { of: 10_000, planned: 31, before: [10, 0, 99, 10, 1] }, 'jump'],
  ['it is more than nothing', { of: 10_000, planned: 4, before: [0, 0, 0, 0, 0] }, 'jump'],
  ['nobody knows what is usual', { of: 10_000, planned: 31, before: [1, 1, 1, 1] }, undefined],
])('whether a second person is needed when %s', (_when, own, needs) => {
  expect(needsOf({ of: 100, isKnown: true, before: [], ...own })).toBe(needs);
});

test('a line of a report is complete only when everything that was planned is gone', () => {
  const plan = {
    class: 'billing_data',
    before: '2019-11-21T03:00:00.000Z',
    policy: 'p',
    planned: 3,
    root: Buffer.alloc(32),
    needs: null,
  } as const;
  const zone = 'America/Sao_Paulo';
  expect(lineOf(plan, { deleted: 3 }, undefined, zone)).toMatchObject({
    state: 'complete',
    before: '2019-11-21',
  });
  expect(lineOf(plan, { deleted: 2, held: 1 }, undefined, zone).state).toBe('partial');
  expect(lineOf(plan, { deleted: 2 }, undefined, zone).state).toBe('partial');
  expect(lineOf({ ...plan, needs: 'share' }, {}, undefined, zone).state).toBe('waiting');
  expect(lineOf({ ...plan, needs: 'share' }, { deleted: 3 }, 'bia', zone)).toMatchObject({
    state: 'complete',
    approvedBy: 'bia',
  });
});

test('a tick that waited longer than it may is left to the next night', () => {
  const tick = tickOf(heard({}), body);
  const after = (hours: number) => new Date(tick.at.getTime() + hours * 3_600_000);
  expect(isStale(tick, { staleAfterSeconds: 43_200 }, after(11))).toBe(false);
  expect(isStale(tick, { staleAfterSeconds: 43_200 }, after(13))).toBe(true);
});
