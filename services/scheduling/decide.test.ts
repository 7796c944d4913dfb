import { type Agenda, agendasOf, evolveAgenda, keyOf, noAgenda } from '@jangada/bookings/agenda.ts';
import { type Booking, bookingIdOf, evolve } from '@jangada/bookings/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { describe, expect, test } from 'vitest';
import { type Decision, decide, type Given, type State } from './decide.ts';

const at = (time: string): string => `2030-05-06T${time}:00.000Z`;
const day = { from: Date.parse(at('03:00')), until: Date.parse('2030-05-07T03:00:00.000Z') };

/** Everything that follows from commands that were carried out one after the other. */
const nothing: State = { booking: undefined, agendas: new Map() };

const order = (command: Command, own: Partial<Given> = {}): Given => ({
  ...{ command, id: 'cmd-1', hash: `hash of ${JSON.stringify(command)}`, by: 'user-1' },
  ...{ now: Date.parse('2030-05-01T00:00:00Z'), day, calendar: undefined },
  ...own,
});

const schedule = (
  start: string,
  own: Partial<Extract<Command, { type: 'ScheduleAppointment' }>> = {},
): Command => ({
  ...{ type: 'ScheduleAppointment', subjectId: 'cli-1', providerId: 'pro-1', roomId: 'room-1' },
  ...{ start: at(start), durationMinutes: 30 },
  ...own,
});
const first = bookingIdOf('cmd-1');

const carriedOut = (decision: Decision) => {
  if (!('event' in decision)) throw new Error(`not carried out: ${JSON.stringify(decision)}`);
  return decision;
};

/** What a state is after a command; whom the booking of the next is. */
const after = (state: State, given: Given, next?: string): State => {
  const { event, changes } = carriedOut(decide(state, given));
  const id = 'appointmentId' in given.command ? given.command.appointmentId : bookingIdOf(given.id);
  const version = (state.booking?.version ?? 0) + 1;
  const booking = event
    ? evolve(state.booking, { id, version, at: at('00:00'), command: given.id, ...event })
    : state.booking;
  const agendas = new Map<string, Agenda>(state.agendas);
  for (const { of, change } of changes) {
    const before = agendas.get(keyOf(of)) ?? noAgenda;
    agendas.set(
      keyOf(of),
      evolveAgenda(before, { version: before.version + 1, command: given.id, changes: [change] }),
    );
  }
  return { booking: next === undefined ? booking : undefined, agendas };
};
const booked = after(nothing, order(schedule('13:00')));
const others: State = { ...booked, booking: undefined };
const versionOf = (state: State): Booking => state.booking as Booking;

describe('a booking', () => {
  test('takes the time of its provider and its room', () => {
    const { event, changes } = carriedOut(decide(nothing, order(schedule('13:00'))));
    expect(event).toMatchObject({
      type: 'AppointmentScheduled',
      details: { start: at('13:00'), end: at('13:30') },
    });
    expect(changes.map(({ of, change }) => [of.kind, of.id, change])).toEqual(
      [
        ['provider', 'pro-1'],
        ['room', 'room-1'],
      ].map((of) => [...of, { type: 'taken', holder: first, from: at('13:00'), until: at('13:30') }]),
    );
  });

  test.each([
    ['at the same time', schedule('13:00'), 'SLOT_TAKEN'],
    ['that begins within', schedule('13:15'), 'SLOT_TAKEN'],
    ['that ends within', schedule('12:45'), 'SLOT_TAKEN'],
    ['that lies around', schedule('12:00', { durationMinutes: 120 }), 'SLOT_TAKEN'],
    ['of another provider in the room', schedule('13:00', { providerId: 'pro-2' }), 'SLOT_TAKEN'],
    ['of the provider in another room', schedule('13:00', { roomId: 'room-2' }), 'SLOT_TAKEN'],
    ['in the past', schedule('13:00', { start: '2020-01-01T00:00:00Z' }), 'INPUT_INVALID'],
    ['more than a year ahead', schedule('13:00', { start: '2031-05-03T00:00:00Z' }), 'INPUT_INVALID'],
  ])('%s is refused', (_which, command, refused) => {
    expect(decide(others, order(command, { id: 'cmd-2' }))).toMatchObject({ refused });
  });

  test.each([
    ['right before', schedule('12:30')],
    ['right after', schedule('13:30')],
    ['of another in another room', schedule('13:00', { providerId: 'pro-2', roomId: 'room-2' })],
    ['of another without a room', schedule('13:00', { providerId: 'pro-2', roomId: undefined })],
  ] as [string, Command][])('%s is made', (_which, command) => {
    expect(decide(others, order(command, { id: 'cmd-2' }))).toHaveProperty('event');
  });

  test('that cannot be is told what can', () => {
    expect(decide(others, order(schedule('12:45'), { id: 'cmd-2' }))).toMatchObject({
      alternatives: ['13:30', '13:45', '14:00', '14:15', '14:30'].map(at),
    });
    const last = order(schedule('13:00', { durationMinutes: 600 }), { id: 'cmd-2' });
    expect(decide(others, last)).toMatchObject({
      alternatives: ['13:30', '13:45', '14:00', '14:15', '14:30']
        .map(at)
        .filter((one) => Date.parse(one) + 36e6 <= day.until),
    });
  });

  test('over midnight is in the agendas of both days', () => {
    const night = schedule('23:45');
    expect(carriedOut(decide(nothing, order(night))).changes).toHaveLength(4);
    const taken = { ...after(nothing, order(night)), booking: undefined };
    const morning = schedule('00:00', { start: '2030-05-07T00:00:00Z', durationMinutes: 5 });
    expect(decide(taken, order(morning, { id: 'cmd-2' }))).toMatchObject({ refused: 'SLOT_TAKEN' });
  });

  test('is made once, however often its command comes', () => {
    expect(decide(booked, order(schedule('13:00')))).toEqual({ version: 1 });
  });

  test('is not made by another command of the same name', () => {
    expect(decide(booked, order(schedule('14:00')))).toMatchObject({ refused: 'RUN_CONFLICT' });
  });
});

