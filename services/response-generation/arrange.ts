import type { OrderWording } from '@jangada/packs/pack.ts';
import { foldName } from '@jangada/packs/read.ts';
import { aheadMaxDays, type Command, command } from '@jangada/proto/command.ts';
import type { Order } from '@jangada/proto/plan.ts';
import { type Answer, fill } from './compose.ts';

/**
 * What an order comes to, from the rows that it may be about: a command to be shown and said yes to, or what is still to be
 * asked. Nothing is guessed: who is one of several and what was not said is asked for. Pure.
 */

export interface Setting {
  readonly words: OrderWording;
  readonly zone: string;
  /** The field of bookings that is whom they are for. */
  readonly whom: string;
  /** How long a booking is where nobody says it. */
  readonly minutes: number;
  /** True where whoever asks reaches nobody but themselves. */
  readonly isOwn: boolean;
  readonly now: Temporal.Instant;
}

export interface Card {
  readonly order: Command;
  readonly message: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

/** A card, or what has to be said first. */
export type Arranged = Card | { readonly asks: string };

type Ordered = Pick<Answer, 'rows' | 'matches' | 'locale' | 'arrangement'> & {
  readonly plan: Pick<Answer['plan'], 'filter'> & { readonly order: Order };
};

export const arrange = (answer: Ordered, setting: Setting): Arranged =>
  answer.plan.order.type === 'ScheduleAppointment' ? booking(answer, setting) : change(answer, setting);

const booking = (answer: Ordered, setting: Setting): Arranged => {
  const { rows, locale, arrangement, plan } = answer;
  const { filter, order } = plan;
  const { words, zone } = setting;
  const isNamed = (filter.subject ?? filter.subjectId ?? filter.identifier) !== undefined;
  if (!isNamed && !setting.isOwn) return { asks: words.lacks.whom };
  const people = rows.map((row) => ({ id: String(row['id']), name: String(row['name']) }));
  const person = oneOf(people, filter.subject, words, 'whom');
  if ('asks' in person) return person;
  const provider = oneOf(arrangement?.providers ?? [], order.provider, words, 'provider');
  if ('asks' in provider) return provider;
  const from = startOf(order, order, setting);
  if ('asks' in from) return from;
  const { service } = arrangement ?? {};
  const durationMinutes = order.minutes ?? service?.minutes ?? setting.minutes;
  const when = spanOf(from.at, from.at.add({ minutes: durationMinutes }), locale, zone);
  return cardOf(
    words,
    { whom: person.name, provider: provider.name, service: service?.name, when },
    {
      type: 'ScheduleAppointment',
      subjectId: person.id,
      providerId: provider.id,
      start: from.at.toString({ fractionalSecondDigits: 3 }),
      durationMinutes,
      ...(service ? { service: service.name } : {}),
    },
  );
};

const change = (answer: Ordered, setting: Setting): Arranged => {
  const { rows, matches, locale, plan } = answer;
  const { order } = plan;
  const { words, zone } = setting;
  const open = rows
    .filter(({ status }) => status !== 'cancelled')
    .map((row) => ({ row, start: Temporal.Instant.from(String(row['start'])).toZonedDateTimeISO(zone) }));
  const said = open.filter(({ start }) => isAt(start, order.at));
  // One that was only spoken of may not be there yet, or not any more: another in its place would be a guess.
  const meant = said.length === 0 && order.at?.isSpokenOf ? open : said;
  const [one] = meant;
  if (!one) return { asks: words.noBooking };
  const end = Temporal.Instant.from(String(one.row['end']));
  const was = spanOf(one.start.toInstant(), end, locale, zone);
  if (meant.length > 1 || said.length === 0 || matches > rows.length) {
    const names = meant.slice(0, 5).map(({ row, start }) => {
      const at = spanOf(start.toInstant(), Temporal.Instant.from(String(row['end'])), locale, zone);
      return `${row[setting.whom]}, ${row['provider']}, ${at}`;
    });
    return { asks: fill(words.lacks.booking, { names: names.join(' · ') }) };
  }
  const { row } = one;
  const about = { appointmentId: String(row['appointmentId']), expectedVersion: Number(row['version']) };
  const told = {
    whom: String(row[setting.whom] ?? ''),
    provider: String(row['provider'] ?? ''),
    service: row['service'] ? String(row['service']) : undefined,
  };
  if (order.type === 'CancelAppointment')
    return cardOf(words, { ...told, when: was }, { type: order.type, ...about });
  if (!order.day && !order.time) return { asks: words.lacks.newTime };
  const to = {
    day: order.day ?? one.start.toPlainDate().toString(),
    time: order.time ?? timeOf(one.start),
  };
  const from = startOf(to, order, setting);
  if ('asks' in from) return from;
  const lasts =
    order.minutes ?? one.start.until(end.toZonedDateTimeISO(zone), { largestUnit: 'minutes' }).minutes;
  const when = spanOf(from.at, from.at.add({ minutes: lasts }), locale, zone);
  return cardOf(
    words,
    { ...told, was, when },
    {
      ...{ type: 'RescheduleAppointment', ...about },
      start: from.at.toString({ fractionalSecondDigits: 3 }),
      ...(order.minutes ? { durationMinutes: order.minutes } : {}),
    },
  );
};

const timeOf = (start: Temporal.ZonedDateTime): string =>
  start.toPlainTime().toString({ smallestUnit: 'minute' });

const isAt = (start: Temporal.ZonedDateTime, at: Order['at']): boolean =>
  (!at?.day || at.day === start.toPlainDate().toString()) && (!at?.time || at.time === timeOf(start));

interface Person {
  readonly id: string;
  readonly name: string;
}

const oneOf = (
  people: readonly Person[],
  name: string | undefined,
  { which, nobody, lacks }: OrderWording,
  lacking: 'whom' | 'provider',
): Person | { readonly asks: string } => {
  const exact = people.filter((person) => name !== undefined && foldName(person.name) === foldName(name));
  const [one, another] = exact.length === 1 ? exact : people;
  if (!one) return { asks: name ? fill(nobody, { name }) : lacks[lacking] };
  if (another) return { asks: fill(which, { names: people.map((person) => person.name).join(', ') }) };
  return one;
};

/** When it is to begin; a time that the day has not, on a day when clocks go forward, is asked for, and one too far ahead. */
const startOf = (
  { day, time }: Pick<Order, 'day' | 'time'>,
  said: Pick<Order, 'day' | 'time'>,
  { words: { lacks }, zone, now }: Setting,
): { readonly at: Temporal.Instant } | { readonly asks: string } => {
  if (!day || !time) return { asks: day ? lacks.time : time ? lacks.day : lacks.when };
  const local = Temporal.PlainDate.from(day).toPlainDateTime(Temporal.PlainTime.from(time));
  const at = local.toZonedDateTime(zone);
  if (!at.toPlainDateTime().equals(local)) return { asks: lacks.time };
  if (Temporal.Instant.compare(at.toInstant(), now) <= 0) return { asks: said.day ? lacks.past : lacks.day };
  if (Temporal.Instant.compare(at.toInstant(), now.add({ hours: 24 * aheadMaxDays })) > 0)
    return { asks: lacks.when };
  return { at: at.toInstant() };
};

const cardOf = (
  { confirm, facts: names }: OrderWording,
  told: { readonly [K in keyof OrderWording['facts']]?: string | undefined },
  order: Command,
): Card => {
  const facts = (['whom', 'provider', 'service', 'was', 'when'] as const).flatMap((fact) => {
    const value = told[fact];
    return value ? [{ name: names[fact], value }] : [];
  });
  const { whom = '', provider = '', when = '', was = '' } = told;
  const message = fill(confirm[order.type as Order['type']], { whom, provider, when, was });
  return { order: command.parse(order), message, facts };
};

/** "Terça-feira, 1 de dezembro de 2026, 14:00 – 14:30 GMT-3". */
const spanOf = (
  from: Temporal.Instant,
  until: Temporal.Instant,
  locale: Answer['locale'],
  zone: string,
): string => {
  const format = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    ...{ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
    ...{ hour: '2-digit', minute: '2-digit', timeZoneName: 'short' },
  });
  return format.formatRange(from.epochMilliseconds, until.epochMilliseconds);
};
