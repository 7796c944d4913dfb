import { expect, test } from 'vitest';
import { type Booking, type Hours, timetableOf } from './timetable.ts';

const zone = 'America/Sao_Paulo';
const day = '2026-12-08';
const at = (time: string): string => `2026-12-08T${time}:00-03:00`;
const booking = (from: string, until: string, own: Partial<Booking> = {}): Booking => ({
  ...{ appointmentId: 'one', version: 1, start: at(from), end: at(until) },
  ...{ provider: 'Eva', service: null, room: null, status: 'scheduled' },
  ...own,
});
const hours = (open: [string, string][], taken: [string, string][] = []): Hours => ({
  open: open.map(([from, until]) => ({ from: at(from), until: at(until) })),
  taken: taken.map(([from, until]) => ({ from: at(from), until: at(until) })),
  asOf: at('07:00'),
});
const clock = (minutes: number): string =>
  `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
const shown = (told: Hours, bookings: readonly Booking[], now = at('07:00')) => {
  const { from, until, days } = timetableOf([day], zone, told, bookings, Date.parse(now));
  return {
    shows: [clock(from), clock(until)],
    free: days[0]?.free.map(({ minutes }) => clock(minutes)),
    blocks: days[0]?.blocks.map((block) => [
      ...[clock(block.from), clock(block.until)],
      block.booking?.appointmentId,
    ]),
  };
};

test('what is open, not taken and yet to come is free', () => {
  expect(
    shown(
      hours(
        [
          ['09:00', '11:00'],
          ['13:00', '14:00'],
        ],
        [['09:45', '10:15']],
      ),
      [],
      at('09:00'),
    ),
  ).toEqual({
    shows: ['9:00', '14:00'],
    free: ['10:30', '13:00', '13:30'],
    blocks: [['9:45', '10:15', undefined]],
  });
});

test('what one may see of taken time is a booking, and the rest of it is taken', () => {
  const { blocks } = shown(hours([['08:00', '12:00']], [['09:00', '11:00']]), [
    booking('09:30', '10:00'),
    booking('08:00', '08:30', { status: 'cancelled' }),
  ]);
  expect(blocks).toEqual([
    ['9:00', '9:30', undefined],
    ['9:30', '10:00', 'one'],
    ['10:00', '11:00', undefined],
  ]);
});

test('a day that is open all round is shown as people work, and further where something is', () => {
  const round = { open: [{ from: at('00:00'), until: '2026-12-09T00:00:00-03:00' }], taken: [], asOf: '' };
  expect(shown(round, []).shows).toEqual(['8:00', '18:00']);
  expect(shown(round, [booking('19:30', '20:30')]).shows).toEqual(['8:00', '21:00']);
  expect(shown(hours([]), [])).toEqual({ shows: ['8:00', '18:00'], free: [], blocks: [] });
});

test('times that daylight saving skips are none', () => {
  const from = '2026-03-29T00:00:00Z';
  const { days } = timetableOf(
    ['2026-03-29'],
    'Europe/Lisbon',
    { open: [{ from, until: '2026-03-29T03:00:00Z' }], taken: [], asOf: from },
    [],
    Date.parse(from) - 1,
  );
  expect(days[0]?.free.map(({ minutes }) => clock(minutes))).toEqual([
    '0:00',
    '0:30',
    '2:00',
    '2:30',
    '3:00',
    '3:30',
  ]);
});
