import { type Clock, type Hours, isReasonable, type Meaning, type Stretch } from './date-meanings.ts';
import { grammars } from './date-phrases.ts';
import { type Grain, grains } from './date-words.ts';
import { fold, type Language } from './text.ts';

/** A stretch of time that a text names. */
export interface Period {
  /** Included. */
  readonly from: Temporal.Instant;
  /** Excluded. */
  readonly to: Temporal.Instant;
  readonly grain: Grain;
  /** Set where it is hours of a day: a `time` names its beginning alone, a `range` both ends, a `part` the morning or the like. */
  readonly clock?: Hours['clock'];
  /** Set where it is hours and the text names no day before them: today's, for want of another. */
  readonly isOfAnyDay?: true;
  /** Set where the words name its end, as "until Friday" does, and it begins before that: the beginning of what they name. */
  readonly named?: Temporal.Instant;
  /** The words that name it, their preposition included. */
  readonly text: string;
  /** Offsets of `text` in the text given. */
  readonly start: number;
  readonly end: number;
}

/** What a text says of times. */
export interface Times {
  readonly periods: readonly Period[];
  /** Words that name a time which there is not: no calendar has it, it ends before it begins, or is beyond reason. */
  readonly impossible: readonly Place[];
}

export interface Here {
  readonly now: Temporal.Instant;
  /** The IANA zone whose calendar days are meant. */
  readonly timeZone: string;
  /** The language whose phrases are sought. */
  readonly language: Language;
}

/** A phrase found, and where; hours wait for their day. */
type Found = Place & Meaning;

/** Offsets in the text given. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** What stands between two phrases, and before the first. */
interface Surroundings {
  readonly gap: string;
  readonly before: string;
  readonly connectives: Connectives;
}

/** One phrase made of two that stand side by side, or undefined when they are two. */
type Join = (one: Found, two: Found, surroundings: Surroundings) => Found | undefined;

interface Connectives {
  /** Between the two ends of a range. */
  readonly until: RegExp;
  /** Between the ends of a range that `between` opens. */
  readonly and: RegExp;
  readonly between: RegExp;
  /** Between a day and an hour of it, in either order. */
  readonly beside: RegExp;
  /** Prepositions before a phrase. */
  readonly before: RegExp;
}

const connectives: Record<Language, Connectives> = {
  'pt-BR': {
    until: /^(?: (?:ao?|as|ate)(?: [oa]s?)?(?: dia)? | ?[-–] ?)$/,
    and: /^ e (?:[oa]s? )?$/,
    between: /(?:^| )entre (?:[oa]s? )?$/,
    beside: /^,?(?: (?:as?|ao|d[aeo]s?|em|n[ao]s?|pelas?|entre(?: as)?|por volta d[ae]s?))? ?$/,
    before:
      /(?:^|[^a-z0-9])((?:a partir d[aeo]s?|desde|ate|antes d[aeo]|depois d[aeo]|durante|entre|para|pra|por volta d[ae]s?|em|n[ao]s?|d[aeo]s?|aos?|as?|pel[ao]s?)(?: (?:[ao]s?|dia|ano de|mes de))? )$/,
  },
  en: {
    until: /^(?: (?:to|until|till|through|thru)(?: the)? | ?[-–] ?)$/,
    and: /^ and (?:the )?$/,
    between: /(?:^| )between (?:the )?$/,
    beside: /^,?(?: (?:at|around|between|from|in the|of(?: the)?|on(?: the)?))? ?$/,
    before:
      /(?:^|[^a-z0-9])((?:after|around|as of|at|before|between|by|during|for|from|in|of|on|over|since|throughout|till|until)(?: the)?(?: month of)? )$/,
  },
};

/** No preposition is longer, in characters. */
const reach = 24;
/** Phrases read of one text: a question that names more times than these is no question. */
const most = 16;

const leading = (text: string, start: number): string => text.slice(Math.max(0, start - reach), start);
const finer = (one: Grain, two: Grain): Grain => (grains.indexOf(one) < grains.indexOf(two) ? one : two);
const isBefore = (one: Temporal.PlainDateTime, two: Temporal.PlainDateTime) =>
  Temporal.PlainDateTime.compare(one, two) < 0;

