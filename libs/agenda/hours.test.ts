import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Agenda, alternatives, check, freeSlots, type Reason, utilisation } from './agenda.ts';
import { declared } from './declared.ts';
import { type Calendar, hoursOn, type Span } from './hours.ts';
import { common, type Interval, lasting, merged, minutesOf, overlaps, without } from './intervals.ts';

const weekdays = (...spans: Span[]) => ({ 1: spans, 2: spans, 3: spans, 4: spans, 5: spans });
const everyDay = (...spans: Span[]) => ({ ...weekdays(...spans), 6: spans, 7: spans });

const saoPaulo: Calendar = {
  zone: 'America/Sao_Paulo',
  week: { ...weekdays(['08:00', '12:00'], ['13:00', '18:00']), 6: [['08:00', '12:00']] },
  exceptions: { '2026-12-24': [['08:00', '12:00']], '2026-11-20': [['09:00', '12:00']], '2026-11-27': [] },
  holidays: { '12-25': 'Natal', '11-20': 'Consciência Negra', '2026-04-03': 'Sexta-feira Santa' },
};
/** Open all day: what its clocks do is all that matters. */
const allDay = (zone: string): Calendar => ({ zone, week: everyDay(['00:00', '00:00']) });

const local = (text: string) => Temporal.PlainDateTime.from(text);
const instant = (text: string) => Temporal.Instant.from(text);
const between = (from: string, to: string): Interval => ({ from: instant(from), to: instant(to) });
const shownIn = (zone: string, { from }: Interval): string =>
  from.toZonedDateTimeISO(zone).toPlainDateTime().toString({ smallestUnit: 'minute' });
const agenda = (place: Calendar, ...busy: Interval[]): Agenda => ({ place, busy });
const reasonOf = (of: Agenda, when: string, minutes = 60): Reason | 'fits' => {
  const verdict = check(of, local(when), minutes);
  return verdict.fits ? 'fits' : verdict.reason;
};

describe('hours as somebody writes them down', () => {
  test.each([
    ['08:00', '12:00', true],
    ['18:00', '00:00', true],
    ['00:00', '00:00', true],
    ['12:00', '08:00', false],
    ['22:00', '02:00', false],
    ['08:00', '08:00', false],
  ])('from %s to %s are taken: %s', (from, to, isTaken) => {
    expect(declared.safeParse({ week: { 1: [[from, to]] } }).success).toBe(isTaken);
    const exceptions = { '2026-12-24': [[from, to]] };
    expect(declared.safeParse({ week: {}, exceptions }).success).toBe(isTaken);
  });
});

describe('a time for an appointment', () => {
  test.each([
    ['within the hours', '2026-11-18T09:00', 60, 'fits'],
    ['up to the hour of closing', '2026-11-18T17:00', 60, 'fits'],
    ['into closing', '2026-11-18T17:01', 60, 'OUTSIDE_HOURS'],
    ['over the midday break', '2026-11-18T11:30', 60, 'OUTSIDE_HOURS'],
    ['on a day off', '2026-11-22T09:00', 60, 'OUTSIDE_HOURS'],
    ['on an ordinary day that is closed', '2026-11-27T09:00', 60, 'OUTSIDE_HOURS'],
    ['on a holiday of every year', '2028-12-25T09:00', 60, 'HOLIDAY'],
    ['on a holiday of this year', '2026-04-03T09:00', 60, 'HOLIDAY'],
    ['on the same date of another year', '2028-04-03T09:00', 60, 'fits'],
    ['on a holiday that is worked', '2026-11-20T09:00', 60, 'fits'],
    ['outside the hours of a holiday that is worked', '2026-11-20T14:00', 60, 'OUTSIDE_HOURS'],
  ])('%s', (_case, when, minutes, expected) => {
    expect(reasonOf(agenda(saoPaulo), when, minutes)).toBe(expected);
  });

  test('will not do while the provider is away, and it is said when the provider works', () => {
    const provider = { week: { 3: [['13:00', '17:00'] as const] }, exceptions: { '2026-12-02': [] } };
    const of = { place: saoPaulo, provider, busy: [] };
    expect(check(of, local('2026-11-18T13:00'), 60)).toMatchObject({ fits: true });
    expect(check(of, local('2026-11-18T09:00'), 60)).toEqual({
      fits: false,
      reason: 'NOT_AVAILABLE',
      available: [between('2026-11-18T16:00Z', '2026-11-18T20:00Z')],
    });
    expect(check(of, local('2026-12-02T13:00'), 60)).toMatchObject({
      reason: 'NOT_AVAILABLE',
      available: [],
    });
  });

  test('overlaps by its length, and touching is no overlap', () => {
    const booked = lasting(instant('2026-11-18T12:00Z'), 50);
    const of = agenda(saoPaulo, booked);
    expect(reasonOf(of, '2026-11-18T09:50')).toBe('fits');
    expect(reasonOf(of, '2026-11-18T09:49')).toBe('OVERLAPS');
    expect(reasonOf(of, '2026-11-18T08:00', 60)).toBe('fits');
    expect(check(of, local('2026-11-18T08:00'), 61)).toEqual({
      fits: false,
      reason: 'OVERLAPS',
      with: [booked],
    });
    expect(() => check(of, local('2026-11-18T08:00'), 0)).toThrow(RangeError);
  });

  test('may go over midnight where it is open on both sides', () => {
    expect(reasonOf(agenda(allDay('Europe/Lisbon')), '2026-11-18T23:30')).toBe('fits');
    expect(
      reasonOf(agenda({ ...allDay('Europe/Lisbon'), holidays: { '11-19': 'x' } }), '2026-11-18T23:30'),
    ).toBe('HOLIDAY');
  });
});

