import { placesOf } from '@jangada/bookings/agenda.ts';
import type { Booking } from '@jangada/bookings/booking.ts';
import { agendaIdOf, readBooking } from '@jangada/bookings/state.ts';
import { emit } from '@jangada/hop/hop.ts';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { agenda, changed, detailsVersion } from '@jangada/proto/booking.ts';
import type { Body } from '@jangada/proto/message.ts';
import { type due, ended, followed } from '@jangada/proto/saga.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { type Append, append, eventsOf } from '@jangada/runtime/events.ts';
import type { Kept } from '@jangada/runtime/keep.ts';
import { type Store, written } from '@jangada/store/store.ts';
import { eventKeysOf, sealDetails } from '@jangada/vault/events.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { type Action, type Followed, next, nextAt, type Rules, takenOf } from './next.ts';
import { wakeAt } from './timer.ts';
import type { Webhooks } from './webhooks.ts';
import { nameOf, said, type Tenant } from './wording.ts';

/** Does what follows from a booking, step by step, each recorded after the last that was read. */

export interface Tick {
  readonly tenant: string;
  readonly sequence: number;
  readonly body: Body<typeof due>;
}

export interface Parts {
  readonly bus: Pick<Bus, 'nc' | 'publish'>;
  readonly store: Pick<Store, 'within'>;
  readonly vault: Vault;
  readonly webhooks: Webhooks;
  readonly rules: Rules;
  /** How long after a round of attempts at a webhook the next one is; undefined after the last. */
  readonly waitMs: (round: number) => number | undefined;
  readonly tell: (fact: Kept) => Promise<unknown>;
  /** Told once for each booking that is undone. */
  readonly failed: (reason: Failure) => unknown;
  readonly now?: () => number;
}

/** More steps than follow from one tick; a bound, so that no fault goes round. */
const stepsMax = 24;

/** @throws Unavailable; Unprocessable once what follows was given up, so that an operator finds the tick and sends it again */
export const follow = async (parts: Parts, tick: Tick): Promise<void> => {
  const { now = Date.now } = parts;
  const { command = '' } = tick.body;
  let read = await readAll(parts, tick);
  for (let steps = 0; read && steps < stepsMax; steps++) {
    const of = read.booking.commands[command]?.version;
    const so = { ...read, now: now(), tick: { sequence: tick.sequence, of } };
    const action = next(so, parts.rules);
    const outcome = action?.type === 'take' ? await take(parts, tick, read, action) : 'done';
    if (!action || outcome === 'later') {
      const at = nextAt(so, parts.rules);
      if (at !== undefined) await wakeFor(parts, tick, read.booking, at);
    }
    if (!action) return conclude(parts, tick, read);
    if (outcome === 'later') return;
    const recorded = await record(parts, tick, read, action, outcome);
    // Nobody was waited for, so all else is as it was read.
    read = outcome === 'skipped' && recorded ? { ...read, ...recorded } : await readAll(parts, tick);
  }
  if (read) throw new Unavailable('an end of what follows');
};

/** An event of a booking, and its place in the stream. */
export interface Change {
  readonly tenant: string;
  readonly id: string;
  readonly sequence: number;
  readonly body: Pick<Body<typeof changed>, 'command'>;
}

/**
 * Follows a change: at a tick of its own where somebody outside is told, who may be away. An event that cannot be followed is no
 * dead letter: sent again, it would have happened again. The tick that it becomes is.
 * @throws Unavailable
 */
export const followChange = async (parts: Parts, change: Change): Promise<void> => {
  const { tenant, id, sequence, body } = change;
  const due = { booking: id, command: body.command, round: 0 };
  const wake = (): Promise<void> => wakeAt(parts.bus, tenant, body.command, due, Date.now());
  if (parts.webhooks.tells(tenant)) return wake();
  await follow(parts, { tenant, sequence, body: due }).catch((error: unknown) => {
    if (error instanceof Unavailable) throw error;
    return wake();
  });
};

/** What is due later is due of a version: whoever still sees an older one puts nothing off. */
const wakeFor = ({ bus }: Parts, { tenant }: Tick, { id, version }: Booking, at: number): Promise<void> =>
  wakeAt(bus, tenant, `${id}-${version}`, { booking: id, round: 0 }, at);

interface Read {
  readonly tenant: Tenant;
  readonly key: Buffer;
  readonly booking: Booking;
  readonly log: readonly Followed[];
  /** Places in the stream of the last event of each. */
  readonly bookingAfter: number;
  readonly logAfter: number;
}

/** Undefined where there is no such booking, or nobody can read it any more. */
const readAll = async ({ bus, store, vault }: Parts, { tenant, body }: Tick): Promise<Read | undefined> => {
  const { booking: id } = body;
  const [keys, [row]] = await store.within({ tenant }, (transaction) =>
    Promise.all([
      eventKeysOf(transaction, vault, tenant, [id]),
      transaction.rows(
        written(sql<Tenant>`select id, locale, time_zone as zone from tenants where id = ${tenant}`),
      ),
    ]),
  );
  const key = keys.get(id)?.key;
  if (!key || !row) return undefined;
  const log: Followed[] = [];
  let logAfter = 0;
  for await (const event of eventsOf(bus.nc, followed, { tenant, id })) {
    logAfter = event.sequence;
    if (event.body) log.push(event.body);
  }
  const { value: booking, after: bookingAfter } = await readBooking(bus, { tenant, id }, key);
  return booking && { tenant: row, key, booking, log, bookingAfter, logAfter };
};

