import { overlaps, type Slot } from '@jangada/bookings/agenda.ts';
import type { Details } from '@jangada/proto/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { zone } from './commands.ts';
import type { BookingEvent } from './history.ts';

/**
 * What the agenda is after some events, kept as plainly as can be: bookings, and when providers said to be there. It knows nothing of
 * how the services keep it, and so says whether they kept it right.
 */

export interface Standing {
  readonly id: string;
  readonly version: number;
  readonly type: BookingEvent['type'];
  readonly details: Details;
  readonly slot: Slot;
  /** Rooms and minutes that it has had: who reads a booking and then the agendas may have read an earlier version of it. */
  readonly rooms: ReadonlySet<string | undefined>;
  readonly minutes: ReadonlySet<number>;
}

const minuteMs = 60_000;
export const isCancelled = ({ type }: Pick<Standing, 'type'>): boolean => type === 'AppointmentCancelled';
export const slotOf = ({ start, end }: Pick<Details, 'start' | 'end'>): Slot => ({
  from: Date.parse(start),
  until: Date.parse(end),
});
/** Whom and what it takes up. */
export const takenUp = ({
  providerId,
  roomId,
}: Pick<Details, 'providerId' | 'roomId'>): readonly string[] => [
  `provider ${providerId}`,
  ...(roomId === undefined ? [] : [`room ${roomId}`]),
];

type Register = Extract<Command, { type: 'RegisterAvailability' }>;

/** The day that hours are said of. */
export const dayOf = (command: Register): Slot => {
  const day = Temporal.PlainDate.from(command.day);
  return {
    from: day.toZonedDateTime(zone).epochMilliseconds,
    until: day.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds,
  };
};

/** The name under which what follows from a booking undoes it. */
export const undoing = (booking: string): string => `saga-${booking}`;

/** Is told what is wrong, in a line. */
export type Wrong = (what: string) => void;

export interface Model {
  readonly bookings: ReadonlyMap<string, Standing>;
  /** Takes an event in as it is, right or wrong. */
  apply(event: BookingEvent & { readonly details: Details }): void;
  open(command: Register, day: Slot): void;
  /** Another booking that stands where one would. */
  inTheWay(of: string, what: Pick<Details, 'providerId' | 'roomId'>, slot: Slot): Standing | undefined;
  /** Whether a provider is there. Who has not said of a time is taken to be. */
  isThere(provider: string, slot: Slot): boolean;
}

export const openModel = (): Model => {
  const bookings = new Map<string, Standing>();
  /** Ids of bookings that stand, by whom and what they take up. */
  const standing = new Map<string, Set<string>>();
  /** By provider and the beginning of the day. */
  const said = new Map<string, Map<number, { readonly day: Slot; readonly open: readonly Slot[] }>>();

  return {
    bookings,
    apply: ({ id, version, type, details }) => {
      const before = bookings.get(id);
      for (const what of before ? takenUp(before.details) : []) standing.get(what)?.delete(id);
      const slot = slotOf(details);
      bookings.set(id, {
        ...{ id, version, type, details, slot },
        rooms: new Set([...(before?.rooms ?? []), details.roomId]),
        minutes: new Set([...(before?.minutes ?? []), (slot.until - slot.from) / minuteMs]),
      });
      if (isCancelled({ type })) return;
      for (const what of takenUp(details)) {
        const others = standing.get(what) ?? new Set();
        standing.set(what, others.add(id));
      }
    },
    open: ({ providerId, open }, day) => {
      const days = said.get(providerId) ?? new Map();
      const slots = open.map(({ from, until }) => slotOf({ start: from, end: until }));
      said.set(providerId, days.set(day.from, { day, open: slots }));
    },
    inTheWay: (of, what, slot) =>
      takenUp(what)
        .flatMap((one) => [...(standing.get(one) ?? [])])
        .map((id) => bookings.get(id))
        .find((other) => other && other.id !== of && overlaps(other.slot, slot)),
    isThere: (provider, slot) => {
      const about = [...(said.get(provider)?.values() ?? [])].filter(
        ({ day }) => day.from <= slot.until && slot.from <= day.until,
      );
      if (!about.some(({ day }) => overlaps(day, slot))) return true;
      // Minute by minute: everything is on whole minutes.
      const open = about.flatMap((one) => one.open);
      for (let at = slot.from; at < slot.until; at += minuteMs)
        if (!open.some(({ from, until }) => from <= at && at < until)) return false;
      return true;
    },
  };
};

/** Slots and rooms that a command may have wanted of a booking, or of none yet. */
export const wantedBy = (
  command: Extract<Command, { type: 'ScheduleAppointment' | 'RescheduleAppointment' }>,
  booking: Standing | undefined,
): readonly { readonly slot: Slot; readonly roomId: string | undefined }[] => {
  const from = Date.parse(command.start);
  const minutes =
    command.durationMinutes === undefined ? [...(booking?.minutes ?? [])] : [command.durationMinutes];
  const rooms =
    command.roomId !== undefined
      ? [command.roomId]
      : command.type === 'ScheduleAppointment'
        ? [undefined]
        : [...(booking?.rooms ?? [])];
  return minutes.flatMap((lasts) =>
    rooms.map((roomId) => ({ slot: { from, until: from + lasts * minuteMs }, roomId })),
  );
};