/** Each change of clocks: the zone, a time that is skipped, when the change is; a time that comes twice, when. */
const changes = [
  // São Paulo changed at midnight: the day itself began late.
  [
    'America/Sao_Paulo',
    '2018-11-04T00:30',
    '2018-11-04T03:00Z',
    '2018-02-17T23:30',
    '2018-02-18T01:30Z',
    '2018-02-18T02:30Z',
  ],
  [
    'Europe/Lisbon',
    '2026-03-29T01:30',
    '2026-03-29T01:00Z',
    '2026-10-25T01:30',
    '2026-10-25T00:30Z',
    '2026-10-25T01:30Z',
  ],
  [
    'Pacific/Auckland',
    '2026-09-27T02:30',
    '2026-09-26T14:00Z',
    '2026-04-05T02:30',
    '2026-04-04T13:30Z',
    '2026-04-04T14:30Z',
  ],
] as const;

describe.each(changes)('where clocks change, in %s,', (zone, skipped, change, twice, first, second) => {
  const of = agenda(allDay(zone));

  test('a time that is skipped is none, and the next is the change', () => {
    expect(check(of, local(skipped), 30)).toEqual({
      fits: false,
      reason: 'NO_SUCH_TIME',
      next: instant(change),
    });
  });

  test('a time that comes twice has to be said in another way', () => {
    const instants = [instant(first), instant(second)];
    expect(check(of, local(twice), 30)).toEqual({ fits: false, reason: 'AMBIGUOUS_TIME', instants });
    for (const at of instants) expect(check(of, at, 30)).toMatchObject({ fits: true });
  });

  test('a day has an hour less or more, and so have its slots', () => {
    const slots = (text: string) => {
      const day = local(text).toPlainDate();
      const within = hoursOn(of.place, day, zone);
      return within.flatMap((one) =>
        [...freeSlots(of, one, { minutes: 60 })].map((slot) => shownIn(zone, slot)),
      );
    };
    expect(slots(skipped)).toHaveLength(23);
    expect(slots(skipped)).not.toContain(`${skipped.slice(0, 13)}:00`);
    expect(slots(twice)).toHaveLength(25);
    expect(slots(twice).filter((text) => text === `${twice.slice(0, 13)}:00`)).toHaveLength(2);
  });

  test('what begins or ends at a time that is skipped does so at the change', () => {
    const [day, hour] = [local(skipped).toPlainDate(), local(skipped).hour];
    const at = (hours: number) => `${String(hours).padStart(2, '0')}:00`;
    const opening: Span = [skipped.slice(11), at(hour + 3)];
    expect(hoursOn({ week: everyDay(opening) }, day, zone)).toEqual([lasting(instant(change), 120)]);
    // Where the whole span is skipped, nothing is open.
    expect(
      hoursOn({ week: everyDay([skipped.slice(11), skipped.slice(11, 14).concat('45')]) }, day, zone),
    ).toEqual([]);
  });

  test('an appointment over the change lasts as long as any', () => {
    const before = instant(change).subtract({ minutes: 30 });
    const verdict = check(of, before, 60);
    expect(verdict.fits && minutesOf([verdict.at])).toBe(60);
  });
});

