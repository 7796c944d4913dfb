import type { Calendar } from '@jangada/agenda/hours.ts';
import {
  type Agenda,
  agendasOf,
  covers,
  isOpen,
  isTaken,
  keyOf,
  noAgenda,
  type Of,
  placesOf,
  type Slot,
} from '@jangada/bookings/agenda.ts';
import { type Booking, type BookingEvent, bookingIdOf } from '@jangada/bookings/booking.ts';
import { openIn } from '@jangada/bookings/opening.ts';
import { type AgendaChange, type Details, statusAfter } from '@jangada/proto/booking.ts';
import { aheadMaxDays, alternativesMax, type Command } from '@jangada/proto/command.ts';
import type { Code } from '@jangada/proto/errors.ts';

/**
 * What follows from a command for a booking and the agendas that it touches. Pure: time comes with the command, and whether
 * the person may give it was decided before.
 */

export interface State {
  readonly booking: Booking | undefined;
  /** By `keyOf`; one that nothing happened in yet is absent. */
  readonly agendas: ReadonlyMap<string, Agenda>;
}

export interface Given {
  readonly command: Command;
  /** The command's own id, and the hash of what it says. */
  readonly id: string;
  readonly hash: string;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The day that it is about, in the tenant's zone. */
  readonly day: Slot;
  /** When the tenant is open; undefined of one that never said so. */
  readonly calendar: Calendar | undefined;
}

export type Decision =
  | {
      readonly event: BookingEvent | undefined;
      readonly changes: readonly { readonly of: Of; readonly change: AgendaChange }[];
    }
  | { readonly refused: Code; readonly alternatives: readonly string[] }
  /** It was carried out before, and is not again. */
  | { readonly version: number | undefined };

const refuse = (refused: Code, alternatives: readonly string[] = []): Decision => ({ refused, alternatives });
const iso = (ms: number): string => new Date(ms).toISOString();
const minuteMs = 60_000;
/** Times are offered on the quarter of an hour. */
const stepMs = 15 * minuteMs;
const aheadMaxMs = aheadMaxDays * 24 * 60 * minuteMs;
/** Versions of a booking after which it moves no more: all of them are read for each command. */
const versionsMax = 200;

export const decide = (state: State, given: Given): Decision => {
  const { command, id, hash, now } = given;
  if (command.type === 'RegisterAvailability') return register(state, given, command);
  const { booking } = state;
  const before = booking?.commands[id];
  if (before) return before.hash === hash ? { version: before.version } : refuse('RUN_CONFLICT');
  if (command.type === 'ScheduleAppointment') {
    const { start, durationMinutes, type: _type, ...said } = command;
    return book(state, given, slotFrom(start, durationMinutes), said, undefined);
  }
  if (!booking) return refuse('NOT_FOUND');
  if (command.expectedVersion !== undefined && command.expectedVersion !== booking.version)
    return refuse('VERSION_CONFLICT');
  if (command.type === 'RecordAttendance') return record(booking, given, command.attended);
  const isOver = booking.status === 'cancelled' || booking.slot.from <= now;
  if (isOver) return refuse('STATE_CONFLICT');
  switch (command.type) {
    case 'RescheduleAppointment': {
      if (booking.version >= versionsMax) return refuse('STATE_CONFLICT');
      const minutes = command.durationMinutes ?? (booking.slot.until - booking.slot.from) / minuteMs;
      const roomId = command.roomId ?? booking.details.roomId;
      const said = { ...booking.details, ...(roomId === undefined ? {} : { roomId }) };
      return book(state, given, slotFrom(command.start, minutes), said, booking);
    }
    case 'CancelAppointment':
      return {
        event: { type: 'AppointmentCancelled', details: signed(booking.details, given) },
        changes: placesOf(booking.details, booking.slot).map((of) => ({
          of,
          change: { type: 'freed', holder: booking.id },
        })),
      };
    case 'ConfirmAppointment':
      if (booking.status === 'confirmed') return refuse('STATE_CONFLICT');
      return {
        event: { type: 'AppointmentConfirmed', details: signed(booking.details, given) },
        changes: [],
      };
  }
};

