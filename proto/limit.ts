import { z } from 'zod';

/** What limits say of one use, over every transport alike. Figures only: nothing tells whose they are. */
export const limitFacts = z.object({
  /** Seconds after which the same may be allowed; only where it was refused. */
  retryAfter: z.int().min(1).optional(),
  limits: z
    .array(
      z.object({
        policy: z.string().max(40),
        max: z.int(),
        windowSeconds: z.int(),
        remaining: z.int(),
        /** Until the window ends and all is there again. */
        resetSeconds: z.int(),
      }),
    )
    .max(8),
});
export type LimitFacts = z.output<typeof limitFacts>;
