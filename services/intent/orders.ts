import { findPeriods, type Period } from '@jangada/nlu/dates.ts';
import { mentions } from '@jangada/nlu/phrases.ts';
import type { Language } from '@jangada/nlu/text.ts';
import type { Order } from '@jangada/proto/plan.ts';
import type { Setting } from './filter.ts';
import { goneOn, type Reading, type Said } from './follow.ts';
import { lastingIn, targetAmong, whenOf } from './order-times.ts';

/** What wants the agenda changed: "marque a Ana com a Dra. Lima terça às 14h", "move it to Thursday". */

type Wanting = Said & { readonly order: Order };

const byMe = ['comigo', 'with me', 'with myself'];
const saidMax = 500;

/** What a text says of an order of this type; what it leaves out is not guessed. */
export const orderIn = (
  text: string,
  locale: Language,
  type: Order['type'],
  { now, zone }: Pick<Setting, 'now' | 'zone'>,
): Order => {
  const { periods } = findPeriods(text, { now, timeZone: zone, language: locale });
  const target = {
    // A limit is no day and no time: "marque até sexta".
    ScheduleAppointment: periods.filter(({ named }) => !named),
    RescheduleAppointment: targetAmong(periods, text),
    CancelAppointment: [] as readonly Period[],
  }[type];
  const others = type === 'ScheduleAppointment' ? [] : periods.filter((period) => !target.includes(period));
  const at = whenOf(others, zone);
  const minutes = lastingIn(text, target, type);
  return {
    type,
    ...(mentions(text, byMe) ? { byMe: true } : {}),
    ...whenOf(target, zone),
    ...(minutes === undefined ? {} : { minutes }),
    ...(Object.keys(at).length > 0 ? { at } : {}),
    said: text.slice(0, saidMax),
  };
};

const whose = ['subject', 'subjectId', 'identifier'] as const;

/** True of an order that leaves it to what was said before whom it is about. */
export const leans = ({ order, filter }: Pick<Reading, 'order' | 'filter'>): boolean =>
  order !== undefined && whose.every((way) => filter[way] === undefined);

/** Such an order, with whom it is about and which booking, as they were spoken of before. */
export const leaning = (own: Wanting, before: Reading, zone: string): Wanting => {
  const { order, filter, entities } = own;
  const kept = before.entities.filter(
    ({ type }) => type !== 'period' && !entities.some((one) => one.type === type),
  );
  const leant = {
    ...own,
    filter: { ...picked(before.filter, [...whose, 'provider']), ...filter },
    entities: [...entities, ...kept],
  };
  if (order.type === 'ScheduleAppointment') {
    if (before.order?.type !== order.type) return leant;
    const lacking = picked(before.order, ['byMe', 'day', 'time', 'minutes']);
    return { ...leant, order: { ...lacking, ...order, said: joined(before.order, order) } };
  }
  const last = order.at ?? lastOf(before, zone);
  return { ...leant, order: { ...order, ...(last ? { at: last } : {}) } };
};

/** When what was spoken of is, once what was wanted of it is done. */
const lastOf = ({ order, filter: { period } }: Reading, zone: string): Order['at'] => {
  const from = period && Temporal.Instant.from(period.from).toZonedDateTimeISO(zone);
  const asked = from
    ?.add({ days: 1 })
    .toInstant()
    .equals(Temporal.Instant.from(period?.to ?? ''));
  const when = {
    ...(from && asked ? { day: from.toPlainDate().toString() } : {}),
    ...(order?.at && picked(order.at, ['day', 'time'])),
    ...(order && picked(order, ['day', 'time'])),
  };
  return Object.keys(when).length > 0 ? { ...when, isSpokenOf: true } : undefined;
};

/** An order with what it lacked, or with something else in its place; undefined where nothing of it is said. */
export const completed = (own: Wanting, before: Reading & { readonly order: Order }): Wanting | undefined => {
  const { at, said: _said, type: _type, ...named } = own.order;
  const isNamed = [...whose, 'provider' as const].some((way) => own.filter[way] !== undefined);
  if (!isNamed && at === undefined && Object.keys(named).length === 0) return undefined;
  const { at: atBefore, ...order } = before.order;
  return {
    ...goneOn(before, own),
    order: {
      ...order,
      ...named,
      // What is said now counts before what was only spoken of.
      ...(at || atBefore ? { at: { ...(at && atBefore?.isSpokenOf ? {} : atBefore), ...at } } : {}),
      said: joined(before.order, own.order),
    },
  };
};

const joined = (before: Order, own: Order): string => `${before.said}\n${own.said}`.slice(-saidMax);

const picked = <T extends object, K extends keyof T>(all: T, names: readonly K[]): Partial<Pick<T, K>> =>
  Object.fromEntries(
    names.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])),
  ) as Partial<Pick<T, K>>;
