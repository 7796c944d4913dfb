import { z } from 'zod';
import { message } from './message.ts';
import { locale } from './run.ts';

/** What people say of their answers: how good one was, and why. */

/** Longest comment, in characters. */
export const commentMaxLength = 1_000;

/** From 1, of no use, to 5, just right. */
export const rating = z.int().min(1).max(5);

export const given = message({
  name: 'feedback.given',
  kind: 'intake',
  says: 'A signed-in person said how the answer of a run of theirs was, and the edge admitted it.',
  body: z.object({
    /** The run. Its id holds whose it is. */
    run: z.string().min(1).max(64),
    rating,
    comment: z.string().min(1).max(commentMaxLength).optional(),
  }),
  sealed: {
    head: z.object({ run: z.string(), rating: z.int() }),
    headOf: (body) => ({ run: body.run, rating: body.rating }),
  },
});

/** Named by the message that gave it, because a run may be judged again. */
export const recorded = message({
  name: 'feedback.recorded',
  kind: 'fact',
  says: 'What a person said of an answer is stored, in the place of what they said of it before.',
  ends: true,
  body: z.object({ run: z.string(), rating, hasComment: z.boolean(), locale }),
});
