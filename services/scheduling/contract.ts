/**
 * scheduling: may this person change the agenda so, and is there room for it?
 *
 * Carries out commands as events, each once: what a command came to stands in the events of the booking it is about, and the
 * broker stores those only after the ones that the decision stood on. A booking and the agendas that it takes time in change
 * together or not at all, so nobody is in two places. It keeps no table of bookings: services/projection makes that from the
 * events, and may be away meanwhile.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { agenda, changed } from '@jangada/proto/booking.ts';
import { done, refused, requested } from '@jangada/proto/command.ts';

export const contract = hop({
  name: 'scheduling',
  on: requested,
  emits: [done, refused],
  appends: [changed, agenda],
  // The broker takes 50 batches at once of a stream, and two processes of this share them.
  policy: policy({
    timeoutMs: 4_000,
    concurrent: 16,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  reads: ['tenants', 'care_relationships', 'consent_levels', 'event_keys', 'tenant_keys', 'subject_keys'],
  packTables: ['subjects', 'providers'],
  writes: {
    event_keys: ['insert'],
    // Keys are made at their first use.
    tenant_keys: ['insert'],
    subject_keys: ['insert'],
  },
});
