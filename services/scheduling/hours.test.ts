import type { Calendar } from '@jangada/agenda/hours.ts';
import { evolveAgenda, keyOf, noAgenda } from '@jangada/bookings/agenda.ts';
import { bookingIdOf, evolve } from '@jangada/bookings/booking.ts';
import { alternativesMax, type Command } from '@jangada/proto/command.ts';
import { describe, expect, test } from 'vitest';
import { type Decision, decide, type State } from './decide.ts';
import { dayAt, dayOn } from './hours.ts';

// Clinics obey the clock on their wall, whatever it does meanwhile. All times of commands are moments.

const clinic = (zone: string, own: Partial<Calendar> = {}): Calendar => {
  const weekdays = [['08:00', '12:00'] as const, ['13:00', '18:00'] as const];
  return {
    zone,
    week: { 1: weekdays, 2: weekdays, 3: weekdays, 4: weekdays, 5: weekdays, 6: [['08:00', '12:00']] },
    ...own,
  };
};
/** Open all day and all week. */
const always = (zone: string): Calendar => clinic(zone, { week: everyDay });
const everyDay = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((day) => [day, [['00:00', '00:00'] as const]]));

const nothing: State = { booking: undefined, agendas: new Map() };
const schedule = (start: string, durationMinutes: number): Command => ({
  ...{ type: 'ScheduleAppointment', subjectId: 'cli-1', providerId: 'pro-1' },
  ...{ start: new Date(start).toISOString(), durationMinutes },
});
const give = (calendar: Calendar, command: Command, state = nothing, id = 'cmd-1'): Decision => {
  const at = 'start' in command ? command.start : '';
  const [day, now] = [dayAt(Date.parse(at), calendar.zone), Date.parse(at) - 30 * 86_400_000];
  return decide(state, { command, id, hash: 'hash', by: 'user-1', now, day, calendar });
};
/** What it comes to, and which times by the wall are offered instead. */
const book = (calendar: Calendar, start: string, minutes = 30): string | readonly string[] => {
  const decision = give(calendar, schedule(start, minutes));
  if ('event' in decision) return 'booked';
  if (!('refused' in decision)) throw new Error('it was never given before');
  const { refused, alternatives } = decision;
  const wall = (at: string): string =>
    Temporal.Instant.from(at).toZonedDateTimeISO(calendar.zone).toPlainTime().toString().slice(0, 5);
  return [refused, ...alternatives.map(wall)];
};

describe('a clinic’s hours', () => {
  const saoPaulo = clinic('America/Sao_Paulo', {
    exceptions: { '2026-12-24': [['08:00', '10:00']] },
    holidays: { '12-25': 'Natal', '2026-11-20': 'Consciência Negra' },
  });

  test.each([
    ['at opening', '2026-11-18T08:00-03:00', 'booked'],
    ['up to closing', '2026-11-18T17:30-03:00', 'booked'],
    [
      'before opening',
      '2026-11-18T07:45-03:00',
      ['OUTSIDE_HOURS', '08:00', '08:15', '08:30', '08:45', '09:00'],
    ],
    [
      'into the midday break',
      '2026-11-18T11:45-03:00',
      ['OUTSIDE_HOURS', '13:00', '13:15', '13:30', '13:45', '14:00'],
    ],
    ['over closing', '2026-11-18T17:45-03:00', ['OUTSIDE_HOURS']],
    ['on a day off', '2026-11-22T09:00-03:00', ['OUTSIDE_HOURS']],
    ['on a holiday', '2026-11-20T09:00-03:00', ['OUTSIDE_HOURS']],
    ['on a holiday of every year', '2028-12-25T09:00-03:00', ['OUTSIDE_HOURS']],
    ['on a day with other hours', '2026-12-24T09:45-03:00', ['OUTSIDE_HOURS']],
    ['on a day with other hours, within them', '2026-12-24T09:30-03:00', 'booked'],
    ['of two days, where it is shut at night', '2026-11-18T23:45-03:00', ['OUTSIDE_HOURS']],
  ])('%s', (_when, start, expected) => {
    expect(book(saoPaulo, start)).toEqual(expected);
  });

  test('hold for who moves, and leave who is booked already alone', () => {
    const booked = give(always('America/Sao_Paulo'), schedule('2026-11-18T22:00-03:00', 30));
    if (!('event' in booked) || !booked.event) throw new Error('not booked');
    const id = bookingIdOf('cmd-1');
    const at = '2026-11-01T00:00:00.000Z';
    const booking = evolve(undefined, { id, version: 1, at, command: 'cmd-1', ...booked.event });
    const agendas = new Map(
      booked.changes.map(({ of, change }) => [
        keyOf(of),
        evolveAgenda(noAgenda, { version: 1, command: 'cmd-1', changes: [change] }),
      ]),
    );
    const move = (start: string): Command => ({
      ...{ type: 'RescheduleAppointment', appointmentId: id },
      start: new Date(start).toISOString(),
    });
    const state = { booking, agendas };
    expect(give(saoPaulo, move('2026-11-18T21:00-03:00'), state, 'cmd-2')).toMatchObject({
      refused: 'OUTSIDE_HOURS',
    });
    expect(give(saoPaulo, move('2026-11-19T09:00-03:00'), state, 'cmd-2')).toHaveProperty('event');
  });

  test('and a provider’s both hold', () => {
    const [of] = [{ kind: 'provider', id: 'pro-1', day: Date.parse('2026-11-18') / 86_400_000 } as const];
    const opened = {
      type: 'opened',
      within: { from: '2026-11-18T03:00:00.000Z', until: '2026-11-19T03:00:00.000Z' },
      open: [{ from: '2026-11-18T10:00:00.000Z', until: '2026-11-18T16:00:00.000Z' }],
    } as const;
    const agenda = evolveAgenda(noAgenda, {
      version: 1,
      command: 'cmd-0',
      changes: [{ ...opened, open: [...opened.open] }],
    });
    const state = { booking: undefined, agendas: new Map([[keyOf(of), agenda]]) };
    const at = (start: string) => give(saoPaulo, schedule(start, 30), state);
    // The provider is there from 7 to 13, the clinic from 8 to 12 and from 13 on.
    expect(at('2026-11-18T07:15-03:00')).toMatchObject({
      refused: 'OUTSIDE_HOURS',
      alternatives: ['11:00', '11:15', '11:30', '11:45']
        .map((utc) => `2026-11-18T${utc}:00.000Z`)
        .concat('2026-11-18T12:00:00.000Z'),
    });
    expect(at('2026-11-18T09:00-03:00')).toHaveProperty('event');
    expect(at('2026-11-18T12:30-03:00')).toMatchObject({ refused: 'OUTSIDE_HOURS', alternatives: [] });
    expect(at('2026-11-18T14:00-03:00')).toMatchObject({ refused: 'OUTSIDE_HOURS', alternatives: [] });
  });
});

