import { agendasOf } from '@jangada/bookings/agenda.ts';
import { agendaIdOf, readAgenda, readBooking } from '@jangada/bookings/state.ts';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { policy } from '@jangada/hop/policy.ts';
import { type Outside, openOutside } from '@jangada/outside/outside.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { changed } from '@jangada/proto/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { partsOf, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { due, ended, followed } from '@jangada/proto/saga.ts';
import { type Bus, openBus } from '@jangada/runtime/bus.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import { eventsOf } from '@jangada/runtime/events.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import type { Store } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { startWebhookEndpoint, type WebhookEndpoint } from '@jangada/testkit/webhook.ts';
import { eventKeysOf } from '@jangada/vault/events.ts';
import { type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { follow, followChange, type Parts, type Tick } from '../services/saga/follow.ts';
import { wakeAt } from '../services/saga/timer.ts';
import { openWebhooks, type Webhooks } from '../services/saga/webhooks.ts';
import { openAgendas } from '../services/scheduling/agendas.ts';
import { carryOut } from '../services/scheduling/carry-out.ts';
import { startBroker, type TestBroker } from './test-broker.ts';
import { agreedSql, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// What follows from bookings, on a real broker with each service's own rights, real schedules, and an endpoint of webhooks.

let broker: TestBroker;
let database: TestDatabase;
let booking: { bus: Bus; store: Store };
let following: { bus: Bus; store: Store };
let endpoint: WebhookEndpoint;
let outside: Outside;
let webhooks: Webhooks;
/** Of a tenant that tells nobody. */
let nobody: Webhooks;
let pulled: ConsumerMessages;
let changes: ConsumerMessages;
const ticks: Tick[] = [];

beforeAll(async () => {
  const key = 'a key that both have';
  [broker, database, endpoint] = await Promise.all([
    startBroker(),
    startDatabase(),
    startWebhookEndpoint(key),
  ]);
  const openAs = async (name: string) => ({
    bus: await openBus(name, { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seedOf(name) }),
    store: await database.storeOf(name, 4),
  });
  [booking, following] = [await openAs('scheduling'), await openAs('saga')];
  outside = openOutside([endpoint.host]);
  const impatient = policy({ timeoutMs: 5_000, attempts: 2, backoffMs: 1, backoffMaxMs: 2 });
  const openTo = (urls: Record<string, string>): Webhooks => {
    const metrics = openMetrics('saga');
    const breaker = { ...impatient.breaker, failures: 100 };
    return openWebhooks({
      ...{ billing: urls, notifications: urls, keys: { casa: key }, outside, metrics },
      policyOf: (name) => resilience(name, { ...impatient, breaker }, metrics),
    });
  };
  [webhooks, nobody] = [openTo({ casa: endpoint.url }), openTo({})];
  await database.administer(`${tenantSql('casa')}
    insert into clients (tenant_id, id, name, name_search) values ('casa', 'c1', 'Ana', 'ana');
    insert into providers (tenant_id, id, name, name_search) select 'casa', 'p' || n, 'Eva', 'eva' from generate_series(1, 12) n;
    ${agreedSql}`);
  const consumer = await jetstream(following.bus.nc).consumers.get(streamOf.tick, 'saga');
  pulled = await consumer.consume({
    callback: (raw) => {
      ticks.push({ tenant: 'casa', sequence: raw.seq, body: due.body.parse(raw.json()) });
      raw.ack();
    },
  });
  const events = await jetstream(following.bus.nc).consumers.get(streamOf.event, 'saga');
  changes = await events.consume({
    callback: (raw) => {
      const { id = '' } = partsOf(changed, raw.subject) ?? {};
      const change = { tenant: 'casa', id, sequence: raw.seq, body: changed.body.parse(raw.json()) };
      void followChange(parts(), change).then(() => raw.ack());
    },
  });
}, 90_000);
afterAll(async () => {
  for (const one of [pulled, changes]) await one?.close();
  for (const one of [booking, following]) await one?.bus.close();
  await outside?.[Symbol.asyncDispose]();
  await endpoint?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await broker?.[Symbol.asyncDispose]();
});
beforeEach(() => endpoint.behave({ status: 204 }));

const day = new Date(Date.now() + 40 * 86_400_000).toISOString().slice(0, 10);
const schedule = (providerId: string): Command => ({
  ...{ type: 'ScheduleAppointment', subjectId: 'c1', providerId, roomId: `room of ${providerId}` },
  ...{ start: `${day}T12:00:00.000Z`, durationMinutes: 30 },
});
const agendas = openAgendas();
const give = async (command: Command, rid: string = crypto.randomUUID()) => {
  const made = await carryOut(
    { ...booking, vault: database.vault, agendas },
    {
      command,
      pass: passFor(JSON.stringify(command), { tid: 'casa', rid }),
      pack: packOf('aesthetic-clinic'),
      ...{ traceparent: '', signal: new AbortController().signal },
    },
  );
  if ('refused' in made) throw new Error(made.refused);
  return made.appointmentId ?? '';
};

const parts = (own: Partial<Parts> = {}): Parts => ({
  ...{ ...following, vault: database.vault, webhooks },
  ...{ rules: { holdMs: 0, remindMs: 0 }, waitMs: () => undefined },
  tell: ({ tenant, id, emission }) =>
    publishFact({ bus: following.bus }, { tenant, id, pass: undefined, traceparent: '' }, emission),
  failed: () => undefined,
  ...own,
});
/** The tick of a booking, once the broker has brought it. */
const tickOf = (id: string, which: (tick: Tick) => boolean): Promise<Tick> =>
  until('a tick', async () => ticks.find((tick) => tick.body.booking === id && which(tick)));
const announced = (id: string): Promise<Tick> => tickOf(id, ({ body }) => body.command !== undefined);
const scheduled = (id: string, after: Tick): Promise<Tick> =>
  tickOf(id, ({ sequence }) => sequence > after.sequence);

const keyOf = (id: string) =>
  following.store.within({ tenant: 'casa' }, async (transaction) => {
    const known = (await eventKeysOf(transaction, database.vault, 'casa', [id])).get(id);
    if (!known) throw new Error('a booking has a key');
    return known.key;
  });
const bookingOf = async (id: string) => {
  const { value } = await readBooking(following.bus, { tenant: 'casa', id }, await keyOf(id));
  if (!value) throw new Error('there is such a booking');
  return value;
};
/** How far it has come, as `<step> <outcome>`. */
const stepsOf = async (id: string): Promise<string[]> => {
  const log = await Array.fromAsync(eventsOf(following.bus.nc, followed, { tenant: 'casa', id }));
  return log.flatMap(({ body }) =>
    body ? [body.type === 'StepTaken' ? `${body.step} ${body.outcome}` : `failed ${body.reason}`] : [],
  );
};
const toldOf = (id: string): unknown[] => {
  const distinct = new Map(endpoint.told.map((told) => [told.id, told.body]));
  return [...distinct.values()].filter((body) => body['appointmentId'] === id).map(({ type }) => type);
};
const isTaken = async (providerId: string): Promise<boolean> => {
  const from = Date.parse(`${day}T12:00:00.000Z`);
  const held = [
    ...agendasOf('provider', providerId, { from, until: from + 1 }),
    ...agendasOf('room', `room of ${providerId}`, { from, until: from + 1 }),
  ].map(async (of) => readAgenda(booking.bus, { tenant: 'casa', id: agendaIdOf(of) }));
  return (await Promise.all(held)).some(({ value }) => Object.keys(value.taken).length > 0);
};
const endsOf = async (id: string) => {
  const jsm = await jetstreamManager((await broker.as('operator')).nc, { checkAPI: false });
  const { state } = await jsm.streams.info(streamOf.fact, { subjects_filter: `${ended.name}.casa.*` });
  const subjects = Object.keys(state.subjects ?? {}).filter((subject) => subject.includes(`.${id}-`));
  return Promise.all(
    subjects.sort().map(async (subject) => {
      const stored = await jsm.direct.getMessage(streamOf.fact, { last_by_subj: subject });
      return ended.body.parse(stored?.json());
    }),
  );
};

describe('a booking', () => {
  test('is charged and told, and its person reminded when the broker says that it is time', async () => {
    const id = await give(schedule('p1'));
    const { at, slot } = await bookingOf(id);
    // A moment after it was booked, which is over when the broker hears of it.
    const rules = { holdMs: 0, remindMs: slot.from - at - 1 };
    const first = await announced(id);
    await follow(parts({ rules, now: () => at }), first);
    expect(await stepsOf(id)).toEqual(['bill done', 'notify done']);
    await follow(parts({ rules }), await scheduled(id, first));
    expect(await stepsOf(id)).toEqual(['bill done', 'notify done', 'remind done']);
    expect(toldOf(id)).toEqual(['charge.opened', 'booking.made', 'booking.reminder']);
    expect(await endsOf(id)).toMatchObject([
      { version: 1, steps: [{ step: 'bill' }, { step: 'notify' }] },
      { version: 1, steps: [{ step: 'bill' }, { step: 'notify' }, { step: 'remind', outcome: 'done' }] },
    ]);
  });

  test('that is followed by many at once is followed as by one', async () => {
    const id = await give(schedule('p2'));
    const tick = await announced(id);
    await Promise.all(Array.from({ length: 6 }, () => follow(parts(), tick)));
    expect(await stepsOf(id)).toEqual(['bill done', 'notify done']);
    // Whoever is told more than once knows by the name that it is one.
    expect(toldOf(id)).toEqual(['charge.opened', 'booking.made']);
    expect(await endsOf(id)).toHaveLength(1);
  });

  test('that is cancelled is not charged any more, and who was told of it is told', async () => {
    const id = await give(schedule('p3'));
    const first = await announced(id);
    await follow(parts(), first);
    await give({ type: 'CancelAppointment', appointmentId: id });
    await follow(parts(), await scheduled(id, first));
    expect(await stepsOf(id)).toEqual(['bill done', 'notify done', 'void done', 'notify done']);
    expect(toldOf(id)).toContain('booking.cancelled');
    expect(await isTaken('p3')).toBe(false);
  });

  test('that the broker will not take a moment of is followed later, and is no dead letter', async () => {
    const never = Date.UTC(12_000, 0, 1);
    const woken = wakeAt(following.bus, 'casa', 'never', { booking: 'never', round: 0 }, never);
    await expect(woken).rejects.toThrow(Unavailable);
  });

  test('of a tenant that tells nobody is followed without a tick; where that fails, at one', async () => {
    const id = await give(schedule('p9'));
    const told = await announced(id);
    const { command = '' } = told.body;
    const change = { tenant: 'casa', id, sequence: 1, body: { command } };
    await followChange(parts({ webhooks: nobody }), change);
    expect(await stepsOf(id)).toEqual(['bill skipped', 'notify skipped']);
    expect(await endsOf(id)).toHaveLength(1);
    expect(ticks.filter(({ body }) => body.booking === id)).toEqual([told]);
    const failing = (error: Error) =>
      followChange(parts({ webhooks: nobody, tell: () => Promise.reject(error) }), change);
    await expect(failing(new Unavailable('broker'))).rejects.toThrow(Unavailable);
    await failing(new Unprocessable('INTERNAL', 'for good'));
    expect(await scheduled(id, told)).toMatchObject({ body: told.body });
  });

  test('that never came to be leaves nothing', async () => {
    await follow(parts(), { tenant: 'casa', sequence: 1, body: { booking: 'none', round: 0 } });
    expect(await stepsOf('none')).toEqual([]);
  });
});

describe('a booking that fails', () => {
  test('by nobody’s confirming it is undone in reverse, once, by whichever of many', async () => {
    const id = await give(schedule('p4'));
    const { at } = await bookingOf(id);
    const rules = { holdMs: 1, remindMs: 0 };
    const first = await announced(id);
    await follow(parts({ rules, now: () => at }), first);
    expect(await isTaken('p4')).toBe(true);
    const over = await scheduled(id, first);
    const failed: string[] = [];
    const counting = parts({ rules, failed: (reason) => failed.push(reason) });
    await Promise.all(Array.from({ length: 4 }, () => follow(counting, over)));
    expect(await stepsOf(id)).toEqual([
      ...['bill done', 'notify done', 'failed unconfirmed', 'void done', 'notify done'],
    ]);
    expect(toldOf(id)).toEqual([...['charge.opened', 'booking.made', 'charge.voided', 'booking.cancelled']]);
    expect(await bookingOf(id)).toMatchObject({ status: 'cancelled', version: 2, details: { by: 'saga' } });
    expect(await isTaken('p4')).toBe(false);
    expect((await endsOf(id)).at(-1)).toMatchObject({ version: 2, failed: 'unconfirmed' });
    expect(failed).toEqual(['unconfirmed']);
    await give(schedule('p4'));
  });

  test('while its person cancels it ends once, and its time is free', async () => {
    const id = await give(schedule('p5'));
    const rules = { holdMs: 1, remindMs: 0 };
    const tick = await announced(id);
    const cancel: Command = { type: 'CancelAppointment', appointmentId: id };
    await Promise.all([
      follow(parts({ rules }), tick),
      give(cancel).catch((error: Error) => expect(error.message).toBe('STATE_CONFLICT')),
    ]);
    expect(await bookingOf(id)).toMatchObject({ status: 'cancelled', version: 2 });
    expect(await isTaken('p5')).toBe(false);
  });

  test('because it cannot be charged is undone, and what was given up is a dead letter', async () => {
    const id = await give(schedule('p6'));
    endpoint.behave({ status: 422 });
    const tick = await announced(id);
    await expect(follow(parts(), tick)).rejects.toThrow(Unprocessable);
    expect(await stepsOf(id)).toEqual(['bill given-up', 'failed billing', 'void given-up']);
    expect(await bookingOf(id)).toMatchObject({ status: 'cancelled' });
    expect(await isTaken('p6')).toBe(false);
    expect(await endsOf(id)).toMatchObject([{ failed: 'billing' }]);
    // It dies however often it is brought, and nothing more is done.
    await expect(follow(parts(), tick)).rejects.toThrow(Unprocessable);
    expect(await stepsOf(id)).toHaveLength(3);
  });
});

describe('who is told', () => {
  test('and is away is tried again by a schedule, and then given up; the booking stays, and it can be sent again', async () => {
    const id = await give(schedule('p7'));
    const first = await announced(id);
    await follow(parts({ webhooks: nobody }), first);
    expect(await stepsOf(id)).toEqual(['bill skipped', 'notify skipped']);

    const confirm = crypto.randomUUID();
    await give({ type: 'ConfirmAppointment', appointmentId: id }, confirm);
    const told = await tickOf(id, ({ body }) => body.command === confirm);
    endpoint.behave({ status: 503 });
    const patient = parts({ waitMs: (round) => (round < 1 ? 1 : undefined) });
    await follow(patient, told);
    expect(await stepsOf(id)).toHaveLength(2);
    const second = await scheduled(id, told);
    expect(second.body).toMatchObject({ command: confirm, round: 1 });
    await expect(follow(patient, second)).rejects.toThrow(/notify/);
    expect(await stepsOf(id)).toEqual(['bill skipped', 'notify skipped', 'notify given-up']);
    expect(await bookingOf(id)).toMatchObject({ status: 'confirmed' });

    endpoint.behave({ status: 204 });
    await jetstream((await broker.as('operator')).nc).publish(
      subjectOf(due, 'casa', id),
      JSON.stringify(second.body),
    );
    const sentAgain = await scheduled(id, second);
    await follow(parts(), sentAgain);
    expect((await stepsOf(id)).at(-1)).toBe('notify done');
    expect((await endsOf(id)).at(-1)).toMatchObject({ steps: [{ step: 'notify', outcome: 'done' }] });
    expect(toldOf(id)).toEqual(['booking.confirmed']);
  });

  test('learns no name, and the stream nothing of whom and when', async () => {
    const id = await give(schedule('p8'));
    await follow(parts(), await announced(id));
    const told = JSON.stringify(endpoint.told.filter(({ body }) => body['appointmentId'] === id));
    expect(told).toContain('c1');
    expect(told).not.toContain('Ana');
    const jsm = await jetstreamManager((await broker.as('operator')).nc, { checkAPI: false });
    const { state } = await jsm.streams.info(streamOf.event, {
      subjects_filter: `${followed.name}.casa.${id}`,
    });
    expect(state.subjects).toEqual({ [subjectOf(followed, 'casa', id)]: 2 });
    for await (const raw of await jsm.direct.getBatch(streamOf.event, {
      ...{ seq: 1, next_by_subj: subjectOf(followed, 'casa', id), batch: 2 },
    }))
      expect(raw.string()).not.toMatch(/c1|p8|T12:00/);
  });
});