const isRange = ({ gap, before, connectives }: Surroundings): boolean =>
  connectives.until.test(gap) || (connectives.and.test(gap) && connectives.between.test(before));

/** "14h às 16h" ends when the second hour begins; "de manhã até a tarde" when the second part ends. */
const hourRange: Join = (one, two, surroundings) => {
  if (!one.hours || !two.hours || !isRange(surroundings)) return undefined;
  if (one.hours.from >= two.hours.from) return undefined;
  const isTime = two.hours.to - two.hours.from === 60;
  const to = isTime ? two.hours.from : two.hours.to;
  return {
    start: one.start,
    end: two.end,
    hours: { from: one.hours.from, to, loose: false, clock: 'range' },
  };
};

const hoursOf = (day: Temporal.PlainDateTime, hours: Hours) => ({
  from: day.add({ minutes: hours.from }),
  to: day.add({ minutes: hours.to }),
  grain: 'hour' as const,
  clock: hours.clock,
});

const isOneDay = ({ from, to, grain }: Stretch) => grain === 'day' && from.add({ days: 1 }).equals(to);

/** Hours beside a longer stretch than a day are no one stretch of time: they are passed over. */
const dayAndHours: Join = (one, two, { gap, connectives }) => {
  const hours = one.hours ?? two.hours;
  const day = one.stretch ?? two.stretch;
  if (!hours || !day || day.grain === 'hour' || !connectives.beside.test(gap)) return undefined;
  const stretch = isOneDay(day) ? { ...day, ...hoursOf(day.from, hours) } : day;
  return { start: one.start, end: two.end, stretch };
};

