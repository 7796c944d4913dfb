/**
 * access: may this person change who may do what, and what holds from then on?
 *
 * Carries out commands on consent, care relationships, emergencies, legal holds, what retention may remove and privacy requests,
 * each once: the effect, and what came of the
 * command, are in one transaction of PostgreSQL. It changes rights and reads nobody's records. It seals why somebody
 * reached for a person, and has no right to read what it sealed. A question that was interrupted goes on from here when
 * its answer is a yes: as it was understood then, and no other.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as access from '@jangada/proto/access.ts';
import { understood } from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'access',
  on: access.requested,
  emits: [access.changed, access.refused, understood],
  // As in permission: rest shortly, because the database comes back by itself.
  policy: policy({
    timeoutMs: 2_000,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  reads: [
    'care_relationships',
    'consents',
    'consent_levels',
    'access_commands',
    'interrupts',
    'privacy_requests',
    'legal_holds',
    'retention_plans',
    'retention_approvals',
    'tenant_keys',
    'subject_keys',
  ],
  packTables: ['subjects', 'providers'],
  writes: {
    care_relationships: ['insert', 'update'],
    consents: ['insert'],
    consent_levels: ['insert', 'update'],
    access_commands: ['insert'],
    emergencies: ['insert'],
    interrupts: ['update'],
    privacy_requests: ['insert', 'update'],
    legal_holds: ['insert', 'update'],
    retention_approvals: ['insert'],
    // Keys are made at their first use.
    tenant_keys: ['insert'],
    subject_keys: ['insert'],
  },
});
