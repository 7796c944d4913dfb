/**
 * privacy: what do we have of somebody, and what becomes of it now that they ask?
 *
 * Carries out the requests that people open about their own data, by commands that access decides on. Woken by a schedule of
 * the broker, it takes each request as far as it comes; a request that could not go on goes on at the next tick, and is
 * never over before what is there agrees with what was found, and those whom data were passed on to know. The only service that
 * reads, changes and destroys everything of a person, which is why nobody can ask it anything: it does what stands in the requests.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import { late, look, moved, notified } from '@jangada/proto/privacy.ts';

/** What it changes it also reads: all that the core's tables hold of people, see libs/packs/holdings.ts. */
const writes = {
  privacy_requests: ['update'],
  privacy_deliveries: ['insert', 'delete'],
  erasures: ['insert'],
  subject_keys: ['insert', 'update'],
  tenant_keys: ['insert'],
  consents: ['insert', 'delete'],
  consent_levels: ['insert', 'update', 'delete'],
  care_relationships: ['delete'],
  emergencies: ['delete'],
  interrupts: ['delete'],
  ai_agent_conversations: ['delete'],
  ai_agent_sessions: ['delete'],
  feedback: ['delete'],
  bookings: ['delete'],
  event_keys: ['delete'],
  sessions: ['delete'],
  second_factors: ['delete'],
  accounts: ['delete'],
} as const;

export const contract = sink({
  name: 'privacy',
  on: [look],
  emits: [moved, notified, late],
  policy: policy({ timeoutMs: 60_000, concurrent: 1, waiting: 4 }),
  reads: ['tenants', 'legal_holds', 'audit_entries', ...Object.keys(writes)],
  packTables: ['held', 'providers'],
  erases: true,
  writes,
});
