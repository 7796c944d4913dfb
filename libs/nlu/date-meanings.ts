import { dayOf, type Grain, grainOf, monthOf, numberOf, quarterOf, weekdayOf } from './date-words.ts';
import type { Language } from './text.ts';

/** Local time, `from` included, `to` excluded. */
export interface Stretch {
  readonly from: Temporal.PlainDateTime;
  readonly to: Temporal.PlainDateTime;
  readonly grain: Grain;
  /** Set where hours of a day are meant. */
  readonly clock?: Hours['clock'];
  /** How often it comes round when the words alone do not say which one: "sexta" every week, "março" every year. */
  readonly every?: 'weeks' | 'months' | 'years';
}

/** A part of whichever day stands beside it, in minutes from midnight. */
export interface Hours {
  readonly from: number;
  readonly to: number;
  /** True when it means a time only beside a day: "Friday afternoon", but not "good afternoon". */
  readonly loose: boolean;
  /** A `time` names its beginning alone, a `range` both ends, a `part` the morning or the like. */
  readonly clock: 'time' | 'range' | 'part';
}

/** A time that no calendar has, as 31/04. */
export interface Impossible {
  /** True when it means a time only in a range or after a preposition: "em 30/02", but not "parcela 2/30". */
  readonly loose: boolean;
}

export type Meaning =
  | { readonly stretch: Stretch; readonly hours?: never; readonly impossible?: never }
  | { readonly hours: Hours; readonly stretch?: never; readonly impossible?: never }
  | { readonly impossible: Impossible; readonly stretch?: never; readonly hours?: never };

export interface Clock {
  readonly now: Temporal.PlainDateTime;
  readonly today: Temporal.PlainDate;
}

type Slots = Readonly<Record<string, string | undefined>>;
/** Undefined when the words name no time after all, as 45/45. */
export type Reader = (slots: Slots, clock: Clock, language: Language) => Meaning | undefined;

/** A year as digits, two or four, or in words relative to this one. */
function yearOf(words: string, { today }: Clock): number {
  if (/^\d/.test(words)) return words.length === 2 ? 2000 + Number(words) : Number(words);
  if (/que vem|proximo|next/.test(words)) return today.year + 1;
  return /passado|ultimo|last/.test(words) ? today.year - 1 : today.year;
}

const length = (grain: Grain, count: number): Temporal.DurationLike => {
  if (grain === 'quarter') return { months: 3 * count };
  return { [`${grain}s`]: count };
};

const whole = (date: Temporal.PlainDate, grain: Grain, every?: Stretch['every']): Meaning => {
  const from = date.toPlainDateTime();
  const stretch = { from, to: from.add(length(grain, 1)), grain };
  return { stretch: every === undefined ? stretch : { ...stretch, every } };
};

/** The first day of the week (a Monday), month, quarter or year a day is in. */
function opening(date: Temporal.PlainDate, grain: Grain): Temporal.PlainDate {
  if (grain === 'week') return date.subtract({ days: date.dayOfWeek - 1 });
  if (grain === 'month') return date.with({ day: 1 });
  if (grain === 'quarter') return date.with({ day: 1, month: date.month - ((date.month - 1) % 3) });
  return grain === 'year' ? date.with({ day: 1, month: 1 }) : date;
}

const impossible: Meaning = { impossible: { loose: false } };

/** Whoever names a year beyond these has slipped, or wants everything there is. */
export const isReasonable = (year: number): boolean => year >= 1900 && year <= 2100;

const isDayAndMonth = (day: number, month: number): boolean =>
  day >= 1 && day <= 31 && month >= 1 && month <= 12;

/** The day of a year, or nothing where that year has none, as on 29 February. */
function dateOf(year: number, month: number, day: number): Temporal.PlainDate | undefined {
  if (!isDayAndMonth(day, month)) return undefined;
  const date = Temporal.PlainDate.from({ year, month, day: 1 });
  return day <= date.daysInMonth ? date.with({ day }) : undefined;
}

/**
 * A month, or a day of a month, without a year is this year's. When this year's is still to come it may be last
 * year's, if that is nearer: "em dezembro" asked in November is next month, asked in January it is last month.
 */
function nearest(month: number, day: number | undefined, { today }: Clock): Meaning {
  const grain = day === undefined ? 'month' : 'day';
  const coming = dateOf(today.year, month, day ?? 1);
  const gone = dateOf(today.year - 1, month, day ?? 1);
  const begun = coming !== undefined && Temporal.PlainDate.compare(coming, today) <= 0;
  const goneIsNearer =
    gone !== undefined &&
    (coming === undefined ||
      gone.add(length(grain, 1)).until(today, { largestUnit: 'days' }).days <
        today.until(coming, { largestUnit: 'days' }).days);
  const date = begun || !goneIsNearer ? coming : gone;
  return date ? whole(date, grain, 'years') : impossible;
}

