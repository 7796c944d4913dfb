import { momentOf, wallAt } from './wall.ts';

/** An agenda as a grid of days: what is free, what is taken, and by what, as far as somebody may see it. Pure. */

interface Interval {
  readonly from: string;
  readonly until: string;
}

/** When somebody may be booked and when they are, as `GET /v1/agenda` tells it. */
export interface Hours {
  readonly open: readonly Interval[];
  readonly taken: readonly Interval[];
  readonly asOf: string;
}

/** A booking, as its list tells it; beside these the field that says whom it is for. */
export interface Booking {
  readonly appointmentId: string;
  readonly version: number;
  readonly start: string;
  readonly end: string;
  readonly provider: string;
  readonly service: string | null;
  readonly room: string | null;
  readonly status: 'scheduled' | 'confirmed' | 'cancelled' | 'attended' | 'no_show';
  readonly [field: string]: string | number | null;
}

/** Something that takes time of a day, in minutes of its clock. */
export interface Block {
  readonly from: number;
  readonly until: number;
  /** Absent where it is taken by what one may not see. */
  readonly booking?: Booking;
}

/** A time that is free, as a moment and by the clock. */
export interface Free {
  readonly at: number;
  readonly minutes: number;
}

export interface Day {
  readonly day: string;
  readonly free: readonly Free[];
  readonly blocks: readonly Block[];
}

export interface Timetable {
  /** In minutes of the clock: what the grid shows. */
  readonly from: number;
  readonly until: number;
  readonly days: readonly Day[];
}

/** Minutes from one line of the grid to the next. */
export const stepMinutes = 30;
const minuteMs = 60_000;
const wholeDay = 24 * 60;
/** What is shown of days that are open all round, or not at all. */
const usual = { from: 8 * 60, until: 18 * 60 };

interface Span {
  readonly from: number;
  readonly until: number;
}

const msOf = ({ from, until }: Interval): Span => ({ from: Date.parse(from), until: Date.parse(until) });

/** The part of it that lies on a day, by its clock; undefined where none does. */
const onDay = ({ from, until }: Span, day: string, zone: string): Span | undefined => {
  const [begins, ends] = [wallAt(from, zone), wallAt(until, zone)];
  const first = begins.day === day ? begins.minutes : begins.day < day ? 0 : wholeDay;
  const last = ends.day === day ? ends.minutes : ends.day > day ? wholeDay : 0;
  return first < last ? { from: first, until: last } : undefined;
};

export const timetableOf = (
  days: readonly string[],
  zone: string,
  hours: Hours,
  bookings: readonly Booking[],
  now: number,
): Timetable => {
  const [open, taken] = [hours.open.map(msOf), hours.taken.map(msOf)];
  const shown = bookings.filter(({ status }) => status !== 'cancelled');
  const blocksOf = (day: string): Block[] => {
    const own = shown.flatMap((booking) => {
      const span = onDay(msOf({ from: booking.start, until: booking.end }), day, zone);
      return span ? [{ ...span, booking }] : [];
    });
    const unseen = taken.flatMap((one) => without(one, shown)).flatMap((one) => onDay(one, day, zone) ?? []);
    return [...unseen, ...own].toSorted((one, other) => one.from - other.from);
  };
  const all = days.map((day) => ({ day, blocks: blocksOf(day) }));
  const openThen = days.flatMap((day) => open.flatMap((one) => onDay(one, day, zone) ?? []));
  const bounds = boundsOf([
    ...openThen.filter(({ from, until }) => until - from < wholeDay),
    ...(openThen.length === 0 || openThen.some(({ from, until }) => until - from === wholeDay)
      ? [usual]
      : []),
    ...all.flatMap(({ blocks }) => blocks),
  ]);
  const isFree = (from: number, until: number): boolean =>
    from > now &&
    open.some((one) => one.from <= from && until <= one.until) &&
    !taken.some((one) => one.from < until && from < one.until);
  const freeOn = (day: string): Free[] => {
    const found: Free[] = [];
    for (let minutes = bounds.from; minutes < bounds.until; minutes += stepMinutes) {
      const at = momentOf({ day, minutes }, zone);
      // A time that daylight saving skips is none.
      if (wallAt(at, zone).minutes === minutes && isFree(at, at + stepMinutes * minuteMs))
        found.push({ at, minutes });
    }
    return found;
  };
  return { ...bounds, days: all.map((one) => ({ ...one, free: freeOn(one.day) })) };
};

/** From the hour in which the first begins to that in which the last ends. */
const boundsOf = (spans: readonly Span[]): Span => ({
  from: Math.floor(Math.min(...spans.map(({ from }) => from)) / 60) * 60,
  until: Math.ceil(Math.max(...spans.map(({ until }) => until)) / 60) * 60,
});

/** What of taken time is no booking that is shown. */
const without = (taken: Span, bookings: readonly Booking[]): Span[] => {
  let left = [taken];
  for (const { start, end } of bookings) {
    const { from, until } = msOf({ from: start, until: end });
    left = left.flatMap((one) =>
      [
        { from: one.from, until: Math.min(one.until, from) },
        { from: Math.max(one.from, until), until: one.until },
      ].filter((rest) => rest.from < rest.until),
    );
  }
  return left;
};