test('São Paulo has not changed its clocks since 2019', () => {
  for (const day of ['2019-11-03T00:30', '2026-11-01T00:30', '2026-02-14T23:30'])
    expect(reasonOf(agenda(allDay('America/Sao_Paulo')), day, 30)).toBe('fits');
});

describe('free slots', () => {
  const wednesday = between('2026-11-18T03:00Z', '2026-11-19T03:00Z');
  const starts = (of: Agenda, size = { minutes: 60, stepMinutes: 30 }, within = wednesday) =>
    [...freeSlots(of, within, size)].map((slot) => shownIn(of.place.zone, slot).slice(11));

  test('begin at steps from the opening, around what is booked', () => {
    const of = agenda(
      saoPaulo,
      lasting(instant('2026-11-18T12:00Z'), 50),
      lasting(instant('2026-11-18T17:00Z'), 240),
    );
    expect(starts(of)).toEqual(['08:00', '10:00', '10:30', '11:00', '13:00']);
  });

  test('lie within what is asked for', () => {
    const within = between('2026-11-18T11:10Z', '2026-11-18T13:10Z');
    expect(starts(agenda(saoPaulo), { minutes: 60, stepMinutes: 30 }, within)).toEqual(['08:30', '09:00']);
    expect(() => starts(agenda(saoPaulo), { minutes: 60, stepMinutes: 0 })).toThrow(RangeError);
  });

  test('come next where a time will not do, over closed days', () => {
    const next = (when: string) =>
      alternatives(agenda(saoPaulo), local(when), { minutes: 60, count: 3, withinDays: 14 }).map((slot) =>
        shownIn(saoPaulo.zone, slot),
      );
    expect(next('2026-12-24T10:30')).toEqual(['2026-12-24T11:00', '2026-12-26T08:00', '2026-12-26T09:00']);
    const afterNoon = { minutes: 60, count: 3, withinDays: 1 };
    expect(alternatives(agenda(saoPaulo), local('2026-12-26T12:00'), afterNoon)).toEqual([]);
  });

  test('are what is not used', () => {
    const of = agenda(
      saoPaulo,
      lasting(instant('2026-11-18T11:00Z'), 240),
      lasting(instant('2026-11-18T22:00Z'), 60),
    );
    // The midday break and what is booked after closing are not the provider's time.
    expect(utilisation(of, wednesday)).toEqual({
      bookedMinutes: 240,
      availableMinutes: 540,
      share: 240 / 540,
    });
    expect(utilisation(of, between('2026-11-22T03:00Z', '2026-11-23T03:00Z'))).toEqual({
      bookedMinutes: 0,
      availableMinutes: 0,
    });
  });
});

const zones = ['America/Sao_Paulo', 'Europe/Lisbon', 'Pacific/Auckland', 'Australia/Lord_Howe'];
/** Days at which the clocks of some of these zones change, and an ordinary one. */
const days = [
  '2018-11-04',
  '2018-02-17',
  '2026-03-29',
  '2026-10-25',
  '2026-09-27',
  '2026-04-05',
  '2026-10-04',
  '2026-11-18',
];
const quarter = fc
  .integer({ min: 0, max: 95 })
  .map((n) => new Temporal.PlainTime().add({ minutes: n * 15 }).toString());
