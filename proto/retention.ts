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

export const swept = message({
  name: 'retention.swept',
  kind: 'fact',
  passed: false,
  says: 'The retention rules of a tenant were applied once and the report is written.',
  body: z.object({
    rules: z.array(z.object({ class: z.string(), before: z.iso.date(), deleted: z.int() })),
  }),
});