/** The day `count` days from today. */
export const days =
  (count: number): Reader =>
  (_, { today }) =>
    whole(today.add({ days: count }), 'day');

/** The unit that lies `count` units away from the one we are in: next week is 1, last year −1. */
const away = (grain: Grain, count: number, { now, today }: Clock): Meaning => {
  if (grain !== 'hour') return whole(opening(today, grain).add(length(grain, count)), grain);
  const from = now.round({ smallestUnit: 'hour', roundingMode: 'floor' }).add({ hours: count });
  return { stretch: { from, to: from.add({ hours: 1 }), grain } };
};

/** "Próxima semana", "last year": the calendar unit `count` away, of the grain named or given. */
export const unit =
  (count: number, grain?: Grain): Reader =>
  ({ unit = '' }, clock, language) =>
    away(grain ?? grainOf(unit, language), count, clock);

/** "Daqui a 3 dias", "2 weeks ago": the calendar unit that many units away. */
export const counted =
  (sign: 1 | -1): Reader =>
  ({ unit = '', number = '' }, clock, language) =>
    away(grainOf(unit, language), sign * numberOf(number, language), clock);

/** "Next 7 days", "últimos 3 meses": as much calendar time, today included; hours count from now. */
export const window =
  (sign: 1 | -1): Reader =>
  ({ unit = '', number = '' }, { now, today }, language) => {
    const grain = grainOf(unit, language);
    const span = length(grain, numberOf(number, language));
    const start = grain === 'hour' ? now : today.toPlainDateTime();
    if (sign === 1) return { stretch: { from: start, to: start.add(span), grain } };
    const end = grain === 'hour' ? now : start.add({ days: 1 });
    return { stretch: { from: end.subtract(span), to: end, grain } };
  };

/** A weekday alone is the coming one, today included; next and last leave today out. */
export const weekday =
  (which: 'coming' | 'next' | 'last'): Reader =>
  ({ weekday = '' }, { today }, language) => {
    const ahead = (weekdayOf(weekday, language) - today.dayOfWeek + 7) % 7;
    if (which === 'coming') return whole(today.add({ days: ahead }), 'day', 'weeks');
    return whole(today.add({ days: which === 'next' ? ahead || 7 : ahead - 7 }), 'day');
  };

/** The weekday of the week `count` weeks away; weeks begin on Monday. */
export const weekdayOfWeek =
  (count: number): Reader =>
  ({ weekday = '' }, { today }, language) =>
    whole(opening(today, 'week').add({ days: 7 * count + weekdayOf(weekday, language) - 1 }), 'day');

/** Saturday and Sunday of the week `count` weeks away. */
export const weekend =
  (count: number): Reader =>
  (_, { today }) => {
    const from = opening(today, 'week')
      .add({ days: 7 * count + 5 })
      .toPlainDateTime();
    return { stretch: { from, to: from.add({ days: 2 }), grain: 'day' } };
  };

/** A month, or a day of it; without a year, the nearest. */
export const calendar = ({ year, month = '', day }: Slots, clock: Clock, language: Language): Meaning => {
  const monthNumber = /^\d/.test(month) ? Number(month) : monthOf(month, language);
  const dayNumber = day === undefined ? undefined : dayOf(day);
  if (year === undefined) return nearest(monthNumber, dayNumber, clock);
  const date = dateOf(yearOf(year, clock), monthNumber, dayNumber ?? 1);
  return date ? whole(date, dayNumber === undefined ? 'month' : 'day') : impossible;
};

/**
 * "De 1 a 15 de março": both days included. The month is that of the day it stands beside, and the other day's too
 * unless that comes the wrong way round: "de 29 a 16 de abril" begins in March.
 */
export const dayRange =
  (beside: 'day' | 'last'): Reader =>
  (slots, clock, language) => {
    const { stretch } = calendar({ ...slots, day: slots[beside] }, clock, language);
    if (!stretch) return impossible;
    const [day, last] = [dayOf(slots['day'] ?? ''), Number(slots['last'])];
    const other = stretch.from.add({ months: day <= last ? 0 : beside === 'day' ? 1 : -1 });
    const [first, final] = beside === 'day' ? [stretch.from, other] : [other, stretch.from];
    const from = dateOf(first.year, first.month, day)?.toPlainDateTime();
    const to = dateOf(final.year, final.month, last)?.add({ days: 1 }).toPlainDateTime();
    return from && to ? { stretch: { ...stretch, from, to } } : impossible;
  };

/** "Semana do dia 10 de março": the week a day is in. */
export const weekOf: Reader = (slots, clock, language) => {
  const { stretch } = calendar(slots, clock, language);
  return stretch ? whole(opening(stretch.from.toPlainDate(), 'week'), 'week') : impossible;
};

