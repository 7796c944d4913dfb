import { calendarOf, declared } from '@jangada/agenda/declared.ts';
import { type Calendar, openAround } from '@jangada/agenda/hours.ts';
import { common, type Interval, merged, without } from '@jangada/agenda/intervals.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import type { Agenda, Slot } from './agenda.ts';

/** When the tenant is open; undefined of one that never said so. */
export const openingOf = async (
  transaction: Transaction,
  tenant: string,
  zone: string,
): Promise<Calendar | undefined> => {
  const [row] = await transaction.rows(
    written(sql<{ calendar: unknown }>`select calendar from tenants where id = ${tenant}`),
  );
  return row?.calendar ? calendarOf(declared.parse(row.calendar), zone) : undefined;
};

const intervalOf = ({ from, until }: Slot): Interval => ({
  from: Temporal.Instant.fromEpochMilliseconds(from),
  to: Temporal.Instant.fromEpochMilliseconds(until),
});
const slotOf = ({ from, to }: Interval): Slot => ({
  from: from.epochMilliseconds,
  until: to.epochMilliseconds,
});
const mergedOf = (slots: readonly Slot[]): Interval[] => merged(slots.map(intervalOf));

/** When a place is open on the days that a stretch of time touches; all of that time for one that never said so. Pure. */
export const openIn = (calendar: Calendar | undefined, within: Slot): readonly Slot[] =>
  calendar ? openAround(calendar, intervalOf(within)).map(slotOf) : [within];

/** What of a stretch of time somebody may be booked in, what of it they are, and what is left; each in order, what touches as one. */
export interface BookableHours {
  readonly open: readonly Slot[];
  readonly taken: readonly Slot[];
  readonly free: readonly Slot[];
}

/** By the agendas of the days that it touches, and when the place is open. Pure. */
export const hoursOf = (
  agendas: readonly Pick<Agenda, 'opened' | 'taken'>[],
  place: readonly Slot[],
  within: Slot,
): BookableHours => {
  const whole = [intervalOf(within)];
  const said = agendas.flatMap(({ opened }) => opened);
  const unsaid = without(whole, mergedOf(said.map((one) => one.within)));
  const there = merged([...unsaid, ...mergedOf(said.flatMap(({ open }) => open))]);
  const open = common(common(mergedOf(place), there), whole);
  const taken = common(mergedOf(agendas.flatMap((agenda) => Object.values(agenda.taken))), whole);
  return {
    open: open.map(slotOf),
    taken: taken.map(slotOf),
    free: without(open, taken).map(slotOf),
  };
};
