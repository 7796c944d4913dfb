import { joinsOf } from '@jangada/packs/listing.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import { aheadMaxDays } from '@jangada/proto/command.ts';
import type { Order, Plan } from '@jangada/proto/plan.ts';
import type { Setting } from './filter.ts';

/** Bookings that an order may be about: what is over is changed no more. */
const openBookings = 20;
/** People of one name who are told apart. */
const namesakes = 5;

/** Reads what an order may be about: people to book for, or bookings that are still to come. */
export const orderPlan = (
  { orders, sources }: Pack,
  order: Order,
  { subject, subjectId, identifier, provider, mine }: Plan['filter'],
  { now, zone }: Pick<Setting, 'now' | 'zone'>,
): Plan => {
  if (!orders) throw new Error('a pack without orders has no intent that is one');
  const whom = {
    ...(subject ? { subject } : {}),
    ...(subjectId ? { subjectId } : {}),
    ...(identifier ? { identifier } : {}),
  };
  const ask = 'list';
  if (order.type === 'ScheduleAppointment')
    return {
      ...{ source: orders.people, ask, joins: [], filter: whom },
      order: { ...order, ...(provider ? { provider } : {}) },
      ...{ fields: ['id', 'name'], limit: namesakes },
    };
  const source = sources[orders.bookings] as Source;
  const isNamed = provider !== undefined || Object.keys(whom).length > 0;
  const filter = {
    ...{ ...whom, period: periodOf(order, { now, zone }) },
    ...(provider ? { provider } : {}),
    // "I want to cancel Ana's" is about Ana's, whoever provides it.
    ...(mine && !isNamed ? { mine } : {}),
  };
  return {
    ...{ source: orders.bookings, ask, joins: joinsOf(source, ask, filter), filter, order },
    ...{ fields: [...source.list], limit: openBookings },
  };
};

/** What is still to come: of the day that the question says itself, or else of a year. */
const periodOf = ({ at }: Order, { now, zone }: Pick<Setting, 'now' | 'zone'>): Plan['filter']['period'] => {
  const day = at?.day && !at.isSpokenOf ? Temporal.PlainDate.from(at.day) : undefined;
  const [begins, ends] = [day, day?.add({ days: 1 })].map((one) => one?.toZonedDateTime(zone).toInstant());
  const isToCome = begins && ends && Temporal.Instant.compare(now, ends) < 0;
  const from = isToCome && Temporal.Instant.compare(now, begins) < 0 ? begins : now;
  const to = isToCome ? ends : now.add({ hours: 24 * aheadMaxDays });
  return {
    from: from.toString({ fractionalSecondDigits: 3 }),
    to: to.toString({ fractionalSecondDigits: 3 }),
  };
};
