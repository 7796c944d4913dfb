/**
 * permission: may this person read this, and how much of it?
 *
 * Sits between intent and data-access and is the only service that signs grants. A refusal is a normal answer
 * (`run.refused`), never an exception. A fact that is missing denies. Where the pack allows emergencies, somebody who is
 * refused for want of a relationship may be asked whether it is one (`run.interrupted`), and the question waits.
 */
import { hop } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as run from '@jangada/proto/run.ts';

export const contract = hop({
  name: 'permission',
  on: run.understood,
  emits: [run.permitted, run.refused, run.interrupted],
  // One indexed lookup. The database is the only dependency and comes back by itself, so the breaker rests
  // shortly: a run has 30 s in all and must outlive a restart.
  policy: policy({
    timeoutMs: 1_000,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  reads: ['care_relationships', 'consents', 'consent_levels', 'interrupts'],
  packTables: ['subjects'],
  // What waits for an answer; that it was answered, access writes.
  writes: { interrupts: ['insert'] },
  limits: true,
});