/** "Dia 12": of the month `count` months away; of this month when none is named, or of the first that has the day. */
export const dayInMonth =
  (count?: number): Reader =>
  ({ day = '' }, { today }) => {
    const number = dayOf(day);
    let month = opening(today, 'month').add({ months: count ?? 0 });
    if (count === undefined && number > month.daysInMonth) month = month.add({ months: 1 });
    if (number > month.daysInMonth) return impossible;
    return whole(month.with({ day: number }), 'day', count === undefined ? 'months' : undefined);
  };

/** The same of this month. */
export const daysInMonth: Reader = (slots, clock, language) =>
  dayRange('day')(
    { ...slots, month: String(clock.today.month), year: String(clock.today.year) },
    clock,
    language,
  );

/** The month of that name after this month, or before it. */
export const monthBeside =
  (sign: 1 | -1): Reader =>
  ({ month = '' }, { today }, language) => {
    const number = monthOf(month, language);
    const beyond = sign === 1 ? number <= today.month : number >= today.month;
    return whole(
      Temporal.PlainDate.from({ year: today.year + (beyond ? sign : 0), month: number, day: 1 }),
      'month',
    );
  };

export const quarter: Reader = ({ ordinal = '', year }, clock) => {
  const inYear = year === undefined ? clock.today.year : yearOf(year, clock);
  return whole(
    Temporal.PlainDate.from({ year: inYear, month: 3 * quarterOf(ordinal) - 2, day: 1 }),
    'quarter',
  );
};

export const wholeYear: Reader = ({ year = '' }) =>
  whole(Temporal.PlainDate.from({ year: Number(year), month: 1, day: 1 }), 'year');

/**
 * Two numbers: the day first in Portuguese, the month first in English, unless one of them can be no month. Those that
 * can be no day either are a date only before a year.
 */
export const numeric: Reader = ({ one = '', two = '', year }, clock, language) => {
  const monthFirst = language === 'en' ? Number(one) <= 12 : Number(two) > 12;
  const [month, day] = monthFirst ? [one, two] : [two, one];
  if (!isDayAndMonth(Number(day), Number(month)) && !isReasonable(Number(year))) return undefined;
  const meaning = calendar({ month, day, year }, clock, language);
  return meaning.impossible && year === undefined ? { impossible: { loose: true } } : meaning;
};

const hours = (clock: Hours['clock'], from: number, to: number, loose = false): Meaning => ({
  hours: { from, to, loose, clock },
});

const afternoon = (half: string | undefined, hour: number): number => {
  if (half === undefined || hour > 12) return hour;
  return (hour % 12) + (half.startsWith('p') ? 12 : 0);
};

/** A time of day is the hour that begins with it. */
export const time: Reader = ({ hour = '', minute = '0', half }, _, language) => {
  const start = 60 * afternoon(half, numberOf(hour, language)) + Number(minute);
  return hours('time', start, start + 60);
};

export const timeRange: Reader = ({ hour = '', until = '', half }) => {
  const [from, to] = [afternoon(half, Number(hour)), afternoon(half, Number(until))];
  return from < to ? hours('range', 60 * from, 60 * to) : undefined;
};

/** Parts of the day in hours; Brazil's "tarde" ends where its "noite" begins, at 18:00. */
const partsOfDay: Readonly<Record<string, readonly [from: number, to: number]>> = {
  madrugada: [0, 6],
  manha: [6, 12],
  tarde: [12, 18],
  noite: [18, 24],
  morning: [6, 12],
  afternoon: [12, 18],
  evening: [18, 24],
  night: [18, 24],
};

/** A part of the day, whole. */
export const part =
  (loose = false): Reader =>
  ({ part = '' }) => {
    const [from, to] = partsOfDay[part] ?? [0, 24];
    return hours('part', 60 * from, 60 * to, loose);
  };

/** "Duas e meia da tarde". */
export const timeOfPart: Reader = ({ number = '', half, part = '' }, _, language) => {
  const hour = numberOf(number, language);
  if (hour > 12) return undefined;
  const late = part === 'tarde' || part === 'noite';
  const start = 60 * ((hour % 12) + (late ? 12 : 0)) + (half === undefined ? 0 : 30);
  return hours('time', start, start + 60);
};

/** The night of the day `count` days from today. */
export const nightOf =
  (count: number): Reader =>
  (_, { today }) => {
    const from = today.add({ days: count }).toPlainDateTime({ hour: 18 });
    return { stretch: { from, to: from.add({ hours: 6 }), grain: 'hour', clock: 'part' } };
  };

export const midday: Reader = () => hours('time', 720, 780);
