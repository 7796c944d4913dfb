import { calendarOf, declared } from '@jangada/agenda/declared.ts';
import type { Calendar } from '@jangada/agenda/hours.ts';
import { type Agenda, agendasOf, evolveAgenda, noAgenda, type Slot } from '@jangada/bookings/agenda.ts';
import { type BookableHours, hoursOf, openIn } from '@jangada/bookings/opening.ts';
import { agendaIdOf } from '@jangada/bookings/state.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Pack, Source, Timetable } from '@jangada/packs/pack.ts';
import { placeOf, type Reader, type ReadRow, read } from '@jangada/packs/read.ts';
import { type AgendaTime, agendaTimes } from '@jangada/packs/timetable.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { written } from '@jangada/store/store.ts';
import { type Compilable, sql } from 'kysely';

/**
 * Times that are free, and how much of what could be booked is, from what the events of agendas amount to. Of whom they are
 * taken by nothing is known here, so whoever may ask is told the same.
 */

/** Reads under the grant of the run, rows of its tenant alone. */
export type Look = <R extends { readonly _tenants?: ReadRow[string] }>(query: Compilable<R>) => Promise<R[]>;

/** Days of agendas that are looked through for one question: fifty people for a month. */
const agendasMax = 1_600;
const providersMax = 50;

interface Person {
  readonly id: string;
  readonly name: string;
}

type Provider = Person & BookableHours;

/** @throws Unprocessable INPUT_INVALID for more people or time than is looked through at once, or a cursor that no page returned */
export const timesOf = async (
  source: Source,
  plan: Plan,
  { sources }: Pick<Pack, 'sources'>,
  { reader, look, now }: { readonly reader: Reader; readonly look: Look; readonly now: Temporal.Instant },
): Promise<readonly ReadRow[]> => {
  const { timetable } = source;
  const who = sources[timetable?.providers ?? ''];
  if (!timetable || !who) throw new Error('the source has no times');
  const within = withinOf(plan, timetable, reader.zone, now);
  // What is free is still to come.
  const wanted =
    plan.ask === 'share' ? within : { ...within, from: Math.max(within.from, now.epochMilliseconds) };
  if (wanted.from >= wanted.until) return plan.ask === 'count' ? [{ count: 0 }] : [];
  const { provider, mine } = plan.filter;
  const people = await look(
    read(
      who,
      {
        ...{
          source: timetable.providers,
          ask: 'list',
          joins: [],
          fields: ['id', 'name'],
          limit: providersMax,
        },
        // Who names somebody means them, whoever asks.
        filter: provider ? { provider } : mine ? { mine } : {},
      },
      reader,
    ),
  );
  if (people.length > providersMax)
    throw new Unprocessable('INPUT_INVALID', 'there are more agendas than are looked through');
  const named = people.map(({ id, name }) => ({ id: String(id), name: String(name) }));
  const providers = await withHours(named, wanted, reader.zone, look);
  if (plan.ask === 'share') return [shareOf(providers)];
  const free = rowsOf(providers, timetable.minutes);
  if (plan.ask === 'count') return [{ count: free.length }];
  const after = plan.cursor === undefined ? undefined : placeOf(source, plan.cursor);
  // What begins now began on the page before, whatever time it was then.
  const later = after ? free.filter(({ start }) => start !== iso(now.epochMilliseconds)) : free;
  return later
    .filter(({ _order, _id }) => !after || _order > after[0] || (_order === after[0] && _id > after[1]))
    .slice(0, plan.limit + 1);
};

/** The time that a plan means; of a day that has not been named, from now on. */
const withinOf = (
  { filter: { period } }: Plan,
  { days }: Timetable,
  zone: string,
  now: Temporal.Instant,
): Slot =>
  period
    ? { from: Date.parse(period.from), until: Date.parse(period.to) }
    : {
        from: now.epochMilliseconds,
        until: now.toZonedDateTimeISO(zone).startOfDay().add({ days }).epochMilliseconds,
      };

const withHours = async (
  people: readonly Person[],
  within: Slot,
  zone: string,
  look: Look,
): Promise<readonly Provider[]> => {
  if (people.length * Math.ceil((within.until - within.from) / 86_400_000) > agendasMax)
    throw new Unprocessable('INPUT_INVALID', 'there are more days of agendas than are looked through');
  const agendas = people.map(({ id }) => agendasOf('provider', id, within).map(agendaIdOf));
  const [calendar, times] = await Promise.all([calendarIn(zone, look), look(agendaTimes(agendas.flat()))]);
  const byAgenda = Map.groupBy(times, ({ agenda }) => agenda);
  const place = openIn(calendar, within);
  return people.map((person, at) => {
    const own = (agendas[at] ?? []).map((agenda) => agendaFrom(byAgenda.get(agenda) ?? []));
    return { ...person, ...hoursOf(own, place, within) };
  });
};

/** As its events amount to. Who has taken time in it is not known here: each time is one's own. */
const agendaFrom = (times: readonly AgendaTime[]): Agenda =>
  evolveAgenda(noAgenda, {
    ...{ version: 0, command: '' },
    changes: times.map(({ kind, from, until, open }, at) =>
      kind === 'opened'
        ? { type: kind, within: { from, until }, open: [...open] }
        : { type: kind, holder: String(at), from, until },
    ),
  });

/** When the tenant is open; undefined of one that never said so. */
const calendarIn = async (zone: string, look: Look): Promise<Calendar | undefined> => {
  const [row] = await look(
    written(sql<{ _tenants: string; calendar: unknown }>`select id as _tenants, calendar from tenants`),
  );
  return row?.calendar ? calendarOf(declared.parse(row.calendar), zone) : undefined;
};

const iso = (ms: number): string => new Date(ms).toISOString();
const minutesOf = (slots: readonly Slot[]): number =>
  slots.reduce((sum, { from, until }) => sum + (until - from) / 60_000, 0);

/** What is free, in the order in which it begins. */
const rowsOf = (providers: readonly Provider[], minutes: number) => {
  const rows = providers.flatMap(({ id, name, free }) =>
    free
      .filter((slot) => minutesOf([slot]) >= minutes)
      .map(({ from, until }) => ({
        ...{ start: iso(from), end: iso(until), provider: name },
        ...{ _order: iso(from), _id: id, _subject: null },
      })),
  );
  return rows
    .map((row) => ({ ...row, _matches: rows.length }))
    .sort((one, other) => (one._order + one._id < other._order + other._id ? -1 : 1));
};

/** What is taken outside those hours does not count. */
const shareOf = (providers: readonly Provider[]): ReadRow => {
  const open = providers.reduce((sum, one) => sum + minutesOf(one.open), 0);
  const free = providers.reduce((sum, one) => sum + minutesOf(one.free), 0);
  // From now on is from within a minute.
  const [part, whole] = [Math.round(open - free), Math.round(open)];
  return { part, whole, percent: whole === 0 ? null : ((100 * part) / whole).toFixed(1) };
};