describe('once booked', () => {
  const move = (start: string, own: object = {}): Command => ({
    ...{ type: 'RescheduleAppointment', appointmentId: first, start: at(start) },
    ...own,
  });
  const cancel: Command = { type: 'CancelAppointment', appointmentId: first };
  const confirm: Command = { type: 'ConfirmAppointment', appointmentId: first };
  const second = (command: Command, own: Partial<Given> = {}) => order(command, { id: 'cmd-2', ...own });

  test('it moves over its own time, and lets the rest of it go', () => {
    const moved = after(booked, second(move('13:15')));
    expect(versionOf(moved)).toMatchObject({ version: 2, status: 'scheduled' });
    const free: State = { ...moved, booking: undefined };
    expect(decide(free, order(schedule('12:45'), { id: 'cmd-3' }))).toHaveProperty('event');
    expect(decide(free, order(schedule('13:30'), { id: 'cmd-3' }))).toMatchObject({ refused: 'SLOT_TAKEN' });
  });

  test('it leaves the agenda of the day and the room that it moves from', () => {
    const moved = after(booked, second(move('13:00', { start: '2030-05-08T13:00:00Z', roomId: 'room-2' })));
    expect(
      decide({ ...moved, booking: undefined }, order(schedule('13:00'), { id: 'cmd-3' })),
    ).toHaveProperty('event');
  });

  test('it is confirmed once, and is to be confirmed anew when it has moved', () => {
    const confirmed = after(booked, second(confirm));
    expect(versionOf(confirmed).status).toBe('confirmed');
    expect(decide(confirmed, order(confirm, { id: 'cmd-3' }))).toMatchObject({ refused: 'STATE_CONFLICT' });
    expect(versionOf(after(confirmed, order(move('15:00'), { id: 'cmd-3' }))).status).toBe('scheduled');
  });

  test('it is cancelled, its time is free, and nothing more becomes of it', () => {
    const cancelled = after(booked, second(cancel));
    expect(
      decide({ ...cancelled, booking: undefined }, order(schedule('13:00'), { id: 'cmd-3' })),
    ).toHaveProperty('event');
    for (const command of [cancel, confirm, move('15:00')])
      expect(decide(cancelled, order(command, { id: 'cmd-3' }))).toMatchObject({ refused: 'STATE_CONFLICT' });
    expect(decide(cancelled, second(cancel))).toEqual({ version: 2 });
  });

  test('and begun, it stays', () => {
    const now = Date.parse(at('13:00'));
    for (const command of [cancel, confirm, move('15:00')])
      expect(decide(booked, second(command, { now }))).toMatchObject({ refused: 'STATE_CONFLICT' });
  });

  test.each([cancel, confirm, move('15:00')])(
    '$type of a version that it is no more is refused',
    (command) => {
      const given = (expectedVersion: number) => second({ ...command, expectedVersion } as Command);
      expect(decide(booked, given(2))).toMatchObject({ refused: 'VERSION_CONFLICT' });
      expect(decide(booked, given(1))).toHaveProperty('event');
    },
  );

  test('and begun, it is kept or missed, which is said anew where it was wrong', () => {
    const attendance = (attended: boolean, now: string, id = 'cmd-4') =>
      order({ type: 'RecordAttendance', appointmentId: first, attended }, { id, now: Date.parse(at(now)) });
    expect(decide(booked, attendance(true, '12:59'))).toMatchObject({ refused: 'STATE_CONFLICT' });
    const missed = after(booked, attendance(false, '13:10'));
    expect(versionOf(missed)).toMatchObject({ status: 'no_show', version: 2 });
    expect(decide(missed, attendance(false, '13:11', 'cmd-5'))).toMatchObject({ refused: 'STATE_CONFLICT' });
    const kept = after(missed, attendance(true, '13:12', 'cmd-5'));
    expect(versionOf(kept)).toMatchObject({ status: 'attended', version: 3 });
    const cancelled = after(
      booked,
      order({ type: 'CancelAppointment', appointmentId: first }, { id: 'cmd-2' }),
    );
    expect(decide(cancelled, attendance(true, '13:10'))).toMatchObject({ refused: 'STATE_CONFLICT' });
  });

  test('and moved very often, it moves no more, and can still be confirmed and cancelled', () => {
    const often: State = { ...booked, booking: { ...versionOf(booked), version: 200 } };
    expect(decide(often, second(move('15:00')))).toMatchObject({ refused: 'STATE_CONFLICT' });
    for (const command of [confirm, cancel]) expect(decide(often, second(command))).toHaveProperty('event');
  });

  test('what was never booked is not found', () => {
    expect(decide(nothing, second(cancel))).toMatchObject({ refused: 'NOT_FOUND' });
  });
});

