import { agendasOf } from '@jangada/bookings/agenda.ts';
import { agendaIdOf, agendaOf, readAgenda, snapshotEvery } from '@jangada/bookings/state.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { agenda, changed } from '@jangada/proto/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { core, snapshotStream } from '@jangada/proto/envelope.ts';
import { streamOf, subjectOf } from '@jangada/proto/message.ts';
import type { End } from '@jangada/proto/reply.ts';
import { type Bus, openBus } from '@jangada/runtime/bus.ts';
import type { Store } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { coreTables } from '@jangada/vault/core.ts';
import { shred } from '@jangada/vault/shred.ts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openOwnChanges } from '../services/edge/own-changes.ts';
import { project, projectAll } from '../services/projection/bookings.ts';
import { type Agendas, openAgendas } from '../services/scheduling/agendas.ts';
import { carryOut, type Order } from '../services/scheduling/carry-out.ts';
import type { Outcome } from '../services/scheduling/handler.ts';
import { eventsOfTenant, rebuild } from './projection.ts';
import { startBroker, type TestBroker } from './test-broker.ts';
import { agreedSql, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// Bookings on a real broker, each service with its own rights: what is decided, what is stored, and what follows from it.

let broker: TestBroker;
let database: TestDatabase;
let buses: Bus[];
let store: Store;
let projecting: Store;
let jsm: JetStreamManager;

beforeAll(async () => {
  [broker, database] = await Promise.all([startBroker(), startDatabase()]);
  const settings = { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seedOf('scheduling') };
  buses = [await openBus('scheduling', settings), await openBus('scheduling', settings)];
  store = await database.storeOf('scheduling', 8);
  projecting = await database.storeOf('projection');
  jsm = await jetstreamManager((await broker.as('operator')).nc, { checkAPI: false });
  await database.administer(`${tenantSql('casa')} ${tenantSql('other')}
    insert into clients (tenant_id, id, name, name_search) select 'casa', 'c' || n, 'Ana', 'ana' from generate_series(1, 4) n;
    insert into providers (tenant_id, id, name, name_search) select 'casa', 'p' || n, 'Eva', 'eva' from generate_series(1, 9) n;
    ${agreedSql}`);
}, 90_000);
afterAll(async () => {
  for (const bus of buses ?? []) await bus.close();
  await database?.[Symbol.asyncDispose]();
  await broker?.[Symbol.asyncDispose]();
});

const orderOf = (command: Command, rid: string): Order => ({
  command,
  pass: passFor(JSON.stringify(command), { tid: 'casa', rid }),
  pack: packOf('aesthetic-clinic'),
  traceparent: '',
  signal: new AbortController().signal,
});
/** Each process remembers agendas of its own. */
const remembered = [openAgendas(), openAgendas()];
const partsOf = (by: number) => ({
  ...{ bus: buses[by] as Bus, store, vault: database.vault, agendas: remembered[by] as Agendas },
});
/** As a hop does, again with the same id where the database or the broker did not answer in time. */
const give = async (
  command: Command,
  { rid = crypto.randomUUID(), by = 0 }: { rid?: string; by?: number } = {},
): Promise<Outcome> => {
  for (;;) {
    try {
      return await carryOut(partsOf(by), orderOf(command, rid));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
};

/** A month within the year that may be booked, without its days. */
const month = new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 8);
type Scheduling = Extract<Command, { type: 'ScheduleAppointment' }>;
const slot = (providerId: string, start: string, own: Partial<Scheduling> = {}): Scheduling => ({
  ...{ type: 'ScheduleAppointment', subjectId: 'c1', providerId, start: `${month}0${start}:00.000Z` },
  durationMinutes: 30,
  ...own,
});
/** The id of a booking that is made. */
const booked = async (command: Scheduling): Promise<string> => {
  const made = await give(command);
  if ('refused' in made) throw new Error(made.refused);
  return made.appointmentId ?? '';
};
const cancel = (appointmentId: string): Command => ({ type: 'CancelAppointment', appointmentId });
const move = (appointmentId: string, start: string, expectedVersion?: number): Command => ({
  ...{ type: 'RescheduleAppointment', appointmentId, start: `${month}0${start}:00.000Z` },
  ...(expectedVersion === undefined ? {} : { expectedVersion }),
});
const agendaIdAt = (providerId: string, start: string): string => {
  const from = Date.parse(`${month}0${start}:00.000Z`);
  const [of] = agendasOf('provider', providerId, { from, until: from + 1 });
  if (!of) throw new Error('a moment lies in a day');
  return agendaIdOf(of);
};
const taken = async (providerId: string, start: string): Promise<number> => {
  const of = { tenant: 'casa', id: agendaIdAt(providerId, start) };
  const { value } = await readAgenda(buses[0] as Bus, of);
  return Object.keys(value.taken).length;
};
const allEvents = async () => (await Array.fromAsync(eventsOfTenant(jsm, 'casa'))).flat();
const eventsOf = async (id: string) => (await allEvents()).filter((event) => event.id === id);

describe('a command', () => {
  test('of many for one slot, at two processes, is carried out once; the others learn why, and what is free', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, at) => give(slot('p1', '1T12:00', { roomId: 'r1' }), { by: at % 2 })),
    );
    const refused = outcomes.filter((one) => 'refused' in one);
    expect(refused).toHaveLength(39);
    for (const one of refused)
      expect(one).toMatchObject({
        refused: 'SLOT_TAKEN',
        alternatives: ['30', '45']
          .map((m) => `${month}01T12:${m}:00.000Z`)
          .concat(['00', '15', '30'].map((m) => `${month}01T13:${m}:00.000Z`)),
      });
    expect(await taken('p1', '1T12:00')).toBe(1);
  });

  test('that was carried out and could not say so comes again, and changes nothing', async () => {
    const rid = crypto.randomUUID();
    const first = await give(slot('p2', '1T12:00'), { rid });
    const again = await give(slot('p2', '1T12:00'), { rid, by: 1 });
    expect(again).toEqual({ ...first, again: true });
    const { pass, ...order } = orderOf(slot('p2', '1T12:00'), rid);
    // Whoever gave it may do so no more.
    expect(await carryOut(partsOf(0), { ...order, pass: { ...pass, rol: 'none' } })).toEqual(again);
    if ('refused' in first) throw new Error(first.refused);
    expect(await eventsOf(first.appointmentId ?? '')).toHaveLength(1);
    expect(await give(slot('p2', '1T15:00'), { rid })).toMatchObject({ refused: 'RUN_CONFLICT' });
  });

  test('whose time is over is not carried out any more', async () => {
    const late = { ...orderOf(slot('p2', '3T12:00'), crypto.randomUUID()), signal: AbortSignal.abort() };
    await expect(carryOut(partsOf(0), late)).rejects.toThrow(Unavailable);
    expect(await taken('p2', '3T12:00')).toBe(0);
  });

  test('is held to the hours of its tenant as they stand now', async () => {
    const closed = (calendar: string) =>
      database.administer(`update tenants set calendar = ${calendar} where id = 'casa'`);
    await closed(`'{"week": {}}'`);
    expect(await give(slot('p2', '5T12:00'))).toMatchObject({
      ...{ refused: 'OUTSIDE_HOURS', alternatives: [] },
    });
    await closed('null');
    expect(await give(slot('p2', '5T12:00'))).toMatchObject({ version: 1 });
  });

  test('of two for one room, with two providers, leaves nothing of the one that lost', async () => {
    const both = await Promise.all(
      ['p3', 'p4'].map((one, by) => give(slot(one, '1T12:00', { roomId: 'r3' }), { by })),
    );
    expect(both.filter((one) => 'refused' in one)).toHaveLength(1);
    expect((await taken('p3', '1T12:00')) + (await taken('p4', '1T12:00'))).toBe(1);
  });

  test('of two on one version is refused as one that came too late', async () => {
    const id = await booked(slot('p5', '1T12:00'));
    const both = await Promise.all(['2T12:00', '2T14:00'].map((to, by) => give(move(id, to, 1), { by })));
    expect(both).toContainEqual(expect.objectContaining({ refused: 'VERSION_CONFLICT' }));
    expect(both).toContainEqual(expect.objectContaining({ appointmentId: id, version: 2 }));
    expect([await taken('p5', '1T12:00'), await taken('p5', '2T12:00')]).toEqual([0, 1]);
  });

  test('about nothing that there is, or about another tenant’s people, is refused', async () => {
    expect(await give(cancel('none'))).toMatchObject({ refused: 'NOT_FOUND' });
    expect(await give(slot('p1', '3T12:00', { subjectId: 'c99' }))).toMatchObject({
      refused: 'TENANT_ISOLATION_VIOLATION',
    });
  });

  test('is decided on what others did since its process read the agenda', async () => {
    const id = await booked(slot('p9', '4T12:00'));
    expect(await give(slot('p9', '4T12:00'), { by: 1 })).toMatchObject({ refused: 'SLOT_TAKEN' });
    await give(cancel(id));
    expect(await give(slot('p9', '4T12:00'), { by: 1 })).toMatchObject({ version: 1 });
    expect(await give(slot('p9', '4T12:00'))).toMatchObject({ refused: 'SLOT_TAKEN' });
  });

  test('is carried out where the broker has less than its process had read', async () => {
    const parts = partsOf(0);
    const { bus, agendas } = parts;
    const of = { tenant: 'casa', id: agendaIdAt('p9', '5T12:00') };
    await booked(slot('p9', '5T12:00'));
    const ahead = (await agendas.read(bus, of)).after + 1_000;
    let isForgotten = false;
    // As after a restore: what was read is of a place that is not there.
    const restored: Agendas = {
      read: async (asked, one) => {
        const read = await agendas.read(asked, one);
        return isForgotten ? read : { ...read, after: ahead };
      },
      forget: () => {
        isForgotten = true;
      },
    };
    const order = orderOf(slot('p9', '5T14:00'), crypto.randomUUID());
    expect(await carryOut({ ...parts, agendas: restored }, order)).toMatchObject({ version: 1 });
  });

  test('is carried out after what the broker was made to store among the events', async () => {
    const id = await booked(slot('p2', '4T12:00'));
    const [of] = agendasOf('provider', 'p2', {
      from: Date.parse(`${month}04`),
      until: Date.parse(`${month}05`),
    });
    if (!of) throw new Error('a day has an agenda');
    for (const subject of [subjectOf(agenda, 'casa', agendaIdOf(of)), subjectOf(changed, 'casa', id)])
      await buses[0]?.nc.request(subject, '{"stream":"FACTS","seq":1}');
    expect(await give(slot('p2', '4T12:00'))).toMatchObject({ refused: 'SLOT_TAKEN' });
    expect(await give(move(id, '4T13:00'))).toMatchObject({ version: 2 });
  });

  test('finds an agenda of many events by what was written down of it', async () => {
    for (let count = 0; count <= snapshotEvery / 2; count++)
      await give(cancel(await booked(slot('p6', '1T12:00'))));
    await booked(slot('p6', '1T12:00'));
    const subject = core.snapshot('agenda', '*', '*');
    const { state } = await jsm.streams.info(snapshotStream, { subjects_filter: subject });
    expect(Object.keys(state.subjects ?? {})).toHaveLength(1);
    expect(await taken('p6', '1T12:00')).toBe(1);
    expect(await give(slot('p6', '1T12:00'))).toMatchObject({ refused: 'SLOT_TAKEN' });
    // So does who only shows it, and may read no more than that takes.
    const edge = await broker.as('edge');
    const { taken: shown } = await agendaOf(edge, { tenant: 'casa', id: agendaIdAt('p6', '1T12:00') });
    expect(Object.keys(shown)).toHaveLength(1);
    expect(edge.denied).toEqual(new Set());
  });
});

