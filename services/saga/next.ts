import type { Booking } from '@jangada/bookings/booking.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { failures, followed, stepNames } from '@jangada/proto/saga.ts';

/** What is to be done next about a booking, from what its events and the steps so far say. Pure. */

export type Step = (typeof stepNames)[number];
export type Followed = Body<typeof followed>;

export interface Rules {
  /** How long a booking waits, once its person was asked, for somebody to confirm it; 0 where none has to be. */
  readonly holdMs: number;
  /** How long before a booking the person is reminded; 0 for never. */
  readonly remindMs: number;
}

export interface So {
  readonly booking: Booking;
  readonly log: readonly Followed[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The tick that is worked on: its place, and the version that its command came to, if it has one. */
  readonly tick: { readonly sequence: number; readonly of: number | undefined };
}

export type Action =
  /** `confirmBy` where the person is asked to confirm, in milliseconds since 1970. */
  | { readonly type: 'take'; readonly step: Step; readonly confirmBy?: number | undefined }
  /** Undoes the booking itself; what else is to be undone follows from that. */
  | { readonly type: 'fail'; readonly reason: (typeof failures)[number] };

type Taken = Extract<Followed, { type: 'StepTaken' }>;

/**
 * What was given up is tried again where somebody sends the same tick on its way again. Nothing else is due of what is cancelled,
 * and reminders alone are due by no command.
 */
const counts = (taken: Taken, { booking, tick }: So): boolean => {
  const isOf = tick.of === undefined ? taken.step === 'remind' : tick.of === taken.of;
  const isAgain = tick.sequence !== taken.tick && (booking.status === 'cancelled' || isOf);
  return taken.outcome !== 'given-up' || !isAgain;
};

export const takenOf = (log: readonly Followed[]): readonly Taken[] =>
  log.filter((one) => one.type === 'StepTaken');

/** Until when a booking waits, as its person was asked; undefined where nobody has been. */
const confirmBy = ({ booking, log }: So): number | undefined => {
  if (booking.status !== 'scheduled') return undefined;
  const asked = takenOf(log).findLast(({ step, of }) => step === 'notify' && of === booking.version);
  return asked?.confirmBy === undefined ? undefined : Date.parse(asked.confirmBy);
};

/** When to remind of it; undefined where that was before it was booked or moved so. */
const remindAt = ({ booking }: So, { remindMs }: Rules): number | undefined => {
  const at = booking.slot.from - remindMs;
  return remindMs > 0 && booking.at < at ? at : undefined;
};

const isDue = (at: number | undefined, now: number): boolean => at !== undefined && at <= now;

export const next = (so: So, rules: Rules): Action | undefined => {
  const { booking, log, now } = so;
  const taken = takenOf(log);
  const billing = taken.find(({ step }) => step === 'bill');
  const isTaken = (step: Step): boolean =>
    taken.some((one) => one.step === step && one.of === booking.version && counts(one, so));
  const take = (step: Step, asked?: number): Action => ({ type: 'take', step, confirmBy: asked });
  if (booking.status === 'cancelled') {
    // A charge that nobody answered for may have been opened all the same, or be on its way.
    if (billing?.outcome !== 'skipped' && !isTaken('void')) return take('void');
    // Who was never told of it is not told that it is off.
    const wasTold = taken.some(({ step, outcome }) => step === 'notify' && outcome === 'done');
    return wasTold && !isTaken('notify') ? take('notify') : undefined;
  }
  // Nobody is told late of what has begun, and it is not undone.
  if (booking.status === 'attended' || booking.status === 'no_show' || booking.slot.from <= now)
    return undefined;
  if (!billing) return take('bill');
  if (billing.outcome === 'given-up') return { type: 'fail', reason: 'billing' };
  if (isDue(confirmBy(so), now)) return { type: 'fail', reason: 'unconfirmed' };
  const isHeld = rules.holdMs > 0 && booking.status === 'scheduled';
  if (!isTaken('notify')) return take('notify', isHeld ? now + rules.holdMs : undefined);
  return isDue(remindAt(so, rules), now) && !isTaken('remind') ? take('remind', confirmBy(so)) : undefined;
};

/** When something is due that is not yet. */
export const nextAt = (so: So, rules: Rules): number | undefined => {
  if (so.booking.status === 'cancelled') return undefined;
  const times = [confirmBy(so), remindAt(so, rules)];
  const later = times.filter((at) => at !== undefined && at > so.now) as number[];
  return later.length > 0 ? Math.min(...later) : undefined;
};
