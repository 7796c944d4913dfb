import { z } from 'zod';
import { message } from './message.ts';

/** What the operator does to a tenant's keys. Ids of keys are random and say nothing of them. */

export const rotated = message({
  name: 'keys.rotated',
  kind: 'fact',
  passed: false,
  by: 'operator',
  says: 'What a kind of key protects was moved to its newest version, and what is left under older ones was counted.',
  body: z.object({
    kind: z.enum(['root', 'tenant', 'subject', 'index']),
    version: z.string().max(300),
    moved: z.int(),
    left: z.int(),
    /** Versions that were put out of use, because nothing was left under them. */
    retired: z.int(),
  }),
});

export const destroyed = message({
  name: 'keys.destroyed',
  kind: 'fact',
  passed: false,
  by: 'operator',
  says: 'The keys of one person and class were destroyed; what was sealed with them can be read by nobody.',
  body: z.object({ class: z.enum(['clinical', 'discretionary']), keys: z.array(z.string().max(40)) }),
});
