import type { Period } from '@jangada/nlu/dates.ts';
import { fold } from '@jangada/nlu/text.ts';
import { durationMinutes } from '@jangada/proto/command.ts';
import type { Order } from '@jangada/proto/plan.ts';

/** Which of the times that a text names a booking is to have, and how long it is to last. */

type When = Pick<Order, 'day' | 'time'>;

/** The first day and the first time of day that any of them names, each by itself: of "until 5pm", five. */
export const whenOf = (periods: readonly Period[], zone: string): When => {
  const local = periods.map((period) => ({
    ...period,
    start: (period.named ?? period.from).toZonedDateTimeISO(zone),
  }));
  const dated = local.find(
    ({ start, to, clock, isOfAnyDay }) =>
      !isOfAnyDay && (clock !== undefined || start.add({ days: 1 }).toInstant().equals(to)),
  );
  // The morning is no time that anybody could be booked for.
  const timed = local.find(({ clock }) => clock === 'time' || clock === 'range');
  return {
    ...(dated ? { day: dated.start.toPlainDate().toString() } : {}),
    ...(timed ? { time: timed.start.toPlainTime().toString({ smallestUnit: 'minute' }) } : {}),
  };
};

const whither = {
  before: /(?:\b(?:para|pra|pro|to|until)|→) $/,
  within: /^(?:para|pra|pro|ate|until|till) /,
};
const whence = { before: /\b(?:from|of) $/, within: /^(?:d[aeo]s?|from|of) |['’]s$/ };

/** Those that a booking is to have from now on: what "para" or "to" stands before, or else the last. */
export const targetAmong = (periods: readonly Period[], text: string): readonly Period[] => {
  const folded = fold(text);
  const isLed = ({ start, end }: Period, { before, within }: typeof whither): boolean =>
    before.test(folded.slice(0, start)) || within.test(folded.slice(start, end));
  const led = periods.findLast((period) => isLed(period, whither));
  const target = led ?? periods.findLast((period) => !isLed(period, whence));
  // An hour without a day is of the day that it is moved to.
  return periods.filter(
    (period) => period === target || (target && period.isOfAnyDay && !isLed(period, whence)),
  );
};

const aMinute = String.raw`(\d{1,3}) ?(?:min|mins|minutos?|minutes?)\b`;
/** Neither "in 30 minutes" nor what is left of "14 horas e 45 minutos". */
const anyMinutes = new RegExp(
  String.raw`(?<!\b(?:em|in|daqui a|within) |(?:\dh|\bhoras?|\bhours?) (?:e|and) )\b${aMinute}`,
);
const ledMinutes = new RegExp(String.raw`\b(?:por|durante|for) ${aMinute}`);
const inHours =
  /\b(?:por|durante|for) (uma|an?|one|duas|two|\d)(?: ?h\b| (?:horas?|hours?)\b)( e meia| and a half)?/;
const halfAnHour = /\b(?:por|durante|for) (?:meia hora|half an hour)\b/;

/**
 * How many minutes a text wants: "por 45 minutos", "for an hour and a half", "from 2 to 3pm". Of a move, minutes alone
 * may be by how much: "adie 30 minutos".
 */
export const lastingIn = (
  text: string,
  periods: readonly Period[],
  type: Order['type'],
): number | undefined => {
  const folded = fold(text);
  const minutes = (type === 'RescheduleAppointment' ? ledMinutes : anyMinutes).exec(folded)?.[1];
  const [, count, half] = inHours.exec(folded) ?? [];
  const range = periods.find(({ clock }) => clock === 'range');
  const wanted = [
    minutes === undefined ? undefined : Number(minutes),
    count === undefined
      ? undefined
      : 60 * (/^(?:duas|two)$/.test(count) ? 2 : Number(count) || 1) + (half ? 30 : 0),
    halfAnHour.test(folded) ? 30 : undefined,
    range?.to.since(range.from, { largestUnit: 'minutes' }).minutes,
  ].find((one) => one !== undefined);
  return durationMinutes.safeParse(wanted).data;
};

/** "From Tuesday to Thursday", of a move, is no stretch of time: its sides are read apart, whence and whither. */
export const withSidesApart = (text: string): string =>
  text.replace(/^((?:(?!\bto\b).)*\bfrom\b.+?) to /i, '$1 → ');
