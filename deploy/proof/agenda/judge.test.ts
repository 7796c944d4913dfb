import { agendasOf, placesOf } from '@jangada/bookings/agenda.ts';
import { bookingIdOf } from '@jangada/bookings/booking.ts';
import { agendaIdOf } from '@jangada/bookings/state.ts';
import type { AgendaChange, Details } from '@jangada/proto/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { expect, test } from 'vitest';
import { commandsOf } from './commands.ts';
import type { BookingEvent, Event, History, SagaEvent, Told, Webhook } from './history.ts';
import { violationsOf } from './judge.ts';
import { dayOf, slotOf } from './model.ts';

const day = '2030-03-04';
const at = (time: string): string => `${day}T${time}:00.000Z`;
const giver = { sub: 'u', rol: 'admin' };
type Step = Extract<SagaEvent['body'], { type: 'StepTaken' }>;

/** A history that could have been, written down as it happens. */
const right = (): History => {
  const given: History['given'][number][] = [];
  const told: Told[] = [];
  const events: Event[] = [];
  const webhooks: Webhook[] = [];
  const versions = new Map<string, number>();
  const last = new Map<string, Details>();
  let now = 0;
  const after = (ms: number): number => {
    now += ms;
    return now;
  };
  const stored = (kind: Event['kind'], id: string) => {
    const version = (versions.get(`${kind} ${id}`) ?? 0) + 1;
    versions.set(`${kind} ${id}`, version);
    return { sequence: events.length + 1, at: now, id, version };
  };
  const give = (id: string, command: Command, denied?: Told['code']): void => {
    given.push({ id, giver, command, denied, at: after(10_000) });
    after(10);
  };
  const change = (command: string, id: string, changes: readonly AgendaChange[]): void =>
    void events.push({ kind: 'agenda', ...stored('agenda', id), command, changes });
  const changed = (command: string, id: string, type: BookingEvent['type'], details: Details): void => {
    const before = last.get(id);
    for (const of of before ? placesOf(before, slotOf(before)) : [])
      change(command, agendaIdOf(of), [{ type: 'freed', holder: id }]);
    for (const of of type === 'AppointmentCancelled' ? [] : placesOf(details, slotOf(details)))
      change(command, agendaIdOf(of), [
        { type: 'taken', holder: id, from: details.start, until: details.end },
      ]);
    last.set(id, details);
    events.push({ kind: 'booking', ...stored('booking', id), command, type, details });
    if (command.startsWith('saga-')) return;
    told.push({
      id: command,
      at: after(10),
      outcome: 'done',
      appointmentId: id,
      version: versions.get(`booking ${id}`),
    });
  };
  const refuse = (id: string, code: Told['code'], alternatives: readonly string[] = []): void =>
    void told.push({ id, at: after(10), outcome: 'refused', ...(code ? { code } : {}), alternatives });
  const tell = (appointmentId: string, type: string, taken = true): void => {
    const version = versions.get(`booking ${appointmentId}`);
    const id = `${type} ${appointmentId}${type.startsWith('charge') ? '' : ` ${version}`}`;
    webhooks.push({ id, taken, body: { type, appointmentId, version } });
  };
  const follow = (id: string, step: Step['step'], outcome: Step['outcome'] = 'done'): void => {
    const { version, ...where } = stored('saga', id);
    const of = versions.get(`booking ${id}`) ?? 0;
    const body = { type: 'StepTaken', version, at: at('00:00'), of, tick: 1, step, outcome } as const;
    events.push({ kind: 'saga', ...where, version, body });
  };
  const slot = (subjectId: string, providerId: string, start: string, own: Partial<Command> = {}): Command =>
    ({
      type: 'ScheduleAppointment',
      subjectId,
      providerId,
      start: at(start),
      durationMinutes: 30,
      ...own,
    }) as Command;
  const detailsOf = (subjectId: string, providerId: string, start: string, end: string): Details => ({
    ...{ subjectId, providerId, start: at(start), end: at(end), by: giver.sub, hash: 'hash' },
  });

  const [one, two, three] = ['a', 'g', 'k'].map(bookingIdOf) as [string, string, string];
  give('a', slot('c1', 'p1', '13:00', { roomId: 'r1' }));
  const made = { ...detailsOf('c1', 'p1', '13:00', '13:30'), roomId: 'r1' };
  changed('a', one, 'AppointmentScheduled', made);
  tell(one, 'charge.opened', false);
  tell(one, 'charge.opened');
  follow(one, 'bill');
  give('b', slot('c2', 'p1', '13:15'));
  refuse('b', 'SLOT_TAKEN', [at('13:30')]);
  give('c', { type: 'RescheduleAppointment', appointmentId: one, start: at('15:00'), expectedVersion: 1 });
  changed('c', one, 'AppointmentRescheduled', { ...made, start: at('15:00'), end: at('15:30') });
  tell(one, 'booking.moved');
  follow(one, 'notify');
  give('d', { type: 'ConfirmAppointment', appointmentId: one, expectedVersion: 1 });
  refuse('d', 'VERSION_CONFLICT');
  const hours: Command = {
    type: 'RegisterAvailability',
    providerId: 'p2',
    day,
    open: [{ from: at('12:00'), until: at('18:00') }],
  };
  give('e', hours);
  const within = dayOf(hours);
  const whole = { from: new Date(within.from).toISOString(), until: new Date(within.until).toISOString() };
  for (const of of agendasOf('provider', 'p2', within))
    change('e', agendaIdOf(of), [{ type: 'opened', within: whole, open: hours.open }]);
  told.push({ id: 'e', at: after(10), outcome: 'done' });
  give('f', slot('c3', 'p2', '17:45'));
  refuse('f', 'OUTSIDE_HOURS');
  give('g', slot('c4', 'p3', '13:00'));
  changed('g', two, 'AppointmentScheduled', detailsOf('c4', 'p3', '13:00', '13:30'));
  tell(two, 'charge.opened');
  follow(two, 'bill');
  give('h', { type: 'CancelAppointment', appointmentId: two });
  changed('h', two, 'AppointmentCancelled', detailsOf('c4', 'p3', '13:00', '13:30'));
  tell(two, 'charge.voided');
  follow(two, 'void');
  give('i', slot('c4', 'p3', '13:00'), 'AUTHZ_DENIED');
  refuse('i', 'AUTHZ_DENIED');
  give('j', { type: 'CancelAppointment', appointmentId: 'none' });
  refuse('j', 'NOT_FOUND');
  give('k', slot('c5', 'p3', '13:00'));
  changed('k', three, 'AppointmentScheduled', detailsOf('c5', 'p3', '13:00', '13:30'));
  tell(three, 'charge.opened', false);
  follow(three, 'bill', 'given-up');
  const { version, ...where } = stored('saga', three);
  const failed = {
    type: 'AppointmentSchedulingFailed',
    version,
    at: at('00:00'),
    of: 1,
    tick: 1,
    reason: 'billing',
  } as const;
  events.push({ kind: 'saga', ...where, version, body: failed });
  changed(`saga-${three}`, three, 'AppointmentCancelled', detailsOf('c5', 'p3', '13:00', '13:30'));
  tell(three, 'charge.voided');
  follow(three, 'void');

  const rows = [one, two, three].map((id) => {
    const {
      subjectId: subject,
      providerId: provider,
      roomId: room = null,
      start,
      end,
    } = last.get(id) as Details;
    const status = id === one ? 'scheduled' : 'cancelled';
    const version = versions.get(`booking ${id}`) ?? 0;
    return { id, subject, provider, room, service: null, start, end, status, version };
  });
  const stands = last.get(one) as Details;
  const times = placesOf(stands, slotOf(stands)).map((of) => ({
    ...{ agenda: agendaIdOf(of), holder: one, from: stands.start, until: stands.end },
  }));
  const dead = [{ hop: 'saga', reason: 'UPSTREAM_UNAVAILABLE: nobody outside took the step bill' }];
  return { given, told, events, rows, times, webhooks, dead, isHeld: false };
};