/** A change of clocks: the zone; the day that has an hour less or more; 8 in the morning there before and after it, as moments. */
const changes = [
  ['America/Sao_Paulo', '2018-11-04', '2018-11-03T11:00Z', '2018-11-05T10:00Z'],
  ['America/Sao_Paulo', '2019-02-16', '2019-02-15T10:00Z', '2019-02-18T11:00Z'],
  ['Europe/Lisbon', '2026-03-29', '2026-03-28T08:00Z', '2026-03-30T07:00Z'],
  ['Europe/Lisbon', '2026-10-25', '2026-10-24T07:00Z', '2026-10-26T08:00Z'],
  ['Pacific/Auckland', '2026-09-27', '2026-09-25T20:00Z', '2026-09-27T19:00Z'],
  ['Pacific/Auckland', '2026-04-05', '2026-04-03T19:00Z', '2026-04-05T20:00Z'],
] as const;

describe.each(changes)('where clocks change, in %s on %s,', (zone, changed, ...opens) => {
  const day = Temporal.PlainDate.from(changed);

  test('it opens at eight by the wall on both sides, and not an hour beside it', () => {
    for (const opening of opens) {
      expect(book(clinic(zone), opening)).toBe('booked');
      const early = new Date(Date.parse(opening) - 3_600_000).toISOString();
      expect(book(clinic(zone), early)).toEqual([
        'OUTSIDE_HOURS',
        ...['08:00', '08:15', '08:30', '08:45', '09:00'],
      ]);
    }
  });

  test('the day of the change is as long as its clock makes it', () => {
    const { from, until } = dayOn(day, zone);
    const hours = (until - from) / 3_600_000;
    expect([23, 25]).toContain(hours);
    expect(dayAt(until - 1, zone)).toEqual({ from, until });
    expect(dayAt(until, zone).from).toBe(dayOn(day.add({ days: 1 }), zone).from);
    // Real time: an appointment over the change lasts as long as it says, and slots are none of them lost or doubled.
    const starts = Array.from({ length: hours }, (_, hour) =>
      new Date(from + hour * 3_600_000).toISOString(),
    );
    for (const start of starts) expect(book(always(zone), start, 60)).toBe('booked');
    const [first = ''] = starts;
    const whole = give(always(zone), schedule(first, hours * 30));
    expect(whole).toMatchObject({
      event: { details: { end: new Date(from + hours * 1_800_000).toISOString() } },
    });
  });

  test('what is offered instead is on that day, and within its hours', () => {
    const night = clinic(zone, { week: { [day.dayOfWeek]: [['00:00', '04:00']] } });
    const { from } = dayOn(day, zone);
    const taken = new Map(
      [0, 1].map((days) => {
        const of = { kind: 'provider', id: 'pro-1', day: Math.floor(from / 86_400_000) + days } as const;
        const change = {
          type: 'taken',
          holder: 'other',
          from: new Date(from).toISOString(),
          until: new Date(from + 3_600_000).toISOString(),
        } as const;
        return [keyOf(of), evolveAgenda(noAgenda, { version: 1, command: 'c', changes: [change] })];
      }),
    );
    const decision = give(night, schedule(new Date(from).toISOString(), 30), {
      booking: undefined,
      agendas: taken,
    });
    if (!('refused' in decision)) throw new Error('it is taken');
    expect(decision.refused).toBe('SLOT_TAKEN');
    expect(decision.alternatives).toHaveLength(alternativesMax);
    // An hour from midnight on, in real time, whatever the wall says then.
    expect(decision.alternatives[0]).toBe(new Date(from + 3_600_000).toISOString());
    for (const at of decision.alternatives) expect(book(night, at)).toBe('booked');
  });
});
