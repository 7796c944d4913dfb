import { calendarOf, declared } from '@jangada/agenda/declared.ts';
import { type Calendar, openAround } from '@jangada/agenda/hours.ts';
import { common, type Interval, merged, without } from '@jangada/agenda/intervals.ts';
import { type Store, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import type { Agenda, Slot } from './agenda.ts';

/** When the tenant is open; undefined of one that never said so. */
export const openingOf = async (
  store: Store,
  tenant: string,
  zone: string,
): Promise<Calendar | undefined> => {
  const [row] = await store.read(
    { tenant },
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

/**
 * When somebody may be booked within a stretch of time, and when they are, by the agendas of the days that it touches: both
 * in order, what touches as one. Pure.
 */
export const hoursOf = (
  agendas: readonly Agenda[],
  calendar: Calendar | undefined,
  within: Slot,
): { readonly open: readonly Slot[]; readonly taken: readonly Slot[] } => {
  const whole = [intervalOf(within)];
  const said = agendas.flatMap(({ opened }) => opened);
  const unsaid = without(whole, mergedOf(said.map((one) => one.within)));
  const there = merged([...unsaid, ...mergedOf(said.flatMap(({ open }) => open))]);
  const open = calendar ? merged(openAround(calendar, intervalOf(within))) : whole;
  const taken = mergedOf(agendas.flatMap((agenda) => Object.values(agenda.taken)));
  return {
    open: common(common(open, there), whole).map(slotOf),
    taken: common(taken, whole).map(slotOf),
  };
};
