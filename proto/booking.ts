import { z } from 'zod';
import { message } from './message.ts';

/**
 * What bookings and agendas came to, as events that are never changed. A booking's say in clear that something happened and
 * nothing of whom, when and what: that is sealed with the booking's own key, which goes with its person. An agenda is a day
 * of a provider or a room, and knows by whom nothing but the booking's id.
 */

const id = z.string().min(1).max(64);
const instant = z.iso.datetime();

/** What is sealed of a booking: all of it after the event, so that the last event alone says how it stands. */
export const details = z.object({
  subjectId: id,
  providerId: id,
  roomId: id.optional(),
  start: instant,
  end: instant,
  service: z.string().max(100).optional(),
  /** The account that gave the command, and the hash of the command. */
  by: id,
  hash: z.string(),
});
export type Details = z.output<typeof details>;

/** Version 1 said how long and not until when, and knew no rooms. */
const first = details
  .omit({ end: true, roomId: true })
  .extend({ durationMinutes: z.int() })
  .transform(({ durationMinutes, ...rest }): Details => {
    const end = new Date(Date.parse(rest.start) + durationMinutes * 60_000).toISOString();
    return { ...rest, end };
  });

export const detailsVersion = 2;
const byVersion: Readonly<Record<number, z.ZodType<Details>>> = { 1: first, 2: details };

/** Details as they are today, whenever they were written. @throws ZodError; TypeError for a version of a later release */
export const detailsOf = (version: number, written: unknown): Details => {
  const shape = byVersion[version];
  if (!shape) throw new TypeError(`details of version ${version} are of a later release`);
  return shape.parse(written);
};

/** How a booking stands after an event. */
export const statusAfter = {
  AppointmentScheduled: 'scheduled',
  AppointmentRescheduled: 'scheduled',
  AppointmentConfirmed: 'confirmed',
  AppointmentCancelled: 'cancelled',
  AppointmentAttended: 'attended',
  AppointmentMissed: 'no_show',
} as const;

const of = {
  /** Counted from 1 within what the event is of. */
  version: z.int().min(1),
  at: instant,
  /** The command that it follows from. */
  command: id,
};

export const changed = message({
  name: 'event.booking',
  kind: 'event',
  passed: false,
  says: 'A booking was made, moved, confirmed, cancelled, attended or missed.',
  body: z.object({
    ...of,
    type: z.enum(Object.keys(statusAfter) as (keyof typeof statusAfter)[]),
    detailsVersion: z.int().min(1),
    /** Sealed, in base64; see `details`. */
    details: z.base64(),
  }),
});

const interval = z.object({ from: instant, until: instant });

export const agendaChange = z.discriminatedUnion('type', [
  z.object({ type: z.literal('taken'), holder: id, from: instant, until: instant }),
  z.object({ type: z.literal('freed'), holder: id }),
  z.object({ type: z.literal('opened'), within: interval, open: z.array(interval).max(10) }),
]);
export type AgendaChange = z.output<typeof agendaChange>;

export const agenda = message({
  name: 'event.agenda',
  kind: 'event',
  passed: false,
  says: 'Time of a provider or a room on one day was taken, freed or opened.',
  body: z.object({ ...of, changes: z.array(agendaChange).min(1).max(20) }),
});
