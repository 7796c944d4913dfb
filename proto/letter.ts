import { z } from 'zod';
import { type Message, message } from './message.ts';

/**
 * Dead letters: messages that could not be processed, kept with the reason. Who administers a tenant sees what lies there
 * of it and sends one on its way again; the bodies stay with whoever keeps them, and are sealed there too.
 */

/** What may be told of one, its body never. */
export const letter = z.object({
  /** Its place among the dead ones, of all tenants. */
  sequence: z.int(),
  /** When it was given up. */
  at: z.string(),
  /** Which service gave it up, and why: a code, and what was wrong without any value. */
  hop: z.string(),
  reason: z.string(),
  tenant: z.string(),
  run: z.string(),
  /** Where it was published at first. */
  subject: z.string(),
  /** Of its body. */
  bytes: z.int(),
});
export type Letter = z.output<typeof letter>;

/** Asks for a page, the oldest first. */
export const listAsked = z.strictObject({ after: z.int().min(0) });
export type ListAsked = z.output<typeof listAsked>;
export const listTold = z.object({
  letters: z.array(letter.extend({ mayGoOn: z.boolean() })),
  /** What to ask for the next page with, where there is one. */
  next: z.int().optional(),
});
export type ListTold = z.output<typeof listTold>;

/** Asks for one to be sent on its way again. */
export const replayAsked = z.strictObject({ sequence: z.int().min(1), actor: z.string().max(64) });
export type ReplayAsked = z.output<typeof replayAsked>;
export const replayTold = z.union([
  z.object({ letter }),
  z.object({ refused: z.enum(['NOT_FOUND', 'UNSUPPORTED_MESSAGE', 'UPSTREAM_UNAVAILABLE']) }),
]);
export type ReplayTold = z.output<typeof replayTold>;

export const lettersPageSize = 50;

/**
 * True for what carries a pass and ends nothing: whoever hears that believes the pass and not who sent it. What else dies,
 * a fact that only audit keeps for one, is for the operator to send.
 */
export const goesOn = ({ passed, ends }: Message): boolean => passed && !ends;

export const replayed = message({
  name: 'letter.replayed',
  kind: 'fact',
  passed: false,
  by: 'operator',
  says: 'A message that could not be processed goes on its way again, because somebody who may do so asked for it.',
  body: z.object({
    actor: z.string().max(64),
    /** Of the letter that it was. */
    sequence: z.int(),
    hop: z.string().max(64),
    message: z.string().max(64),
    run: z.string().max(64),
  }),
});