describe('an event', () => {
  test('is removed by nobody, and says nothing of its person in clear', async () => {
    const id = await booked(slot('p7', '1T12:00', { service: 'Zuleide' }));
    const [event] = await eventsOf(id);
    await expect(
      (await jetstreamManager((await broker.as('provisioner')).nc)).streams.deleteMessage(
        streamOf.event,
        event?.sequence ?? 0,
      ),
    ).rejects.toThrow(/delete/);
    const raw = await jsm.streams.getMessage(streamOf.event, { seq: event?.sequence ?? 0 });
    expect(raw?.string()).not.toMatch(/Zuleide|c1\b|p7\b/);
  });
});

describe('the table that follows from events', () => {
  const rows = () => database.administer(`select id, provider_id, status, version from bookings order by id`);
  const catchUp = async (): Promise<void> => project(projecting, database.vault, 'casa', await allEvents());

  test('is the same in whatever order they come, and when it is made anew', async () => {
    const moved = await booked(slot('p8', '1T12:00'));
    await give(move(moved, '1T13:00'));
    await give(cancel(await booked(slot('p8', '1T12:00'))));
    const events = await allEvents();
    for (const event of events.toReversed())
      await project(projecting, database.vault, 'casa', [event]).catch(() => undefined);
    await catchUp();
    const before = await rows();
    expect(before).toContainEqual({ id: moved, provider_id: 'p8', status: 'scheduled', version: 2 });
    const made = await rebuild({ store: projecting, jsm, vault: database.vault }, 'casa');
    expect(made.after).toBe(made.before);
    expect(made.events).toBe(events.length);
    expect(await rows()).toEqual(before);
    await database.administer(`update bookings set status = 'cancelled' where id = '${moved}'`);
    const mended = await rebuild({ store: projecting, jsm, vault: database.vault }, 'casa');
    expect(mended.after).toBe(made.after);
    expect(mended.before).not.toBe(made.before);
  });

  test('knows of a booking that has begun whether somebody came', async () => {
    const id = await booked(slot('p6', '7T12:00'));
    const attended = (came: boolean) => give({ type: 'RecordAttendance', appointmentId: id, attended: came });
    expect(await attended(true)).toMatchObject({ refused: 'STATE_CONFLICT' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(`${month}07T12:10:00.000Z`) });
    try {
      expect(await attended(false)).toMatchObject({ version: 2 });
      expect(await attended(true)).toMatchObject({ version: 3 });
    } finally {
      vi.useRealTimers();
    }
    await catchUp();
    expect(await rows()).toContainEqual({ id, provider_id: 'p6', status: 'attended', version: 3 });
  });

  test('and that of agendas has what they are taken for and open, in whatever order it was said', async () => {
    const kept = await booked(slot('p5', '7T12:00'));
    await give(cancel(await booked(slot('p5', '7T13:00'))));
    await give({
      ...{ type: 'RegisterAvailability', providerId: 'p5', day: `${month}07` },
      open: [{ from: `${month}07T11:00:00.000Z`, until: `${month}07T15:00:00.000Z` }],
    });
    const [of] = agendasOf('provider', 'p5', {
      from: Date.parse(`${month}07T12:00Z`),
      until: Date.parse(`${month}07T12:01Z`),
    });
    if (!of) throw new Error('a moment lies in a day');
    const times = () =>
      database.administer(`select kind, open, id like '%${kept}' as "isKept" from agenda_times
        where agenda_id = '${agendaIdOf(of)}' order by kind`);
    const events = await allEvents();
    for (const event of events.toReversed())
      await project(projecting, database.vault, 'casa', [event]).catch(() => undefined);
    const before = await times();
    expect(before).toMatchObject([
      { kind: 'freed', isKept: false },
      { kind: 'opened', open: [{ from: `${month}07T11:00:00.000Z` }] },
      { kind: 'taken', isKept: true },
    ]);
    await catchUp();
    expect(await times()).toEqual(before);
  });

  test('loses nothing that comes while it is made anew', async () => {
    let id = '';
    const busy: Pick<Store, 'within'> = {
      within: async (claim, run) => {
        id = await booked(slot('p8', '5T12:00'));
        await catchUp();
        return projecting.within(claim, run);
      },
    };
    const made = await rebuild({ store: busy, jsm, vault: database.vault }, 'casa');
    expect(made.after).toBe(made.before);
    expect(await rows()).toContainEqual(expect.objectContaining({ id }));
  });

  test('is kept for a tenant while another’s cannot be', async () => {
    const id = await booked(slot('p8', '6T12:00'));
    const [event] = await eventsOf(id);
    if (!event) throw new Error('a booking has an event');
    const partly: Pick<Store, 'within'> = {
      within: async (claim, run) => {
        if ('tenant' in claim && claim.tenant === 'other') throw new Unavailable('database');
        return projecting.within(claim, run);
      },
    };
    const both = [{ ...event, tenant: 'other' }, event];
    await expect(projectAll(partly, database.vault, both)).rejects.toThrow(Unavailable);
    expect(await rows()).toContainEqual(expect.objectContaining({ id }));
  });

  test('is waited for by who has changed what it shows, and by nobody else', async () => {
    // Where no Redis is, one edge knows what it was given.
    const settings = { REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_REPLICAS: 1 };
    await using limits = openLimits({ settings, secret: Buffer.alloc(32), metrics: openMetrics('test') });
    const edge = await database.storeOf('edge');
    const ends = new Map<string, End>();
    const endOf = async (_tenant: string, run: string) => ends.get(run);
    const [hasty, patient] = [0, 60_000].map((waitMs) => openOwnChanges(limits, { endOf }, edge, waitMs));
    const [ana, eva] = ['ana', 'eva'].map((subject) => ({ tenant: 'casa', subject }));
    if (!(hasty && patient && ana && eva)) throw new Error('two of each');
    expect(await hasty.shown(ana)).toBe(true);

    const rid = crypto.randomUUID();
    await hasty.note(ana, rid);
    expect(await hasty.shown(ana)).toBe(false);
    const outcome = await give(slot('p8', '7T12:00'), { rid });
    if ('refused' in outcome) throw new Error(outcome.refused);
    const { appointmentId = '', version = 0, position = 0 } = outcome;
    expect(position).toBe((await eventsOf(appointmentId))[0]?.sequence);
    const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 0 };
    const done = (item: object): End => ({
      ...{ type: 'answered', confidence: 1, usage, cached: false, degraded: false, intent: 'any' },
      items: [{ ...item }],
    });
    ends.set(rid, done({ appointmentId, version, position }));
    expect(await hasty.shown(ana)).toBe(false);
    // What came after it and is taken in before it shows nothing of it.
    const later = await booked(slot('p8', '8T12:00'));
    await project(projecting, database.vault, 'casa', await eventsOf(later));
    expect(await hasty.shown(ana)).toBe(false);
    expect(await hasty.shown(eva)).toBe(true);
    const waiting = patient.shown(ana);
    await catchUp();
    expect(await waiting).toBe(true);

    // What was refused changed nothing.
    const refused = crypto.randomUUID();
    await hasty.note(ana, refused);
    ends.set(refused, { type: 'refused', code: 'SLOT_TAKEN', message: '' });
    expect(await hasty.shown(ana)).toBe(true);

    // What failed may be given again and is carried out then, as hours here.
    const failed = crypto.randomUUID();
    await hasty.note(ana, failed);
    ends.set(failed, { type: 'failed', code: 'DEADLINE', message: '' });
    expect(await hasty.shown(ana)).toBe(true);
    const hours = await give(
      { type: 'RegisterAvailability', providerId: 'p9', day: `${month}09`, open: [] },
      { rid: failed },
    );
    if ('refused' in hours) throw new Error(hours.refused);
    ends.set(failed, done({ position: hours.position }));
    expect(await hasty.shown(ana)).toBe(false);
    await catchUp();
    expect(await hasty.shown(ana)).toBe(true);
  });

  test('takes no two bookings of one provider at one time, whoever writes them', async () => {
    const insert = (id: string, room: string) =>
      database.administer(`insert into bookings values
        ('other', '${id}', 'c', 'p', ${room}, null, '2035-01-01T10:00Z', '2035-01-01T11:00Z', 'scheduled', 1, now())`);
    await insert('b1', 'null');
    await expect(insert('b2', 'null')).rejects.toMatchObject({ code: '23P01' });
  });

  test('holds nothing of whoever’s key is gone, and nobody reads their events any more', async () => {
    const id = await booked(slot('p9', '1T12:00', { subjectId: 'c4' }));
    await catchUp();
    expect(await rows()).toContainEqual(expect.objectContaining({ id }));
    await shred({
      ...{ store: await database.storeOf('privacy'), tenant: 'casa', subject: 'c4', class: 'discretionary' },
      tables: coreTables,
      announce: async () => database.vault.forget('casa'),
    });
    expect(await give(cancel(id))).toMatchObject({ refused: 'NOT_FOUND' });
    const made = await rebuild({ store: projecting, jsm, vault: database.vault }, 'casa');
    expect(made.after).not.toBe(made.before);
    expect(await rows()).not.toContainEqual(expect.objectContaining({ id }));
    // It is still there, and a slot stays taken.
    expect(await eventsOf(id)).toHaveLength(1);
    expect(await taken('p9', '1T12:00')).toBe(1);
    expect(await give(slot('p9', '2T12:00', { subjectId: 'c4' }))).toMatchObject({
      refused: 'CRYPTO_KEY_SHREDDED',
    });
  });
});

test('agendas and bookings are appended to by scheduling and saga alone', async () => {
  for (const name of ['edge', 'access', 'projection'])
    for (const message of [changed, agenda]) {
      await using other = await broker.as(name);
      other.nc.publish(`${message.name}.casa.x`, '{}');
      await other.nc.flush();
      await expect.poll(() => [...other.denied]).toEqual([`publish ${message.name}.casa.x`]);
    }
});
