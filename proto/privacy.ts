import { z } from 'zod';
import { message } from './message.ts';

/** What people may ask about their own data (LGPD, art. 18), and how far a request of theirs has come. */

/** In the order of the law: II, V, III, IV, VI, VII and VIII, IX. */
export const requestTypes = [
  'access',
  'portability',
  'correction',
  'anonymisation',
  'deletion',
  'consent',
  'revocation',
] as const;
export type RequestType = (typeof requestTypes)[number];

/** A request goes through all of them, in this order, and never back. */
export const requestStates = [
  'received',
  'identity_verified',
  'inventory',
  'legal_review',
  'executing',
  'verified',
  'delivered',
  'closed',
] as const;
export type RequestState = (typeof requestStates)[number];

/** What the law gives for a full answer (LGPD, art. 19, II), in days. */
export const deadlineDays = 15;

/** What people have in one place, and what became of it: rows, never what is in them. */
export const receipt = z.object({
  class: z.string(),
  table: z.string(),
  found: z.int(),
  told: z.int(),
  deleted: z.int(),
  /** Rows of which only what says who it was is gone. */
  anonymised: z.int(),
  changed: z.int(),
  kept: z.int(),
  /** Why, and until when, something is kept. */
  basis: z.string().optional(),
  until: z.iso.date().optional(),
});
export type Receipt = z.output<typeof receipt>;

const counted = z.object({ done: z.int().min(0), kept: z.int().min(0) });

/** What somebody whom data were passed on to has done with them: how many of each class, and by what law some are kept. */
export const confirmation = z.object({
  request: z.string().max(64),
  classes: z.record(
    z.string().max(40),
    counted.extend({ basis: z.string().trim().min(3).max(200).optional() }),
  ),
});
export type Confirmation = z.output<typeof confirmation>;

export const look = message({
  name: 'tick.privacy',
  kind: 'tick',
  passed: false,
  says: 'A schedule announces that privacy requests of a tenant may go on, or come near their deadline.',
  body: z.object({
    /** Seconds after its planned time at which a late tick is no longer acted on. */
    staleAfterSeconds: z.int(),
  }),
});

export const moved = message({
  name: 'privacy.moved',
  kind: 'fact',
  passed: false,
  says: 'A privacy request came to its next state; whom it is about stands in the request alone.',
  body: z.object({
    request: z.string().max(64),
    type: z.enum(requestTypes),
    state: z.enum(requestStates),
    receipts: z.array(receipt).optional(),
    /** Who was given what was destroyed or corrected, and has to be told of it before it is over. */
    recipients: z.array(z.string()).optional(),
    /** Set where it ended because whoever reviewed it said no. */
    rejected: z.literal(true).optional(),
  }),
});

export const notified = message({
  name: 'privacy.notified',
  kind: 'fact',
  passed: false,
  says: 'Somebody whom data were passed on to was told that they were erased or corrected, and answered or refused.',
  body: z.object({
    request: z.string().max(64),
    recipient: z.string().max(40),
    /** A receipt that agrees with what was passed on, one that does not, or a no. */
    outcome: z.enum(['confirmed', 'differs', 'refused']),
    /** What a receipt says that agrees: of each class how many are gone or right, and how many are kept. */
    classes: z.record(z.string().max(40), counted).optional(),
  }),
});

export const late = message({
  name: 'privacy.late',
  kind: 'fact',
  passed: false,
  says: 'A privacy request is still open and a part of the time that the law gives for it is over.',
  body: z.object({
    request: z.string().max(64),
    type: z.enum(requestTypes),
    state: z.enum(requestStates),
    /** How much of the time is over. */
    percent: z.int(),
  }),
});
