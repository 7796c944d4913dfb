import { z } from 'zod';
import { message } from './message.ts';

/**
 * What follows from a booking: it is charged, the person is told of it and reminded, and where one of those fails for good or
 * nobody confirms, it is undone. Nothing here says of whom, when and what; that is in the booking's own events, sealed.
 */

const id = z.string().min(1).max(64);

export const due = message({
  name: 'tick.saga',
  kind: 'tick',
  passed: false,
  each: true,
  says: 'Something that follows from a booking is due.',
  body: z.object({
    booking: id,
    /** What changed it; absent of what is due later. */
    command: id.optional(),
    /** Times that what follows was tried before. */
    round: z.int().min(0),
  }),
});

export const stepNames = ['bill', 'void', 'notify', 'remind'] as const;
export const stepOutcomes = ['done', 'skipped', 'given-up'] as const;
export const failures = ['billing', 'unconfirmed'] as const;

const of = {
  /** Counted from 1 within what follows from one booking. */
  version: z.int().min(1),
  at: z.iso.datetime(),
  /** The version of the booking that it follows from. */
  of: z.int().min(1),
  /** Place of the tick at which it was done; of the change where there was none. */
  tick: z.int(),
};

export const followed = message({
  name: 'event.saga',
  kind: 'event',
  passed: false,
  says: 'A step that follows from a booking was taken, left out or given up; or the booking was undone.',
  body: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('StepTaken'),
      ...of,
      step: z.enum(stepNames),
      /** Skipped where nobody is to be told; given up where nobody took it however often it was tried. */
      outcome: z.enum(stepOutcomes),
      /** Until when the person was asked to confirm; absent where they were not. */
      confirmBy: z.iso.datetime().optional(),
    }),
    z.object({ type: z.literal('AppointmentSchedulingFailed'), ...of, reason: z.enum(failures) }),
  ]),
});

export const ended = message({
  name: 'saga.ended',
  kind: 'fact',
  passed: false,
  says: 'What follows from a change of a booking was done as far as it could be, until something else is due.',
  body: z.object({
    appointmentId: id,
    version: z.int().min(1),
    /** Those of this version, each once, by how it ended last. */
    steps: z.array(z.object({ step: z.enum(stepNames), outcome: z.enum(stepOutcomes) })).max(20),
    /** Why the booking was undone, where it was. */
    failed: z.enum(failures).optional(),
  }),
});
