import { due, idle } from '@jangada/proto/retention.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import { expect, test } from 'vitest';
import { isStale, tickOf } from './handler.ts';

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

test('a scheduled tick stands for its day, however often it is delivered', () => {
  const tick = { tenant: 'casa', of: 'rules', id: '2026-11-21', at: new Date('2026-11-21T06:00:00.000Z') };
  expect(tickOf(heard({}))).toEqual(tick);
  expect(tickOf(heard({ delivery: 2 }))).toEqual(tick);
  expect(tickOf(heard({ sequence: 8 })).id).toBe(tick.id);
  expect(tickOf(heard({ storedAt: new Date('2026-11-22T06:00:00.000Z') })).id).toBe('2026-11-22');
});

test('a tick of sessions is one of its own', () => {
  expect(tickOf(heard({ message: idle })).of).toBe('sessions');
});

test('a tick that somebody asked for stands for itself, beside the scheduled one', () => {
  expect(tickOf(heard({ schedule: undefined })).id).toBe('asked-7');
  expect(tickOf(heard({ schedule: undefined, sequence: 8 })).id).toBe('asked-8');
});

test('a tick that waited longer than it may is left to the next night', () => {
  const tick = tickOf(heard({}));
  const after = (hours: number) => new Date(tick.at.getTime() + hours * 3_600_000);
  expect(isStale(tick, { staleAfterSeconds: 43_200 }, after(11))).toBe(false);
  expect(isStale(tick, { staleAfterSeconds: 43_200 }, after(13))).toBe(true);
});