test('a history that could have been is right', () => {
  expect(violationsOf(right())).toEqual([]);
});

/** Changes what one of several is, or takes it away. */
const instead = <T>(
  all: readonly T[],
  which: (one: T) => boolean,
  put: (one: T) => readonly T[],
): readonly T[] => {
  expect(all.some(which)).toBe(true);
  return all.flatMap((one) => (which(one) ? put(one) : [one]));
};
const without = (): readonly never[] => [];
const twice = <T>(one: T): readonly T[] => [one, one];
const isOf = (command: string) => (event: Event) => event.kind === 'booking' && event.command === command;
const about = (type: string) => (webhook: Webhook) => webhook.body['type'] === type;

test.each<readonly [string, (history: History) => Partial<History>, RegExp]>([
  [
    'an answer that was lost',
    ({ told }) => ({ told: instead(told, ({ id }) => id === 'b', without) }),
    /b .* was never answered/,
  ],
  [
    'an answer that came twice',
    ({ told }) => ({ told: instead(told, ({ id }) => id === 'a', twice) }),
    /a .* answered done and done/,
  ],
  [
    'a command that was done and refused',
    ({ told }) => ({ told: [...told, { id: 'a', at: 1e9, outcome: 'refused', code: 'SLOT_TAKEN' }] }),
    /a .* answered done and refused/,
  ],
  [
    'a command that failed',
    ({ told }) => ({
      told: instead(
        told,
        ({ id }) => id === 'd',
        (one) => [{ ...one, outcome: 'failed', code: 'MSG_POISON' }],
      ),
    }),
    /d .* failed with MSG_POISON/,
  ],
  [
    'an effect that was lost',
    ({ events }) => ({ events: instead(events, isOf('c'), without) }),
    /c .* changed a booking 0 times/,
  ],
  [
    'an effect that came twice',
    ({ events }) => ({ events: instead(events, isOf('g'), (one) => [one, { ...one, version: 2 }]) }),
    /g .* changed a booking 2 times/,
  ],
  [
    'an effect of what was refused',
    ({ told }) => ({
      told: instead(
        told,
        ({ id }) => id === 'h',
        (one) => [{ ...one, outcome: 'refused', code: 'NOT_FOUND' }],
      ),
    }),
    /h .* was refused with NOT_FOUND, and changed something/,
  ],
  [
    'a version that is missing',
    ({ events }) => ({ events: instead(events, isOf('h'), (one) => [{ ...one, version: 3 }]) }),
    /goes on with version 3, not 2/,
  ],
  [
    'somebody in two places',
    ({ events }) => ({
      events: instead(events, isOf('k'), (one) =>
        one.kind === 'booking' && one.details
          ? [{ ...one, details: { ...one.details, providerId: 'p1', start: at('15:15'), end: at('15:45') } }]
          : [],
      ),
    }),
    /takes time of booking/,
  ],
  [
    'a refusal without a reason',
    ({ told }) => ({
      told: instead(
        told,
        ({ id }) => id === 'b',
        (one) => [{ ...one, code: 'OUTSIDE_HOURS' }],
      ),
    }),
    /b .* refused with OUTSIDE_HOURS, which held at no moment/,
  ],
  [
    'somebody who may not',
    ({ given }) => ({
      given: instead(
        given,
        ({ id }) => id === 'g',
        (one) => [{ ...one, denied: 'AUTHZ_DENIED' }],
      ),
    }),
    /had to be refused with AUTHZ_DENIED/,
  ],
  [
    'an agenda that lacks a booking',
    ({ events }) => ({
      events: instead(events, (one) => one.kind === 'agenda' && one.command === 'c', without),
    }),
    /an agenda lacks what stands/,
  ],
  [
    'hours that were registered by halves',
    ({ events }) => ({
      events: instead(
        events,
        (one) => one.kind === 'agenda' && one.command === 'e' && one.sequence % 2 === 0,
        without,
      ),
    }),
    /e .* changed 1 agendas of 2/,
  ],
  ['a row that is missing', ({ rows }) => ({ rows: rows.slice(1) }), /the table lacks/],
  [
    'time that is taken and not in the table',
    ({ times }) => ({ times: times.slice(1) }),
    /the table of agendas lacks/,
  ],
  [
    'time that is in the table and was freed',
    ({ times: [time, ...times] }) => ({ times: time ? [time, { ...time, holder: 'g' }, ...times] : [] }),
    /the table of agendas has/,
  ],
  [
    'a row of an earlier version',
    ({ rows: [row, ...rows] }) => ({ rows: row ? [{ ...row, version: 1 }, ...rows] : [] }),
    /the table has/,
  ],
  [
    'a step that was taken twice',
    ({ events }) => ({
      events: instead(
        events,
        (one) => one.kind === 'saga' && one.body.type === 'StepTaken' && one.body.step === 'bill',
        twice,
      ),
    }),
    /bill of booking .* was taken 2 times/,
  ],
  [
    'a booking that stands uncharged',
    ({ events }) => ({ events: events.filter(({ kind }) => kind !== 'saga') }),
    /stands and was not charged/,
  ],
  ['a booking that nobody confirmed', () => ({ isHeld: true }), /nobody confirmed it/],
  [
    'a charge that is said to be open',
    ({ webhooks }) => ({
      webhooks: instead(webhooks, about('charge.opened'), (one) => [{ ...one, taken: false }]),
    }),
    /said to be open, and nobody took it/,
  ],
  [
    'a charge of what is off',
    ({ webhooks }) => ({ webhooks: instead(webhooks, about('charge.voided'), without) }),
    /is off and charged/,
  ],
  [
    'a charge under two names',
    ({ webhooks }) => ({
      webhooks: instead(webhooks, about('charge.opened'), (one) => [one, { ...one, id: `${one.id}'` }]),
    }),
    /charge.opened of booking .* has 2 webhooks/,
  ],
  [
    'a dead letter of its own',
    ({ dead }) => ({ dead: [...dead, { hop: 'scheduling', reason: 'MSG_POISON: x' }] }),
    /a dead letter of scheduling/,
  ],
])('%s is found', (_what, corrupt, named) => {
  const history = right();
  expect(violationsOf({ ...history, ...corrupt(history) })).toContainEqual(expect.stringMatching(named));
});

test('commands of a seed are the same each time, of every type and of several people', () => {
  const about = { run: 'r', today: Temporal.PlainDate.from('2030-01-01') };
  const commands = commandsOf(7, 500, about);
  expect(commandsOf(7, 500, about)).toEqual(commands);
  expect(commandsOf(8, 500, about)).not.toEqual(commands);
  expect(new Set(commands.map(({ command }) => command.type)).size).toBe(5);
  expect(new Set(commands.map(({ giver: { sub } }) => sub)).size).toBe(3);
  expect(new Set(commands.map(({ denied }) => denied))).toEqual(
    new Set([undefined, 'AUTHZ_DENIED', 'AUTHZ_NO_RELATION', 'CONSENT_REQUIRED', 'INPUT_INVALID']),
  );
});
