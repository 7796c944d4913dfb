import { common, type Interval, merged } from './intervals.ts';

/**
 * Hours of a day by the clock on the wall, as `["08:00", "12:30"]`: from, and up to. Up to "00:00" is the end of the day; what goes
 * on after midnight is said of the next day.
 */
export type Span = readonly [from: string, to: string];

/** 1 is Monday, 7 is Sunday, as in ISO 8601. */
type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** When somebody works. */
export interface Hours {
  /** A day that is not named is off. */
  readonly week: Readonly<Partial<Record<Weekday, readonly Span[]>>>;
  /** Days that are unlike their weekday, by date (`2026-12-24`); without spans it is off. */
  readonly exceptions?: Readonly<Record<string, readonly Span[]>>;
}

/** When a place is open. */
export interface Calendar extends Hours {
  /** IANA name of the zone whose clock hangs on the wall. */
  readonly zone: string;
  /** Names of holidays, by date (`2026-04-03`) or, each year, by month and day (`12-25`). Closed, unless `exceptions` has the date. */
  readonly holidays?: Readonly<Record<string, string>>;
}

/** The name of the holiday for which it is closed on a day, if it is. */
const holidayOn = ({ holidays, exceptions }: Calendar, date: Temporal.PlainDate): string | undefined => {
  const day = date.toString();
  if (exceptions?.[day]) return undefined;
  return holidays?.[day] ?? holidays?.[day.slice(-5)];
};

const spansOn = ({ week, exceptions }: Hours, date: Temporal.PlainDate): readonly Span[] =>
  exceptions?.[date.toString()] ?? week[date.dayOfWeek as Weekday] ?? [];

/** Stretches of real time in which no clock is changed, and how far the wall is ahead of UTC in each. */
function* unchanged({ from, to }: Interval, zone: string): Generator<Interval & { readonly ahead: number }> {
  for (let at = from; Temporal.Instant.compare(at, to) < 0; ) {
    const zoned = at.toZonedDateTimeISO(zone);
    const change = zoned.getTimeZoneTransition('next')?.toInstant() ?? to;
    const end = Temporal.Instant.compare(change, to) < 0 ? change : to;
    yield { from: at, to: end, ahead: zoned.offsetNanoseconds };
    at = end;
  }
}

/**
 * When the wall shows a time within the span. Hours that it shows twice are open both times; a span that begins or ends within them is
 * open, shut and open again, because nothing is open while the wall shows a time outside it.
 */
const realTime = ([from, to]: Span, date: Temporal.PlainDate, zone: string): Interval[] => {
  const closing = Temporal.PlainTime.from(to);
  const isMidnight = closing.equals(new Temporal.PlainTime());
  const utc = (day: Temporal.PlainDate, time: Temporal.PlainTime | string): Temporal.Instant =>
    day.toPlainDateTime(time).toZonedDateTime('UTC').toInstant();
  const opens = utc(date, from);
  const closes = utc(isMidnight ? date.add({ days: 1 }) : date, closing);
  // No zone is a day ahead of UTC or behind.
  const around = { from: opens.subtract({ hours: 24 }), to: closes.add({ hours: 24 }) };
  return merged(
    [...unchanged(around, zone)].flatMap((stretch) => {
      const offset = { nanoseconds: stretch.ahead };
      return common([{ from: opens.subtract(offset), to: closes.subtract(offset) }], [stretch]);
    }),
  );
};

/** A day's hours in real time, in order. Empty spans, also those that daylight saving skips whole, are none. @throws RangeError for a malformed time */
export const hoursOn = (hours: Hours, date: Temporal.PlainDate, zone: string): Interval[] =>
  spansOn(hours, date)
    .flatMap((span) => realTime(span, date, zone))
    .sort((a, b) => Temporal.Instant.compare(a.from, b.from));

/** The days that an interval touches. */
function* daysOf({ from, to }: Interval, zone: string): Generator<Temporal.PlainDate> {
  const last = to.subtract({ nanoseconds: 1 }).toZonedDateTimeISO(zone).toPlainDate();
  let date = from.toZonedDateTimeISO(zone).toPlainDate();
  for (; Temporal.PlainDate.compare(date, last) <= 0; date = date.add({ days: 1 })) yield date;
}

/** When the place is open on the days that an interval touches: whole spans, each as it was declared. */
export const openAround = (place: Calendar, within: Interval): Interval[] =>
  [...daysOf(within, place.zone)].flatMap((date) =>
    holidayOn(place, date) === undefined ? hoursOn(place, date, place.zone) : [],
  );
