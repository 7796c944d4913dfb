import type { In } from '@jangada/hop/hop.ts';
import type { Wording } from '@jangada/packs/pack.ts';
import type { Row } from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';

/** How figures, dates and money look to one tenant. */
export interface Manner {
  readonly wording: Wording;
  readonly zone: string;
  readonly currency: string;
}

export type Answer = In<typeof contract>;

/**
 * Tells granted rows in the pack's words, line by line. Every figure and name comes from the rows; nothing is
 * added, so there is nothing to invent.
 */
export function* compose(answer: Answer, manner: Manner): Generator<string> {
  const { plan, rows, matches } = answer;
  const { wording } = manner;
  const about = aboutOf(answer, manner);
  const say = (template: string, count: number): string =>
    fill(template, {
      n: figure(count, answer.locale),
      noun: noun(wording, plan.source, count),
      about,
      shown: String(rows.length),
    });

  const [first] = rows;
  if (plan.ask === 'count') return yield say(wording.count, Number(first?.['count'] ?? 0));
  if (plan.ask === 'total') {
    return yield fill(wording.total, {
      about,
      amount: money(first?.['amount'] ?? 0, answer.locale, manner.currency),
    });
  }
  if (plan.ask === 'share') {
    const [percent, part, whole] = ['percent', 'part', 'whole'].map((name) =>
      figure(Number(first?.[name] ?? 0), answer.locale),
    ) as [string, string, string];
    // Of nothing there is no share.
    const template = Number(first?.['whole'] ?? 0) > 0 ? wording.shares?.[plan.source] : undefined;
    return yield fill(template ?? wording.none, { about, percent, part, whole });
  }
  if (!first) return yield say(wording.nones?.[plan.source] ?? wording.none, 0);
  if (plan.ask === 'perDay') {
    yield say(
      wording.perDay,
      rows.reduce((sum, row) => sum + Number(row['count'] ?? 0), 0),
    );
    for (const row of rows)
      yield `\n- ${day(String(row['day']), answer.locale)}: ${perDayOf(row, answer.locale, manner.currency)}`;
    return;
  }
  yield say(wording.lists?.[plan.source] ?? wording.list, matches);
  for (const row of rows) yield `\n- ${lineOf(row, answer, manner)}`;
  if (answer.nextCursor) yield `\n${say(wording.more, matches)}`;
}

/** Where to read on, by the id of each text; nothing where no text was near. */
export const citationsOf = ({ cited = [] }: Answer, { wording }: Manner): string =>
  cited.length > 0 && wording.cited
    ? fill(wording.cited, { articles: cited.map(({ id, title }) => `\n- ${id} · ${title}`).join('') })
    : '';

export const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');

const noun = (wording: Wording, source: string, count: number): string =>
  wording.nouns[source]?.[count === 1 ? 0 : 1] ?? '';

const numberFormats = new Map<string, Intl.NumberFormat>();
const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** Formatters cost more to make than to use. */
const remembered = <T>(formats: Map<string, T>, key: string, make: () => T): T => {
  let format = formats.get(key);
  if (!format) {
    format = make();
    formats.set(key, format);
  }
  return format;
};

const figure = (value: number, locale: string): string =>
  remembered(numberFormats, locale, () => new Intl.NumberFormat(locale)).format(value);

const money = (value: Row[string], locale: string, currency: string): string =>
  remembered(
    numberFormats,
    `${locale}${currency}`,
    // What is paid by the hour or the piece may cost less than a cent.
    () => new Intl.NumberFormat(locale, { style: 'currency', currency, maximumFractionDigits: 4 }),
  ).format(Number(value));

const dated = (instant: string, locale: string, zone: string, options: Intl.DateTimeFormatOptions): string =>
  remembered(
    dateFormats,
    `${locale}${zone}${JSON.stringify(options)}`,
    () => new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }),
  ).format(new Date(instant));

export const day = (date: string, locale: string): string =>
  dated(`${date}T12:00:00Z`, locale, 'UTC', { dateStyle: 'short' });

const perDayOf = (row: Row, locale: string, currency: string): string => {
  const { day: _, count, amount, ...figures } = row;
  return [
    figure(Number(count), locale),
    ...(amount == null ? [] : [money(amount, locale, currency)]),
    ...Object.entries(figures).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`),
  ].join(', ');
};

const date = /^\d{4}-\d\d-\d\d$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const shortTime: Intl.DateTimeFormatOptions = {
  day: '2-digit',
  month: '2-digit',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
};

/** The values of a row as they are told, by field, without those that have none. */
export const cellsOf = (
  row: Row,
  { locale }: Pick<Answer, 'locale'>,
  { wording, zone, currency }: Manner,
): Record<string, string> => {
  const cell = (name: string, value: Row[string]): string => {
    if (isMoney(name)) return money(value ?? 0, locale, String(row['currency'] ?? currency));
    if (typeof value !== 'string') return String(value);
    if (instant.test(value)) return dated(value, locale, zone, shortTime);
    if (date.test(value)) return day(value, locale);
    return name === 'status' || name === 'action'
      ? (wording.states[value] ?? value)
      : labelOf(wording, name, value);
  };
  return Object.fromEntries(
    Object.entries(row)
      // A row's own currency is told with its money.
      .filter(([name, value]) => value !== null && value !== '' && name !== 'currency')
      .map(([name, value]) => [name, cell(name, value)]),
  );
};

/** Fields that are told as money, of the tenant where the row says no currency. */
export const isMoney = (name: string): boolean => name === 'amount' || name === 'price';

const lineOf = (row: Row, answer: Answer, manner: Manner): string =>
  Object.values(cellsOf(row, answer, manner)).join(' · ');

const labelOf = (wording: Wording, name: string, value: string): string =>
  wording.labels?.[name]?.[value] ?? value;

/** " (Ana Lima, com Dra. Souza, março de 2022)": what the figure is about, as the plan has it. */
export const aboutOf = ({ plan, locale }: Answer, { wording, zone }: Manner): string => {
  const { subject, provider, period, state, facets = {} } = plan.filter;
  const parts = [
    subject,
    provider,
    state && wording.states[state],
    ...Object.entries(facets).map(([name, values]) =>
      values.map((value) => labelOf(wording, name, value)).join(' / '),
    ),
    period && spanOf(period, locale, zone),
  ].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
};

const spanOf = ({ from, to }: { from: string; to: string }, locale: string, zone: string): string => {
  const start = Temporal.Instant.from(from).toZonedDateTimeISO(zone);
  const end = Temporal.Instant.from(to).toZonedDateTimeISO(zone);
  const same = (other: Temporal.ZonedDateTime): boolean => Temporal.ZonedDateTime.compare(end, other) === 0;
  const midnight = same(end.startOfDay()) && Temporal.ZonedDateTime.compare(start, start.startOfDay()) === 0;
  if (midnight && start.dayOfYear === 1 && same(start.add({ years: 1 }))) return String(start.year);
  if (midnight && start.day === 1 && same(start.add({ months: 1 })))
    return dated(from, locale, zone, { month: 'long', year: 'numeric' });
  if (midnight && same(start.add({ days: 1 }))) return dated(from, locale, zone, { dateStyle: 'short' });
  const style: Intl.DateTimeFormatOptions = midnight ? { dateStyle: 'short' } : shortTime;
  const last = midnight ? end.subtract({ days: 1 }) : end;
  return `${dated(from, locale, zone, style)} – ${dated(last.toInstant().toString(), locale, zone, style)}`;
};
