/**
 * projection: what do the events of bookings amount to, for whoever asks?
 *
 * Keeps a table of bookings that can be made again from the events at any time and is the same then. It decides nothing: while it
 * is away bookings are made as ever, and the table says from when it is. What it is brought twice or out of order changes
 * nothing, because the last event of a booking says all of it.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { changed } from '@jangada/proto/booking.ts';

export const contract = sink({
  name: 'projection',
  on: [changed],
  emits: [],
  // As in audit: it waits for the database as long as it takes, because an event that is passed over is missing for good.
  policy: policy({
    timeoutMs: 5_000,
    concurrent: 256,
    waiting: 256,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  reads: ['bookings', 'projections', 'event_keys', 'tenant_keys', 'subject_keys'],
  writes: {
    bookings: ['insert', 'update', 'delete'],
    projections: ['insert', 'update'],
  },
});
