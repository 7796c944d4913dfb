import { setTimeout as sleep } from 'node:timers/promises';
import type { Calendar } from '@jangada/agenda/hours.ts';
import { type Agenda, agendasOf, keyOf, type Of, placesOf, type Slot } from '@jangada/bookings/agenda.ts';
import { type Booking, bookingIdOf } from '@jangada/bookings/booking.ts';
import { openingOf } from '@jangada/bookings/opening.ts';
import { agendaIdOf, type Read, readBooking } from '@jangada/bookings/state.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { agenda, changed, detailsVersion } from '@jangada/proto/booking.ts';
import { type Command, refused } from '@jangada/proto/command.ts';
import { headers } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { streamOf, subjectOf } from '@jangada/proto/message.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { type Append, append, eventIn } from '@jangada/runtime/events.ts';
import type { Store, Transaction } from '@jangada/store/store.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { eventKeysOf, makeEventKeys, sealDetails } from '@jangada/vault/events.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { Agendas } from './agendas.ts';
import { refusalOf } from './checks.ts';
import { type Decision, decide, type State } from './decide.ts';
import { knownIn } from './facts.ts';
import type { Outcome } from './handler.ts';
import { dayAt, dayOn } from './hours.ts';

/** Decides on commands and appends what follows, again from the start where somebody else was first. */

export interface Parts {
  readonly bus: Pick<Bus, 'nc' | 'publish'>;
  readonly store: Store;
  readonly vault: Vault;
  readonly agendas: Agendas;
}

export interface Order {
  readonly command: Command;
  readonly pass: Pass;
  readonly pack: Pack;
  readonly traceparent: string;
  /** Aborted when the attempt has taken too long; nothing is appended after that. */
  readonly signal: AbortSignal;
}

/** Others who were first, after which it is tried again later. */
const attemptsMax = 12;

/** @throws Unavailable, Unprocessable */
export const carryOut = async (parts: Parts, order: Order): Promise<Outcome> => {
  const { command, pass } = order;
  const { type } = command;
  const [before, about] = await Promise.all([refusedBefore(parts, pass), aboutOf(parts, order)]);
  if (before) return before;
  if (!about) return { type, refused: 'NOT_FOUND', alternatives: [] };
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    let read = await readAll(parts, order, about, 'slot');
    let decision = decisionOn(read, order, about);
    // What is free instead is looked for on all of its day.
    if ('refused' in decision && 'start' in command) {
      read = await readAll(parts, order, about, 'day');
      decision = decisionOn(read, order, about);
    }
    const appointmentId = about.id;
    const told = appointmentId === undefined ? {} : { appointmentId };
    if ('version' in decision)
      return {
        type,
        ...told,
        ...(decision.version === undefined ? {} : { version: decision.version }),
        position: lastIn(read),
        again: true,
      };
    // What was carried out stays so, whoever has lost the right meanwhile.
    if (about.denied) return { type, refused: about.denied, alternatives: [] };
    if ('refused' in decision) return { type, ...decision };
    const events = await eventsFor(parts, order, about, read, decision);
    if (!events) return { type, refused: 'CRYPTO_KEY_SHREDDED', alternatives: [] };
    if (order.signal.aborted) throw new Unavailable('time');
    const position = await append(parts.bus.nc, events, order.traceparent);
    if (position !== undefined) {
      const version = (read.state.booking?.version ?? 0) + 1;
      return { type, ...told, ...(decision.event ? { version } : {}), position, again: false };
    }
    for (const of of events) parts.agendas.forget(of);
    await sleep(Math.random() * 5 * (attempt + 1));
  }
  throw new Unavailable('agenda');
};

const decisionOn = ({ state, day }: ReadState, { command, pass }: Order, { calendar }: About): Decision =>
  decide(state, { command, id: pass.rid, hash: pass.qh, by: pass.sub, now: Date.now(), day, calendar });

/** That the command was refused before: it stays so. What was carried out stands in the events. */
const refusedBefore = async (
  { bus }: Parts,
  { tid: tenant, rid: id }: Pass,
): Promise<Outcome | undefined> => {
  const subject = `$JS.API.DIRECT.GET.${streamOf.fact}.${subjectOf(refused, tenant, id)}`;
  const raw = await bus.nc.request(subject, '', { timeout: 2_000 }).catch((error) => {
    throw new Unavailable('broker', error);
  });
  if (raw.data.length === 0 || !raw.headers?.has(headers.schema)) return undefined;
  const { type, code, alternatives = [] } = eventIn(refused, raw);
  return { type, refused: code, alternatives };
};

/** What a command is about, and what the records say of it. */
interface About {
  /** The booking; undefined of a provider's own hours. */
  readonly id: string | undefined;
  /** The key of its events; undefined where it is to be made. */
  readonly key: Buffer | undefined;
  readonly subject: string | undefined;
  readonly provider: string;
  /** When the tenant is open; undefined of one that never said so. */
  readonly calendar: Calendar | undefined;
  /** Why whoever gives it may not. */
  readonly denied: Code | undefined;
}

const idOf = (command: Command, run: string): string | undefined => {
  if (command.type === 'RegisterAvailability') return undefined;
  return command.type === 'ScheduleAppointment' ? bookingIdOf(run) : command.appointmentId;
};

