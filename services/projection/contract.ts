/**
 * projection: what do the events of bookings and agendas amount to, for whoever asks?
 *
 * Keeps tables of bookings and of the time that they take, which can be made again from the events at any time and are the same
 * then. It decides nothing: while it is away bookings are made as ever, and the tables say from when they are. What it is brought
 * twice or out of order changes nothing, because the last event of a booking says all of it, and each of an agenda what holds of a
 * stretch of time from then on.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { agenda, changed } from '@jangada/proto/booking.ts';

export const contract = sink({
  name: 'projection',
  on: [changed, agenda],
  emits: [],
  // As in audit: it waits for the database as long as it takes, because an event that is passed over is missing for good.
  policy: policy({
    timeoutMs: 5_000,
    concurrent: 256,
    waiting: 256,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  reads: ['bookings', 'agenda_times', 'projections', 'event_keys', 'tenant_keys', 'subject_keys'],
  writes: {
    bookings: ['insert', 'update', 'delete'],
    agenda_times: ['insert', 'update', 'delete'],
    projections: ['insert', 'update'],
  },
});