/** "Sexta, dia 12": two names of one day; a weekday alone gives way to the other. */
const sameDay: Join = (one, two, { gap }) => {
  if (!one.stretch || !two.stretch || !/^(?:,? | \()$/.test(gap)) return undefined;
  if (!isOneDay(one.stretch) || !(isOneDay(two.stretch) || two.stretch.grain === 'hour')) return undefined;
  const weekday = one.stretch.every === 'weeks';
  const same = one.stretch.from.toPlainDate().equals(two.stretch.from.toPlainDate());
  if (!same && weekday === (two.stretch.every === 'weeks')) return undefined;
  return { start: one.start, end: two.end, stretch: same || weekday ? two.stretch : one.stretch };
};

const moved = (stretch: Stretch, by: Temporal.DurationLike): Stretch => ({
  ...stretch,
  from: stretch.from.add(by),
  to: stretch.to.add(by),
});

const toYearOf = (stretch: Stretch, other: Stretch): Stretch =>
  stretch.every === 'years' ? moved(stretch, { years: other.from.year - stretch.from.year }) : stretch;

/**
 * What recurs keeps to the end that does not: "de dezembro a março de 2024" begins in 2023. Without such an end, or
 * with one that does not recur and comes first, there is no such range.
 */
const range: Join = (one, two, surroundings) => {
  if (one.hours || two.hours || !isRange(surroundings)) return undefined;
  const nowhere: Found = { start: one.start, end: two.end, impossible: { loose: false } };
  if (one.impossible || two.impossible) return nowhere;
  let first = two.stretch.every ? one.stretch : toYearOf(one.stretch, two.stretch);
  let last = one.stretch.every ? two.stretch : toYearOf(two.stretch, one.stretch);
  if (isBefore(last.from, first.from)) {
    if (last.every) last = moved(last, { [last.every]: 1 });
    else if (first.every) first = moved(first, { [first.every]: -1 });
  }
  if (!isBefore(first.from, last.to)) return first.every || last.every ? undefined : nowhere;
  const stretch = { from: first.from, to: last.to, grain: finer(first.grain, last.grain) };
  return { start: one.start, end: two.end, stretch };
};

const joins: readonly Join[] = [hourRange, dayAndHours, sameDay, range];

/** Joins neighbours from left to right; what was joined may be joined again. */
function joined(phrases: readonly Found[], join: Join, folded: string, connectives: Connectives): Found[] {
  const result: Found[] = [];
  for (const phrase of phrases) {
    const previous = result.at(-1);
    const whole =
      previous &&
      join(previous, phrase, {
        gap: folded.slice(previous.end, phrase.start),
        before: leading(folded, previous.start),
        connectives,
      });
    if (whole) result.pop();
    result.push(whole ?? phrase);
  }
  return result;
}

/** The phrases of the table in the text, each by itself. */
function phrases(text: string, folded: string, clock: Clock, language: Language): Found[] {
  const { expression, rows } = grammars[language];
  const found: Found[] = [];
  for (const match of folded.matchAll(expression)) {
    const start = match.index;
    const end = start + match[0].length;
    const slots = match.groups ?? {};
    const row = rows.find((_, index) => slots[`row${index}`] !== undefined);
    if (row?.homonym?.(text.slice(start, end), leading(text, start), text.slice(end))) continue;
    const meaning = row?.read(slots, clock, language);
    if (meaning) found.push({ start, end, ...meaning });
    if (found.length === most) break;
  }
  return found;
}

/** "Desde março" lasts until today is over, "até sexta" begins today; other prepositions change nothing. */
function bounded(stretch: Stretch, preposition: string, { today }: Clock): Stretch {
  const midnight = today.toPlainDateTime();
  const { from, to } = stretch;
  if (/^(?:since|desde)/.test(preposition) && isBefore(from, midnight)) {
    return { ...stretch, to: midnight.add({ days: 1 }) };
  }
  if (/^(?:ate|by|until|till) /.test(preposition) && isBefore(midnight, to)) {
    return { ...stretch, from: isBefore(midnight, from) ? midnight : from };
  }
  return stretch;
}

const isWithinReason = ({ from, to }: Stretch): boolean =>
  isReasonable(from.year) && isReasonable(to.subtract({ minutes: 1 }).year);

/**
 * The stretches of time a canonical text names, in its order, from its first sixteen phrases. Days are calendar days
 * of the zone and weeks begin on Monday; an hour without a day is of the day named before it, else today's. What a
 * phrase leaves open is decided as its reader in `date-meanings.ts` says.
 */
export function findPeriods(text: string, { now, timeZone, language }: Here): Times {
  const folded = fold(text);
  if (folded.search(grammars[language].expression) < 0) return { periods: [], impossible: [] };
  const local = now.toZonedDateTimeISO(timeZone).toPlainDateTime();
  const clock = { now: local, today: local.toPlainDate() };
  const words = connectives[language];
  let found = phrases(text, folded, clock, language);
  for (const join of joins) found = joined(found, join, folded, words);

  let day = clock.today.toPlainDateTime();
  let isDayNamed = false;
  const periods: Period[] = [];
  const impossible: Place[] = [];
  for (const { hours, stretch, impossible: nowhere, ...place } of found) {
    if (hours?.loose) continue;
    const preposition = words.before.exec(leading(folded, place.start))?.[1] ?? '';
    const start = place.start - preposition.length;
    const end = place.end + (/^['’]s(?![a-z])/.exec(folded.slice(place.end, place.end + 3))?.[0].length ?? 0);
    if (nowhere?.loose && !preposition) continue;
    const named = nowhere ? undefined : (stretch ?? hoursOf(day, hours));
    const meant = named && bounded(named, preposition, clock);
    if (!meant || !isWithinReason(meant)) {
      impossible.push({ start, end });
      continue;
    }
    const { from, to, grain, clock: kind } = meant;
    const isOfAnyDay = !stretch && !isDayNamed;
    if (!isBefore(from.add({ days: 1 }), to)) {
      day = from.toPlainDate().toPlainDateTime();
      isDayNamed ||= stretch !== undefined;
    }
    periods.push({
      from: from.toZonedDateTime(timeZone).toInstant(),
      to: to.toZonedDateTime(timeZone).toInstant(),
      grain,
      ...(kind ? { clock: kind } : {}),
      ...(isOfAnyDay ? { isOfAnyDay } : {}),
      ...(named && isBefore(from, named.from)
        ? { named: named.from.toZonedDateTime(timeZone).toInstant() }
        : {}),
      text: text.slice(start, end),
      start,
      end,
    });
  }
  return { periods, impossible };
}