const aboutOf = async (
  { bus, store, vault }: Parts,
  { command, pass, pack }: Order,
): Promise<About | undefined> => {
  const { tid: tenant } = pass;
  const id = idOf(command, pass.rid);
  const ask = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
    store.within({ tenant }, work);
  const keyIn = async (transaction: Transaction) =>
    id === undefined ? undefined : (await eventKeysOf(transaction, vault, tenant, [id])).get(id);
  const calendarIn = async (transaction: Transaction) =>
    'start' in command ? openingOf(transaction, tenant, pass.zone) : undefined;
  const deniedIn = async (transaction: Transaction, whom: Pick<About, 'subject' | 'provider'>) => {
    const known = await knownIn(transaction, pack, { ...whom, by: pass.per });
    return refusalOf({ type: command.type, pack, role: pass.rol, person: pass.per, ...whom, known });
  };
  if ('providerId' in command) {
    const subject = 'subjectId' in command ? command.subjectId : undefined;
    const whom = { subject, provider: command.providerId };
    const [known, calendar, denied] = await ask((transaction) =>
      Promise.all([keyIn(transaction), calendarIn(transaction), deniedIn(transaction, whom)]),
    );
    return { id, key: known?.key, ...whom, calendar, denied };
  }
  const [known, calendar] = await ask((transaction) =>
    Promise.all([keyIn(transaction), calendarIn(transaction)]),
  );
  if (!known || id === undefined) return undefined;
  const { value: booking } = await readBooking(bus, { tenant, id }, known.key);
  if (!booking) return undefined;
  const whom = { subject: known.subject, provider: booking.details.providerId };
  return { id, key: known.key, ...whom, calendar, denied: await ask((one) => deniedIn(one, whom)) };
};

/** What a decision stands on, and where the events of it end. */
interface ReadState {
  readonly state: State;
  readonly day: Slot;
  readonly bookingAfter: number;
  readonly agendas: ReadonlyMap<string, Read<Agenda>>;
}

/** Place of the last event of all that was read. */
const lastIn = ({ bookingAfter, agendas }: ReadState): number =>
  Math.max(bookingAfter, ...agendas.values().map(({ after }) => after));

/** Reads its slot's agendas, or those of its day, too. */
const readAll = async (
  { bus, agendas: known }: Parts,
  { command, pass }: Order,
  about: About,
  within: 'slot' | 'day',
): Promise<ReadState> => {
  const { tid: tenant, zone } = pass;
  const { id, key } = about;
  const booking: Read<Booking | undefined> =
    id && key ? await readBooking(bus, { tenant, id }, key) : { value: undefined, after: 0 };
  const day = dayOf(command, zone, booking.value);
  const agendas = new Map(
    await Promise.all(
      wantedOf(command, about, booking.value, day, within).map(
        async (of) => [keyOf(of), await known.read(bus, { tenant, id: agendaIdOf(of) })] as const,
      ),
    ),
  );
  const values = new Map([...agendas].map(([of, { value }]) => [of, value]));
  return { state: { booking: booking.value, agendas: values }, day, bookingAfter: booking.after, agendas };
};

/** The day that a command is about, in the tenant's zone. */
const dayOf = (command: Command, zone: string, booking: Booking | undefined): Slot =>
  command.type === 'RegisterAvailability'
    ? dayOn(Temporal.PlainDate.from(command.day), zone)
    : dayAt('start' in command ? Date.parse(command.start) : (booking?.slot.from ?? 0), zone);

/** The agendas that a command may change, and with those of its day what says what else is free. */
const wantedOf = (
  command: Command,
  { provider }: About,
  booking: Booking | undefined,
  day: Slot,
  within: 'slot' | 'day',
): readonly Of[] => {
  if (command.type === 'ConfirmAppointment' || command.type === 'RecordAttendance') return [];
  const left = booking ? placesOf(booking.details, booking.slot) : [];
  if (command.type === 'CancelAppointment') return left;
  if (command.type === 'RegisterAvailability') return agendasOf('provider', provider, day);
  const from = Date.parse(command.start);
  const lasts =
    (command.durationMinutes ?? 0) * 60_000 || (booking ? booking.slot.until - booking.slot.from : 1);
  const slot = { from, until: from + lasts };
  const whole =
    within === 'slot' ? slot : { from: Math.min(day.from, from), until: Math.max(day.until, slot.until) };
  const roomId = command.roomId ?? booking?.details.roomId;
  const places = placesOf({ providerId: provider, ...(roomId === undefined ? {} : { roomId }) }, whole);
  return [...new Map([...left, ...places].map((of) => [keyOf(of), of])).values()];
};

/** The events of a decision, each after what was read of its aggregate; undefined for whom nothing may be sealed. */
const eventsFor = async (
  { store, vault }: Parts,
  { pass: { tid: tenant, rid: command } }: Order,
  { id, key, subject }: About,
  read: ReadState,
  { event, changes }: Extract<Decision, { event: unknown }>,
): Promise<readonly Append[] | undefined> => {
  const at = new Date().toISOString();
  const events: Append[] = [...Map.groupBy(changes, ({ of }) => keyOf(of))].flatMap(([name, own]) => {
    const [first] = own;
    const before = read.agendas.get(name);
    if (!first || !before) return [];
    const body = { version: before.value.version + 1, at, command, changes: own.map(({ change }) => change) };
    return [{ message: agenda, tenant, id: agendaIdOf(first.of), body, after: before.after } as Append];
  });
  if (!event || id === undefined || subject === undefined) return events;
  const own =
    key ??
    (
      await store.within({ tenant }, (transaction) =>
        makeEventKeys(transaction, vault, tenant, [{ id, subject }]),
      )
    ).get(id);
  if (!own) return undefined;
  const version = (read.state.booking?.version ?? 0) + 1;
  const details = sealDetails(own, { tenant, id, version }, event.details);
  const body = { version, at, command, type: event.type, detailsVersion, details };
  return [...events, { message: changed, tenant, id, body, after: read.bookingAfter } as Append];
};