const spans = fc.array(fc.tuple(quarter, quarter), { minLength: 1, maxLength: 3 });
const agendas = fc
  .record({
    zone: fc.constantFrom(...zones),
    date: fc.constantFrom(...days).map((day) => Temporal.PlainDate.from(day)),
    open: spans,
    worked: fc.option(spans, { nil: undefined }),
    busy: fc.array(fc.tuple(fc.integer({ min: -600, max: 2_400 }), fc.integer({ min: 1, max: 240 })), {
      maxLength: 8,
    }),
    minutes: fc.integer({ min: 5, max: 120 }),
    stepMinutes: fc.integer({ min: 15, max: 60 }),
  })
  .map(({ zone, date, open, worked, busy, ...size }) => {
    const start = date.toZonedDateTime(zone).toInstant();
    const place: Calendar = { zone, week: everyDay(...open) };
    const taken = busy.map(([after, minutes]) => lasting(start.add({ minutes: after }), minutes));
    return {
      of: { place, busy: taken, ...(worked ? { provider: { week: everyDay(...worked) } } : {}) },
      within: { from: start, to: start.add({ hours: 49 }) },
      size,
      wall: { open, worked },
    };
  });

/** Whether the clock on the wall shows a time within the spans: told from the clock alone. */
const isWithin = (declared: readonly Span[], at: Temporal.Instant, zone: string): boolean => {
  const { compare } = Temporal.PlainTime;
  const time = at.toZonedDateTimeISO(zone).toPlainTime();
  return declared.some(
    ([from, to]) => compare(from, time) <= 0 && (compare(time, to) < 0 || to === '00:00:00'),
  );
};

const allHours: readonly Span[] = [['00:00:00', '00:00:00']];

/** Each fifth minute of an interval, and its last moment. */
const minutesWithin = ({ from, to }: Interval): Temporal.Instant[] => [
  ...Array.from({ length: Math.ceil(minutesOf([{ from, to }]) / 5) }, (_, n) => from.add({ minutes: n * 5 })),
  to.subtract({ nanoseconds: 1 }),
];

describe('hours that end or begin within an hour that comes twice', () => {
  const day = Temporal.PlainDate.from('2018-02-17');
  const real = (...span: Span) =>
    hoursOn({ week: everyDay(span) }, day, 'America/Sao_Paulo').map(({ from, to }) => [
      from.toString().slice(11, 16),
      to.toString().slice(11, 16),
    ]);
  // At 02:00Z the wall went from 24:00 back to 23:00.
  test.each<[...Span, string[][]]>([
    ['22:00', '23:00', [['00:00', '01:00']]],
    [
      '22:00',
      '23:15',
      [
        ['00:00', '01:15'],
        ['02:00', '02:15'],
      ],
    ],
    [
      '23:30',
      '00:00',
      [
        ['01:30', '02:00'],
        ['02:30', '03:00'],
      ],
    ],
    ['22:00', '00:00', [['00:00', '03:00']]],
  ])('from %s to %s', (from, to, expected) => {
    expect(real(from, to)).toEqual(expected);
  });
});

describe('whatever the hours and the zone,', () => {
  test('a free slot overlaps nothing booked, lies within the hours to the minute, and will do', () => {
    fc.assert(
      fc.property(agendas, ({ of, within, size, wall }) => {
        const slots = [...freeSlots(of, within, size)];
        expect(slots.filter((slot) => of.busy.some((taken) => overlaps(taken, slot)))).toEqual([]);
        expect(slots.filter((slot) => minutesOf([slot]) !== size.minutes)).toEqual([]);
        expect(slots.filter(({ from }) => !check(of, from, size.minutes).fits)).toEqual([]);
        const { zone } = of.place;
        const isOutside = (at: Temporal.Instant): boolean =>
          [wall.open, wall.worked ?? allHours].some((declared) => !isWithin(declared, at, zone));
        expect(slots.flatMap(minutesWithin).filter(isOutside)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('what is free, what is booked and the rest are the whole, and have nothing in common', () => {
    const intervals = fc
      .array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 60 })), { maxLength: 12 })
      .map((all) =>
        merged(
          all.map(([after, minutes]) =>
            lasting(instant('2026-11-18T00:00Z').add({ minutes: after }), minutes),
          ),
        ),
      );
    fc.assert(
      fc.property(intervals, intervals, (whole, taken) => {
        const [left, both] = [without(whole, taken), common(whole, taken)];
        expect(common(left, taken)).toEqual([]);
        expect(merged([...left, ...both])).toEqual(whole);
        expect(minutesOf(left) + minutesOf(both)).toBe(minutesOf(whole));
      }),
      { numRuns: 100 },
    );
  });
});
