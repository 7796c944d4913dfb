import type { Interval } from './intervals.ts';
import { shown } from './wall-clock.ts';

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
export const holidayOn = (
  { holidays, exceptions }: Calendar,
  date: Temporal.PlainDate,
): string | undefined => {
  const day = date.toString();
  if (exceptions?.[day]) return undefined;
  return holidays?.[day] ?? holidays?.[day.slice(-5)];
};

const spansOn = ({ week, exceptions }: Hours, date: Temporal.PlainDate): readonly Span[] =>
  exceptions?.[date.toString()] ?? week[date.dayOfWeek as Weekday] ?? [];

/**
 * Opening or closing in real time. Hours that the clock shows twice are open both times, and what begins or ends at a time that is
 * skipped does so at the change, so that nothing is open while the wall shows a time outside the span.
 */
const edge = (local: Temporal.PlainDateTime, zone: string, which: 'opens' | 'closes'): Temporal.Instant => {
  const when = shown(local, zone);
  if (when.times === 'never') return when.next;
  if (when.times === 'once') return when.at;
  return when.at[which === 'opens' ? 0 : 1];
};

const realTime = ([from, to]: Span, date: Temporal.PlainDate, zone: string): Interval => {
  const closing = Temporal.PlainTime.from(to);
  const isMidnight = closing.equals(new Temporal.PlainTime());
  return {
    from: edge(date.toPlainDateTime(from), zone, 'opens'),
    to: edge((isMidnight ? date.add({ days: 1 }) : date).toPlainDateTime(closing), zone, 'closes'),
  };
};

/** A day's hours in real time, in order. Empty spans, also those that daylight saving skips whole, are none. @throws RangeError for a malformed time */
export const hoursOn = (hours: Hours, date: Temporal.PlainDate, zone: string): Interval[] =>
  spansOn(hours, date)
    .map((span) => realTime(span, date, zone))
    .filter(({ from, to }) => Temporal.Instant.compare(from, to) < 0)
    .sort((a, b) => Temporal.Instant.compare(a.from, b.from));

/** The days that an interval touches. */
export function* daysOf({ from, to }: Interval, zone: string): Generator<Temporal.PlainDate> {
  const last = to.subtract({ nanoseconds: 1 }).toZonedDateTimeISO(zone).toPlainDate();
  let date = from.toZonedDateTimeISO(zone).toPlainDate();
  for (; Temporal.PlainDate.compare(date, last) <= 0; date = date.add({ days: 1 })) yield date;
}

/** When the place is open on the days that an interval touches: whole spans, each as it was declared. */
export const openAround = (place: Calendar, within: Interval): Interval[] =>
  [...daysOf(within, place.zone)].flatMap((date) =>
    holidayOn(place, date) === undefined ? hoursOn(place, date, place.zone) : [],
  );

/** When somebody works on those days, by the clock of the place. */
export const workedAround = (hours: Hours, zone: string, within: Interval): Interval[] =>
  [...daysOf(within, zone)].flatMap((date) => hoursOn(hours, date, zone));
