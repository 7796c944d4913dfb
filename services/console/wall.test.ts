import { expect, test } from 'vitest';
import { momentOf, readWall, wallAt, weekOf, writtenOf } from './wall.ts';

test('what a clock shows is a moment, and at that moment it shows the same', () => {
  for (const [zone, written, at] of [
    ['America/Sao_Paulo', '2026-12-08T09:30', '2026-12-08T12:30:00.000Z'],
    ['Europe/Lisbon', '2026-07-01T00:00', '2026-06-30T23:00:00.000Z'],
    ['Pacific/Auckland', '2026-12-08T23:45', '2026-12-08T10:45:00.000Z'],
    ['Asia/Kolkata', '2026-12-08T08:00', '2026-12-08T02:30:00.000Z'],
  ] as const) {
    const wall = readWall(written);
    if (!wall) throw new Error(`${written} is no time`);
    expect(new Date(momentOf(wall, zone)).toISOString()).toBe(at);
    expect(writtenOf(wallAt(Date.parse(at), zone))).toBe(written);
  }
});

test('where clocks are put on or back a day has 23 or 25 hours, and each time one moment', () => {
  const moment = (written: string): string =>
    new Date(momentOf(readWall(written) ?? { day: '', minutes: 0 }, 'Europe/Lisbon')).toISOString();
  expect(moment('2026-03-29T00:30')).toBe('2026-03-29T00:30:00.000Z');
  expect(moment('2026-03-29T02:30')).toBe('2026-03-29T01:30:00.000Z');
  // Skipped: half past one is half past two.
  expect(moment('2026-03-29T01:30')).toBe('2026-03-29T01:30:00.000Z');
  // Shown twice: the first.
  expect(moment('2026-10-25T01:30')).toBe('2026-10-25T00:30:00.000Z');
  expect(moment('2026-10-25T02:30')).toBe('2026-10-25T02:30:00.000Z');
});

test('a week begins on Monday, also over the end of a year', () => {
  const week = weekOf('2027-01-01');
  expect([week[0], week[6]]).toEqual(['2026-12-28', '2027-01-03']);
  expect(weekOf('2027-01-03')).toEqual(week);
  expect(readWall('tomorrow')).toBeUndefined();
});
