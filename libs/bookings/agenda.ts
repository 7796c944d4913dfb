import type { AgendaChange, Details } from '@jangada/proto/booking.ts';

/** A day of a provider or of a room: which of its time is taken and by which booking. Pure. */

/** Milliseconds since 1970, the end not included. */
export interface Slot {
  readonly from: number;
  readonly until: number;
}

export interface Agenda {
  readonly version: number;
  /** By booking. */
  readonly taken: Readonly<Record<string, Slot>>;
  /** When the provider said to be there, and of which time that is all. */
  readonly opened: readonly { readonly within: Slot; readonly open: readonly Slot[] }[];
  /** Commands that opened it, the last `openedByMax`: a command comes again within minutes. */
  readonly openedBy: readonly string[];
}

const openedByMax = 20;

export const noAgenda: Agenda = { version: 0, taken: {}, opened: [], openedBy: [] };

const slotOf = ({ from, until }: { from: string; until: string }): Slot => ({
  from: Date.parse(from),
  until: Date.parse(until),
});

/** One event of an agenda. */
export interface Changed {
  readonly version: number;
  readonly command: string;
  readonly changes: readonly AgendaChange[];
}

export const evolveAgenda = (agenda: Agenda, { version, command, changes }: Changed): Agenda => {
  const taken = new Map(Object.entries(agenda.taken));
  let { opened, openedBy } = agenda;
  for (const change of changes) {
    if (change.type === 'taken') taken.set(change.holder, slotOf(change));
    else if (change.type === 'freed') taken.delete(change.holder);
    else {
      const within = slotOf(change.within);
      const others = opened.filter((one) => !overlaps(one.within, within));
      opened = [...others, { within, open: change.open.map(slotOf) }];
      openedBy = [...openedBy, command].slice(-openedByMax);
    }
  }
  return { version, taken: Object.fromEntries(taken), opened, openedBy };
};

export const overlaps = (one: Slot, other: Slot): boolean => one.from < other.until && other.from < one.until;

/** Whether time of an agenda is taken by another booking. */
export const isTaken = ({ taken }: Agenda, slot: Slot, except: string): boolean =>
  Object.entries(taken).some(([holder, one]) => holder !== except && overlaps(one, slot));

/** Whether the provider is there. Who has not said when they are there is taken to be. */
export const isOpen = ({ opened }: Agenda, slot: Slot): boolean => {
  if (!opened.some(({ within }) => overlaps(within, slot))) return true;
  return covers(
    opened.flatMap((one) => one.open),
    slot,
  );
};

/** Whether a slot lies within open time. Times that touch are one. */
export const covers = (open: readonly Slot[], slot: Slot): boolean => {
  let covered = slot.from;
  for (const { from, until } of open.toSorted((a, b) => a.from - b.from))
    if (from <= covered && until > covered) covered = until;
  return covered >= slot.until;
};

const dayMs = 86_400_000;

/** What an agenda is of. */
export interface Of {
  readonly kind: 'provider' | 'room';
  readonly id: string;
  /** Days since 1970 in UTC: no change of a zone or its summer time moves what is taken to another agenda. */
  readonly day: number;
}

export const keyOf = ({ kind, id, day }: Of): string => JSON.stringify([kind, id, day]);

/** The agendas that a slot lies in: two where it crosses midnight in UTC. */
export const agendasOf = (kind: Of['kind'], id: string, { from, until }: Slot): readonly Of[] => {
  const first = Math.floor(from / dayMs);
  const last = Math.floor((until - 1) / dayMs);
  return Array.from({ length: last - first + 1 }, (_, at) => ({ kind, id, day: first + at }));
};

/** Agendas in which a booking takes time. */
export const placesOf = (
  { providerId, roomId }: Pick<Details, 'providerId' | 'roomId'>,
  slot: Slot,
): readonly Of[] => [
  ...agendasOf('provider', providerId, slot),
  ...(roomId === undefined ? [] : agendasOf('room', roomId, slot)),
];