type Failure = Extract<Followed, { type: 'AppointmentSchedulingFailed' }>['reason'];
type Outcome = Extract<Followed, { type: 'StepTaken' }>['outcome'];

/** Tells who is outside. Later where nobody took it and it is to be tried again. */
const take = async (
  { bus, webhooks, waitMs, now = Date.now }: Parts,
  tick: Tick,
  { tenant, booking }: Read,
  { step, confirmBy }: Extract<Action, { type: 'take' }>,
): Promise<Outcome | 'later'> => {
  try {
    const name = nameOf(tenant, booking, step);
    const outcome = await webhooks.send(tenant.id, step, name, said(tenant, booking, step, confirmBy));
    return outcome === 'refused' ? 'given-up' : outcome;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const wait = waitMs(tick.body.round);
    if (wait === undefined) return 'given-up';
    const { command, booking: id, round } = tick.body;
    await wakeAt(bus, tick.tenant, command ?? id, { ...tick.body, round: round + 1 }, now() + wait);
    return 'later';
  }
};

/**
 * Appends what was done, and returns the log as it is then. Undefined where somebody else went on meanwhile: then it is read
 * again, and what was told had the same name.
 */
const record = async (
  parts: Parts,
  { tenant, body: { booking: id }, sequence }: Tick,
  read: Read,
  action: Action,
  outcome: Outcome,
): Promise<Pick<Read, 'log' | 'logAfter'> | undefined> => {
  const { booking, log, logAfter } = read;
  const at = new Date((parts.now ?? Date.now)()).toISOString();
  const common = { version: log.length + 1, at, of: booking.version, tick: sequence };
  const body: Followed =
    action.type === 'take'
      ? { type: 'StepTaken', ...common, step: action.step, outcome, ...asked(action) }
      : { type: 'AppointmentSchedulingFailed', ...common, reason: action.reason };
  const step = { message: followed, tenant, id, body, after: logAfter } as Append;
  const undone = action.type === 'fail' ? await undoing(parts, tenant, read, at) : [];
  const stored = await append(parts.bus.nc, [step, ...undone], '');
  if (stored === undefined) return undefined;
  if (action.type === 'fail') parts.failed(action.reason);
  return { log: [...log, body], logAfter: stored };
};

const asked = ({ confirmBy }: Extract<Action, { type: 'take' }>) =>
  confirmBy === undefined ? {} : { confirmBy: new Date(confirmBy).toISOString() };

/** That the booking is cancelled and its time is free, stored together with why. */
const undoing = async (
  { bus }: Parts,
  tenant: string,
  { booking, key, bookingAfter }: Read,
  at: string,
): Promise<Append[]> => {
  const { id } = booking;
  const version = booking.version + 1;
  // No command: what follows from a booking ends it in its own name.
  const command = `saga-${id}`;
  const details = sealDetails(key, { tenant, id, version }, { ...booking.details, by: 'saga', hash: '' });
  const body = { version, at, command, type: 'AppointmentCancelled', detailsVersion, details } as const;
  const freed = placesOf(booking.details, booking.slot).map(async (place): Promise<Append> => {
    const of = { tenant, id: agendaIdOf(place) };
    let [last, after] = [0, 0];
    for await (const event of eventsOf(bus.nc, agenda, of)) {
      after = event.sequence;
      last = event.body?.version ?? last;
    }
    const changes = [{ type: 'freed' as const, holder: id }];
    return { message: agenda, ...of, body: { version: last + 1, at, command, changes }, after } as Append;
  });
  return [
    { message: changed, tenant, id, body, after: bookingAfter } as Append,
    ...(await Promise.all(freed)),
  ];
};

const conclude = async (parts: Parts, { tenant, sequence }: Tick, { booking, log }: Read): Promise<void> => {
  if (log.length === 0) return;
  const own = takenOf(log).filter(({ of }) => of === booking.version);
  const steps = new Map(own.map(({ step, outcome }) => [step, outcome]));
  const failed = log.find((one) => one.type === 'AppointmentSchedulingFailed')?.reason;
  await parts.tell({
    tenant,
    id: `${booking.id}-${log.length}`,
    emission: emit(ended, {
      appointmentId: booking.id,
      version: booking.version,
      steps: Array.from(steps, ([step, outcome]) => ({ step, outcome })),
      ...(failed ? { failed } : {}),
    }),
  });
  const lost = takenOf(log).find((one) => one.outcome === 'given-up' && one.tick === sequence);
  if (lost) throw new Unprocessable('UPSTREAM_UNAVAILABLE', `nobody outside took the step ${lost.step}`);
};
