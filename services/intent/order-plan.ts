import { joinsOf } from '@jangada/packs/listing.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import type { Order, Plan } from '@jangada/proto/plan.ts';

/** Bookings that an order may be about: what is over is changed no more. */
const openBookings = 20;
/** People of one name who are told apart. */
const namesakes = 5;

/** Reads what an order may be about: people to book for, or bookings that are still to come. */
export const orderPlan = (
  { orders, sources }: Pack,
  order: Order,
  { subject, subjectId, identifier, provider, mine }: Plan['filter'],
  now: Temporal.Instant,
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
  const [from, to] = [now, now.add({ hours: 24 * 366 })].map((at) =>
    at.toString({ fractionalSecondDigits: 3 }),
  );
  const period = { from: from as string, to: to as string };
  const filter = { ...whom, ...(provider ? { provider } : {}), ...(mine ? { mine } : {}), period };
  return {
    ...{ source: orders.bookings, ask, joins: joinsOf(source, ask, filter), filter, order },
    ...{ fields: [...source.list], limit: openBookings },
  };
};
