import type { Booking } from '@jangada/bookings/booking.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { failures, followed, stepNames } from '@jangada/proto/saga.ts';

/** What is to be done next about a booking, from what its events and the steps so far say. Pure. */

export type Step = (typeof stepNames)[number];
export type Followed = Body<typeof followed>;

export interface Rules {
  /** How long a booking waits for somebody to confirm it; 0 where none has to be. */
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
  | { readonly type: 'take'; readonly step: Step }
  /** Undoes the booking itself; what else is to be undone follows from that. */
  | { readonly type: 'fail'; readonly reason: (typeof failures)[number] };

type Taken = Extract<Followed, { type: 'StepTaken' }>;

/** What was given up is tried again where somebody sends the same tick on its way again. */
const counts = (taken: Taken, { tick }: So): boolean =>
  taken.outcome !== 'given-up' || tick.of !== taken.of || tick.sequence === taken.tick;

export const takenOf = (log: readonly Followed[]): readonly Taken[] =>
  log.filter((one) => one.type === 'StepTaken');

const confirmBy = ({ booking }: So, { holdMs }: Rules): number | undefined =>
  holdMs > 0 && booking.status === 'scheduled' ? booking.at + holdMs : undefined;

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
  const take = (step: Step): Action => ({ type: 'take', step });
  if (booking.status === 'cancelled') {
    if (billing?.outcome === 'done' && !taken.some(({ step }) => step === 'void')) return take('void');
    // Who was never told of it is not told that it is off.
    const wasTold = taken.some(({ step, outcome }) => step === 'notify' && outcome === 'done');
    return wasTold && !isTaken('notify') ? take('notify') : undefined;
  }
  // Nobody is told late of what has begun, and it is not undone.
  if (booking.slot.from <= now) return undefined;
  if (!billing) return take('bill');
  if (billing.outcome === 'given-up') return { type: 'fail', reason: 'billing' };
  if (isDue(confirmBy(so, rules), now)) return { type: 'fail', reason: 'unconfirmed' };
  if (!isTaken('notify')) return take('notify');
  return isDue(remindAt(so, rules), now) && !isTaken('remind') ? take('remind') : undefined;
};

/** When something is due that is not yet. */
export const nextAt = (so: So, rules: Rules): number | undefined => {
  if (so.booking.status === 'cancelled') return undefined;
  const times = [confirmBy(so, rules), remindAt(so, rules)];
  const later = times.filter((at) => at !== undefined && at > so.now) as number[];
  return later.length > 0 ? Math.min(...later) : undefined;
};
