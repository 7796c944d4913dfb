import * as feedback from '@jangada/proto/feedback.ts';
import { z } from 'zod';
import type { Run } from './admission.ts';
import { codeOf, wholeAnswer } from './answer.ts';
import { Refusal } from './refusal.ts';

/** What somebody says of an answer of theirs. */

/** What is said, over whatever transport. A comment of nothing is none. */
export const judgement = z.strictObject({
  rating: feedback.rating,
  comment: z
    .string()
    .max(feedback.commentMaxLength)
    .transform((text) => text.trim() || undefined)
    .optional(),
});

/** Of which run, by any name that its owner has for it. */
export interface Judgement extends z.output<typeof judgement> {
  readonly run: string;
}

/** Resolves once it is stored. @throws Refusal with the code that it ended with otherwise */
export const stored = async (run: Run): Promise<void> => {
  const { end } = (await wholeAnswer(run)) ?? {};
  if (end?.type === 'answered') return;
  throw new Refusal((end && codeOf(end)) ?? 'CANCELLED', { locale: run.locale, run: run.id });
};
