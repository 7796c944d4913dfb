import { type Agenda, freeTime, utilisation } from '@jangada/agenda/agenda.ts';
import { calendarOf, declared } from '@jangada/agenda/declared.ts';
import type { Calendar, Hours, Span } from '@jangada/agenda/hours.ts';
import { overlaps } from '@jangada/agenda/intervals.ts';
import { agendasOf } from '@jangada/bookings/agenda.ts';
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

interface Provider {
  readonly id: string;
  readonly name: string;
  readonly agenda: Agenda;
}

interface Within {
  readonly from: Temporal.Instant;
  readonly to: Temporal.Instant;
}

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
  const providers = await withAgendas(named, within, reader.zone, look);
  if (plan.ask === 'share') return [shareOf(providers, within)];
  const free = rowsOf(providers, within, timetable.minutes, now);
  if (plan.ask === 'count') return [{ count: free.length }];
  const after = plan.cursor === undefined ? undefined : placeOf(source, plan.cursor);
  // What begins now began on the page before, whatever time it was then.
  const later = after ? free.filter(({ start }) => start !== iso(now)) : free;
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
): Within =>
  period
    ? { from: Temporal.Instant.from(period.from), to: Temporal.Instant.from(period.to) }
    : { from: now, to: now.toZonedDateTimeISO(zone).startOfDay().add({ days }).toInstant() };

const withAgendas = async (
  people: readonly Pick<Provider, 'id' | 'name'>[],
  { from, to }: Within,
  zone: string,
  look: Look,
): Promise<readonly Provider[]> => {
  const span = { from: from.epochMilliseconds, until: to.epochMilliseconds };
  if (people.length * Math.ceil((span.until - span.from) / 86_400_000) > agendasMax)
    throw new Unprocessable('INPUT_INVALID', 'there are more days of agendas than are looked through');
  const agendas = people.map(({ id }) => agendasOf('provider', id, span).map(agendaIdOf));
  const [place, times] = await Promise.all([placeIn(zone, look), look(agendaTimes(agendas.flat()))]);
  const byAgenda = Map.groupBy(times, ({ agenda }) => agenda);
  return people.map((person, at) => {
    const own = (agendas[at] ?? []).flatMap((agenda) => byAgenda.get(agenda) ?? []);
    const busy = own.filter(({ kind }) => kind === 'taken').map(intervalOf);
    const hours = hoursOf(own, zone);
    return { ...person, agenda: { place, busy, ...(hours ? { provider: hours } : {}) } };
  });
};

const intervalOf = ({ from, until }: Pick<AgendaTime, 'from' | 'until'>): Within => ({
  from: Temporal.Instant.from(from),
  to: Temporal.Instant.from(until),
});

const whole: readonly Span[] = [['00:00', '00:00']];
const always = { 1: whole, 2: whole, 3: whole, 4: whole, 5: whole, 6: whole, 7: whole };

/** Who has said nothing of a day is there; the last that was said of one holds. Undefined for who said nothing at all. */
const hoursOf = (times: readonly AgendaTime[], zone: string): Hours | undefined => {
  const wall = (at: string): string =>
    Temporal.Instant.from(at).toZonedDateTimeISO(zone).toPlainTime().toString();
  const opened = times.filter(({ kind }) => kind === 'opened');
  // As a command goes by them: what was said later of any of that time holds.
  const said = opened.filter(
    (one, at) =>
      !opened
        .slice(at + 1)
        .some((other) => other.agenda === one.agenda && overlaps(intervalOf(other), intervalOf(one))),
  );
  const exceptions = said.map(({ from, open }): [string, Span[]] => [
    Temporal.Instant.from(from).toZonedDateTimeISO(zone).toPlainDate().toString(),
    open.map((part) => [wall(part.from), wall(part.until)]),
  ]);
  return said.length > 0 ? { week: always, exceptions: Object.fromEntries(exceptions) } : undefined;
};

/** When the tenant is open; one that never said so always is. */
const placeIn = async (zone: string, look: Look): Promise<Calendar> => {
  const [row] = await look(
    written(sql<{ _tenants: string; calendar: unknown }>`select id as _tenants, calendar from tenants`),
  );
  return row?.calendar ? calendarOf(declared.parse(row.calendar), zone) : { zone, week: always };
};

const iso = (at: Temporal.Instant): string => at.toString({ fractionalSecondDigits: 3 });

/** What is free and still to come, in the order in which it begins. */
const rowsOf = (
  providers: readonly Provider[],
  { from, to }: Within,
  minutes: number,
  now: Temporal.Instant,
) => {
  const within = { from: Temporal.Instant.compare(from, now) < 0 ? now : from, to };
  if (Temporal.Instant.compare(within.from, to) >= 0) return [];
  const rows = providers.flatMap(({ id, name, agenda }) =>
    freeTime(agenda, within)
      .filter((free) => free.from.until(free.to).total('minutes') >= minutes)
      .map((free) => ({
        ...{ start: iso(free.from), end: iso(free.to), provider: name },
        ...{ _order: iso(free.from), _id: id, _subject: null },
      })),
  );
  return rows
    .map((row) => ({ ...row, _matches: rows.length }))
    .sort((one, other) => (one._order + one._id < other._order + other._id ? -1 : 1));
};

const shareOf = (providers: readonly Provider[], within: Within): ReadRow => {
  const all = providers.map(({ agenda }) => utilisation(agenda, within));
  // From now on is from within a minute.
  const part = Math.round(all.reduce((sum, { bookedMinutes }) => sum + bookedMinutes, 0));
  const whole = Math.round(all.reduce((sum, { availableMinutes }) => sum + availableMinutes, 0));
  return { part, whole, percent: whole === 0 ? null : ((100 * part) / whole).toFixed(1) };
};
