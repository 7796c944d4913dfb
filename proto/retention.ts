import { z } from 'zod';
import { message } from './message.ts';

/** When the rules of a tenant are applied: at this hour of every night, in the tenant's own time zone. */
export const nightlyHour = 3;

export const due = message({
  name: 'tick.retention',
  kind: 'tick',
  passed: false,
  says: 'A schedule announces that the data of a tenant is due for its retention rules.',
  body: z.object({
    /** Seconds after its planned time at which a late tick is no longer acted on. */
    staleAfterSeconds: z.int(),
    /** Who asked for it; the schedule where nobody is named. */
    askedBy: z.string().min(1).max(64).optional(),
  }),
});

export const idle = message({
  name: 'tick.sessions',
  kind: 'tick',
  passed: false,
  says: 'A schedule announces that sessions of a tenant with its agents may have been idle for too long.',
  body: z.object({
    /** Seconds after its planned time at which a late tick is no longer acted on. */
    staleAfterSeconds: z.int(),
  }),
});

/** Why a second person has to agree to a plan: its rule was not applied before, it is much of its class, or far more than usual. */
const needs = z.enum(['new-policy', 'share', 'jump']);

/** Root of the Merkle tree over what a plan lists (RFC 6962), in hex. */
const root = z.string().regex(/^[0-9a-f]{64}$/);

export const planned = message({
  name: 'retention.planned',
  kind: 'fact',
  passed: false,
  says: 'What is due of a tenant is listed and counted, and nothing of it is touched yet.',
  body: z.object({
    askedBy: z.string(),
    plans: z.array(
      z.object({
        class: z.string(),
        /** Version of the rule. */
        policy: z.string(),
        before: z.iso.date(),
        planned: z.int(),
        /** Rows of the class then, at least: no more are counted than tell whether what is planned is a small part of them. */
        of: z.int(),
        root,
        needs: needs.optional(),
      }),
    ),
  }),
});

export const swept = message({
  name: 'retention.swept',
  kind: 'fact',
  passed: false,
  says: 'The retention rules of a tenant were applied once and the report is written.',
  body: z.object({
    rules: z.array(
      z.object({
        class: z.string(),
        before: z.iso.date(),
        deleted: z.int(),
        /** Rows that stayed without what the rule takes out of them. */
        changed: z.int().optional(),
        /** What was planned is what was deleted, changed, held, kept because it was due no more, and found gone or changed. */
        planned: z.int().optional(),
        held: z.int().optional(),
        statutory: z.int().optional(),
        failed: z.int().optional(),
        policy: z.string().optional(),
        root: root.optional(),
        /** `partial` unless everything planned was deleted or changed; `waiting` for a second person, and nothing was touched. */
        state: z.enum(['complete', 'partial', 'waiting']).optional(),
        needs: needs.optional(),
        approvedBy: z.string().optional(),
      }),
    ),
  }),
});
