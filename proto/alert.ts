import { z } from 'zod';
import { message } from './message.ts';

/** What about the way in which somebody reads is not as it should be. */

/** Each is explained in docs/detection.md. */
export const rules = [
  'relation_denials',
  'refusals_in_a_row',
  'people_per_hour',
  'volume',
  'off_hours',
  'sequential_ids',
  'attacks',
  'emergency',
  'emergencies',
  'tenant_mismatch',
] as const;
export type Rule = (typeof rules)[number];

/** `note` is to be looked at some day, `warning` today, `critical` now. */
export const severities = ['note', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

export const raised = message({
  name: 'alert.raised',
  kind: 'fact',
  passed: false,
  says: 'What somebody did is not as it should be, and whoever answers for it is to look.',
  body: z.object({
    /** The account. */
    actor: z.string().max(64),
    rule: z.enum(rules),
    severity: z.enum(severities),
    /** Of the fact that raised it. */
    at: z.iso.datetime(),
    session: z.string().max(128).optional(),
    /** What was counted, and from which count on it is raised. */
    value: z.number(),
    limit: z.number(),
    /** Sessions of the account that were ended for it, where the pack says so. */
    ended: z.int().min(0),
  }),
});
