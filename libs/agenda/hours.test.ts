import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { declared } from './declared.ts';
import { type Calendar, hoursOn, openAround, type Span } from './hours.ts';
import { common, type Interval, merged, without } from './intervals.ts';

const everyDay = (...spans: Span[]) => ({
  ...{ 1: spans, 2: spans, 3: spans, 4: spans, 5: spans, 6: spans, 7: spans },
});
const local = (text: string) => Temporal.PlainDateTime.from(text);
const instant = (text: string) => Temporal.Instant.from(text);
const lasting = (from: Temporal.Instant, minutes: number): Interval => ({ from, to: from.add({ minutes }) });
const minutesOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((sum, { from, to }) => sum + from.until(to).total('minutes'), 0);

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
  const lengthOf = (text: string): number =>
    minutesOf(hoursOn({ week: everyDay(['00:00', '00:00']) }, local(text).toPlainDate(), zone));

  test('a day has an hour less, and one has an hour more', () => {
    expect([lengthOf(skipped), lengthOf(twice)]).toEqual([23 * 60, 25 * 60]);
    const twiceShown = [first, second].map((at) => instant(at).toZonedDateTimeISO(zone).toPlainDateTime());
    expect(twiceShown.map(String)).toEqual(twiceShown.map(() => local(twice).toString()));
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
});

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
/** Whether the clock on the wall shows a time within the spans: told from the clock alone. */
const isWithin = (declared: readonly Span[], at: Temporal.Instant, zone: string): boolean => {
  const { compare } = Temporal.PlainTime;
  const time = at.toZonedDateTimeISO(zone).toPlainTime();
  return declared.some(
    ([from, to]) => compare(from, time) <= 0 && (compare(time, to) < 0 || to === '00:00:00'),
  );
};

/** Each fifth minute of an interval, and its last moment. */
const minutesWithin = ({ from, to }: Interval): Temporal.Instant[] => [
  ...Array.from({ length: Math.ceil(minutesOf([{ from, to }]) / 5) }, (_, n) => from.add({ minutes: n * 5 })),
  to.subtract({ nanoseconds: 1 }),
];

describe('whatever the hours and the zone,', () => {
  const places = fc
    .record({
      zone: fc.constantFrom(...zones),
      date: fc.constantFrom(...days).map((day) => Temporal.PlainDate.from(day)),
      open: spans,
    })
    .map(({ zone, date, open }) => {
      const place: Calendar = { zone, week: everyDay(...open) };
      const from = date.toZonedDateTime(zone).toInstant();
      return { place, open, within: { from, to: from.add({ hours: 49 }) } };
    });

  test('it is open while the wall shows a time within them, and only then', () => {
    fc.assert(
      fc.property(places, ({ place, open, within }) => {
        const hours = merged(openAround(place, within));
        const isOpen = (at: Temporal.Instant): boolean =>
          hours.some(
            ({ from, to }) => Temporal.Instant.compare(from, at) <= 0 && Temporal.Instant.compare(at, to) < 0,
          );
        const wrong = minutesWithin(within).filter((at) => isOpen(at) !== isWithin(open, at, place.zone));
        expect(wrong.map(String)).toEqual([]);
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
