import { createHash } from 'node:crypto';
import { type changed, type Details, statusAfter } from '@jangada/proto/booking.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { Slot } from './agenda.ts';

/** One booking, as its events say it. Pure. */

export interface Booking {
  readonly id: string;
  readonly version: number;
  readonly status: (typeof statusAfter)[BookingEvent['type']];
  readonly details: Details;
  readonly slot: Slot;
  /** What happened last, and when, in milliseconds since 1970. */
  readonly type: BookingEvent['type'];
  readonly at: number;
  /** What each command came to, by its id: one that comes again is not carried out again. */
  readonly commands: Readonly<Record<string, { readonly version: number; readonly hash: string }>>;
}

export interface BookingEvent {
  readonly type: Body<typeof changed>['type'];
  readonly details: Details;
}

export const evolve = (
  booking: Booking | undefined,
  {
    id,
    version,
    at,
    command,
    type,
    details,
  }: BookingEvent & { id: string; version: number; at: string; command: string },
): Booking => ({
  id,
  version,
  status: statusAfter[type],
  details,
  slot: { from: Date.parse(details.start), until: Date.parse(details.end) },
  type,
  at: Date.parse(at),
  commands: { ...booking?.commands, [command]: { version, hash: details.hash } },
});

/** A booking is named by the command that made it, so that the command coming again makes no second one. */
export const bookingIdOf = (command: string): string =>
  // In hex: one that began with a dash would be an option of the command line.
  createHash('sha256').update(`booking ${command}`).digest('hex').slice(0, 32);