describe('a provider’s hours', () => {
  const hours = (...open: [from: string, until: string][]): Command => ({
    ...{ type: 'RegisterAvailability', providerId: 'pro-1', day: '2030-05-06' },
    open: open.map(([from, until]) => ({ from: at(from), until: at(until) })),
  });
  const opened = after(nothing, order(hours(['12:00', '14:00'], ['14:00', '15:00']), { id: 'cmd-0' }));

  test.each([
    ['12:00', 60, undefined],
    ['13:30', 60, undefined],
    ['11:45', 30, 'OUTSIDE_HOURS'],
    ['14:45', 30, 'OUTSIDE_HOURS'],
    ['20:00', 30, 'OUTSIDE_HOURS'],
  ] as const)('at %s for %i minutes', (start, durationMinutes, refused) => {
    const decision = decide(opened, order(schedule(start, { durationMinutes })));
    expect('refused' in decision ? decision.refused : undefined).toBe(refused);
  });

  test('are what was said last', () => {
    const closed = after(opened, order(hours(), { id: 'cmd-2' }));
    expect(decide(closed, order(schedule('13:00'), { id: 'cmd-3' }))).toMatchObject({
      ...{ refused: 'OUTSIDE_HOURS', alternatives: [] },
    });
    // One that comes again late does not undo what came after it.
    expect(decide(closed, order(hours(['12:00', '14:00'], ['14:00', '15:00']), { id: 'cmd-0' }))).toEqual({
      version: undefined,
    });
  });

  test('said over and over are remembered by the last commands alone', () => {
    let state = opened;
    for (let count = 1; count <= 30; count++)
      state = after(state, order(hours(['12:00', '14:00']), { id: `again-${count}` }));
    for (const { openedBy } of state.agendas.values()) expect(openedBy).toHaveLength(20);
    expect(decide(state, order(hours(), { id: 'again-30' }))).toEqual({ version: undefined });
  });

  test('say nothing of another day', () => {
    const other = schedule('13:00', { start: '2030-05-08T13:00:00Z' });
    expect(decide(opened, order(other))).toHaveProperty('event');
    expect(agendasOf('provider', 'pro-1', day)).toHaveLength(2);
  });

  test.each([
    ['that end before they begin', ['14:00', '13:00']],
    ['of another day', ['02:00', '04:00']],
  ] as const)('%s are none', (_which, [from, until]) => {
    expect(decide(nothing, order(hours([from, until])))).toMatchObject({ refused: 'INPUT_INVALID' });
  });

  test.each([
    ['that is over', '2030-05-07T03:00:00Z', 'INPUT_INVALID'],
    ['that is not over', '2030-05-07T02:59:00Z', undefined],
    ['of the year that may be booked', '2029-05-05T03:00:00Z', undefined],
    ['further ahead', '2029-05-05T02:59:00Z', 'INPUT_INVALID'],
  ] as const)('of a day %s', (_which, now, refused) => {
    const decision = decide(nothing, order(hours(['12:00', '14:00']), { now: Date.parse(now) }));
    expect('refused' in decision ? decision.refused : undefined).toBe(refused);
    // What was carried out stays so.
    expect(decide(opened, order(hours(['12:00', '14:00']), { id: 'cmd-0', now: Date.parse(now) }))).toEqual({
      version: undefined,
    });
  });
});