/** Whether somebody came, once it has begun; who said it wrongly says it again. */
const record = (booking: Booking, given: Given, attended: boolean): Decision => {
  const { status, slot, version, details } = booking;
  const type = attended ? 'AppointmentAttended' : 'AppointmentMissed';
  const isKnown = status === 'cancelled' || status === statusAfter[type];
  if (isKnown || slot.from > given.now || version >= versionsMax) return refuse('STATE_CONFLICT');
  return { event: { type, details: signed(details, given) }, changes: [] };
};

const slotFrom = (start: string, minutes: number): Slot => {
  const from = Date.parse(start);
  return { from, until: from + minutes * minuteMs };
};

const signed = (details: Details, { by, hash }: Given): Details => ({ ...details, by, hash });

type Said = Pick<Details, 'subjectId' | 'providerId' | 'roomId' | 'service'>;

/** Takes a slot, and lets go of what was taken before. */
const book = (
  { agendas }: State,
  given: Given,
  slot: Slot,
  said: Said,
  before: Booking | undefined,
): Decision => {
  if (slot.from <= given.now || slot.from > given.now + aheadMaxMs) return refuse('INPUT_INVALID');
  const holder = before?.id ?? bookingIdOf(given.id);
  const agendaOf = (of: Of): Agenda => agendas.get(keyOf(of)) ?? noAgenda;
  const around = { from: Math.min(slot.from, given.day.from), until: Math.max(slot.until, given.day.until) };
  const open = openIn(given.calendar, around);
  const stands = (wanted: Slot): Code | undefined => {
    const places = placesOf(said, wanted);
    if (!covers(open, wanted)) return 'OUTSIDE_HOURS';
    if (!places.every((of) => of.kind === 'room' || isOpen(agendaOf(of), wanted))) return 'OUTSIDE_HOURS';
    return places.some((of) => isTaken(agendaOf(of), wanted, holder)) ? 'SLOT_TAKEN' : undefined;
  };
  const code = stands(slot);
  if (code)
    return refuse(
      code,
      alternativesTo(slot, given.day, (other) => stands(other) === undefined),
    );
  const places = placesOf(said, slot);
  const taken = new Set(places.map(keyOf));
  const left = before ? placesOf(before.details, before.slot).filter((of) => !taken.has(keyOf(of))) : [];
  const { subjectId, providerId, roomId, service } = said;
  const details = {
    ...{ subjectId, providerId, start: iso(slot.from), end: iso(slot.until), by: given.by, hash: given.hash },
    ...(roomId === undefined ? {} : { roomId }),
    ...(service === undefined ? {} : { service }),
  };
  return {
    event: { type: before ? 'AppointmentRescheduled' : 'AppointmentScheduled', details },
    changes: [
      ...left.map((of) => ({ of, change: { type: 'freed', holder } as const })),
      ...places.map((of) => ({
        of,
        change: { type: 'taken', holder, from: details.start, until: details.end } as const,
      })),
    ],
  };
};

/** The next free starts after a time on its day. */
const alternativesTo = (slot: Slot, day: Slot, isFree: (slot: Slot) => boolean): readonly string[] => {
  const lasts = slot.until - slot.from;
  const found: string[] = [];
  const first = Math.ceil((slot.from + 1) / stepMs) * stepMs;
  for (let from = first; from + lasts <= day.until && found.length < alternativesMax; from += stepMs)
    if (isFree({ from, until: from + lasts })) found.push(iso(from));
  return found;
};

const register = (
  { agendas }: State,
  { id, day, now }: Given,
  { providerId, open }: Extract<Command, { type: 'RegisterAvailability' }>,
): Decision => {
  const slots = open.map(({ from, until }) => ({ from: Date.parse(from), until: Date.parse(until) }));
  if (!slots.every(({ from, until }) => from < until && from >= day.from && until <= day.until))
    return refuse('INPUT_INVALID');
  const places = agendasOf('provider', providerId, day);
  if (places.some((of) => agendas.get(keyOf(of))?.openedBy.includes(id))) return { version: undefined };
  // Nothing can be booked on such a day.
  if (day.until <= now || day.from > now + aheadMaxMs) return refuse('INPUT_INVALID');
  const change: AgendaChange = {
    type: 'opened',
    within: { from: iso(day.from), until: iso(day.until) },
    open: slots.map(({ from, until }) => ({ from: iso(from), until: iso(until) })),
  };
  return { event: undefined, changes: places.map((of) => ({ of, change })) };
};
