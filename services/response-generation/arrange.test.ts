import { packOf } from '@jangada/packs/registry.ts';
import type { Order } from '@jangada/proto/plan.ts';
import type { Arrangement, Row } from '@jangada/proto/run.ts';
import { describe, expect, test } from 'vitest';
import { type Arranged, arrange, type Setting } from './arrange.ts';
import type { Answer } from './compose.ts';
import { ask } from './ordering.ts';

const { wording, orders } = packOf('aesthetic-clinic');
const words = wording['pt-BR'].orders as Setting['words'];
const lacks = words.lacks;
const setting: Setting = {
  words,
  zone: 'America/Sao_Paulo',
  whom: orders?.whom ?? '',
  minutes: 30,
  isOwn: false,
  now: Temporal.Instant.from('2026-11-30T12:00:00Z'),
};
const ana = { id: 'cli-1', name: 'Ana Lima' };
const lima = { id: 'pro-1', name: 'Dra. Paula Lima' };
const wanted: Order = {
  ...{ type: 'ScheduleAppointment', provider: 'Lima', day: '2026-12-01', time: '14:00', said: 'marque' },
};

interface Case {
  readonly order?: { readonly [K in keyof Order]?: Order[K] | undefined };
  readonly rows?: readonly Row[];
  readonly matches?: number;
  readonly subject?: string | undefined;
  readonly arrangement?: Arrangement;
  readonly own?: Partial<Setting>;
}
const arranged = ({ order = {}, rows = [ana], own = {}, ...given }: Case): Arranged => {
  const subject = 'subject' in given ? given.subject : 'Ana';
  return arrange(
    {
      ...{ rows: [...rows], matches: given.matches ?? rows.length, locale: 'pt-BR' },
      arrangement: given.arrangement ?? { providers: [lima] },
      plan: { filter: subject === undefined ? {} : { subject }, order: { ...wanted, ...order } as Order },
    },
    { ...setting, ...own },
  );
};

describe('a booking', () => {
  test('is a command and what it says, in the tenant’s zone', () => {
    expect(arranged({})).toEqual({
      order: {
        ...{ type: 'ScheduleAppointment', subjectId: 'cli-1', providerId: 'pro-1' },
        ...{ start: '2026-12-01T17:00:00.000Z', durationMinutes: 30 },
      },
      message: expect.stringMatching(
        /^Marcar Ana Lima com Dra\. Paula Lima: terça-feira, 1 de dezembro de 2026.*14:00/,
      ),
      facts: [
        { name: 'Cliente', value: 'Ana Lima' },
        { name: 'Profissional', value: 'Dra. Paula Lima' },
        { name: 'Quando', value: expect.stringMatching(/14:00.*14:30/) },
      ],
    });
  });

  test('lasts as long as was said, or as the service that was named', () => {
    const arrangement = { providers: [lima], service: { name: 'Peeling químico', minutes: 45 } };
    expect(arranged({ arrangement })).toMatchObject({
      order: { durationMinutes: 45, service: 'Peeling químico' },
    });
    expect(arranged({ arrangement, order: { minutes: 60 } })).toMatchObject({
      order: { durationMinutes: 60 },
    });
  });

  test.each<[string, Case, string]>([
    ['whom', { subject: undefined, rows: [ana, { id: 'cli-2', name: 'Bruno' }] }, lacks.whom],
    ['whom, though only one is there', { subject: undefined }, lacks.whom],
    [
      'whom, where they have no row of their own',
      { ...{ subject: undefined, rows: [] }, own: { isOwn: true } },
      lacks.whom,
    ],
    [
      'with whom, where who asks provides nothing',
      { order: { provider: undefined, byMe: true }, arrangement: { providers: [] } },
      lacks.provider,
    ],
    ['with whom', { order: { provider: undefined }, arrangement: { providers: [] } }, lacks.provider],
    ['the day', { order: { day: undefined } }, lacks.day],
    ['the time', { order: { time: undefined } }, lacks.time],
    ['both', { order: { day: undefined, time: undefined } }, lacks.when],
    ['another time', { order: { day: '2026-11-29' } }, lacks.past],
    ['a time that is not beyond what is booked', { order: { day: '2028-11-29' } }, lacks.when],
    // Clocks went forward there at midnight.
    [
      'a time that is none',
      {
        order: { day: '2018-11-04', time: '00:30' },
        own: { now: Temporal.Instant.from('2018-01-01T00:00:00Z') },
      },
      lacks.time,
    ],
  ])('asks for %s instead of guessing', (_what, one, asks) => {
    expect(arranged(one)).toEqual({ asks });
  });

  test('asks which of several, and takes the one whose whole name was said', () => {
    const rows = [ana, { id: 'cli-9', name: 'Ana Souza' }];
    expect(arranged({ rows })).toEqual({ asks: expect.stringContaining('Ana Lima, Ana Souza') });
    expect(arranged({ rows, subject: 'ana souza' })).toMatchObject({ order: { subjectId: 'cli-9' } });
    expect(arranged({ rows: [] })).toEqual({ asks: expect.stringContaining('Ana') });
    expect(arranged({ arrangement: { providers: [] } })).toEqual({ asks: expect.stringContaining('Lima') });
  });

  test('is for oneself, for who reaches nobody else', () => {
    expect(arranged({ subject: undefined, own: { isOwn: true } })).toMatchObject({
      order: { subjectId: 'cli-1' },
    });
  });
});

test.each([
  ['a while', '2026-11-30T12:10:00.000Z', '2026-11-30T12:10:00.000Z'],
  ['until it begins', '2026-12-01T17:30:00.000Z', '2026-12-01T17:00:00.000Z'],
])('a yes to a booking may be said for %s', async (_until, expiresAt, expected) => {
  const answer = {
    ...{ rows: [ana], matches: 1, locale: 'pt-BR', arrangement: { providers: [lima] } },
    ...{ plan: { filter: { subject: 'Ana' } }, intent: { type: 'appointment_booking', confidence: 1 } },
  } as unknown as Answer;
  const asking = { ...setting, run: 'run-1', purpose: undefined, expiresAt, elapsedMs: () => 1 };
  const { value } = await ask(answer, wanted, asking).next();
  expect(value).toMatchObject({ body: { expiresAt: expected } });
});

describe('an appointment', () => {
  const row = (appointmentId: string, start: string, own: Row = {}): Row => ({
    ...{ appointmentId, version: 2, start, client: 'Ana Lima', provider: 'Dra. Paula Lima' },
    end: Temporal.Instant.from(start).add({ minutes: 45 }).toString(),
    ...{ service: null, status: 'scheduled' },
    ...own,
  });
  const rows = [row('a', '2026-12-01T17:00:00Z'), row('b', '2026-12-03T12:00:00Z')];
  const at = { day: '2026-12-01', time: '14:00' };
  const none = { day: undefined, time: undefined };
  const cancel = { type: 'CancelAppointment' as const };
  const move = { type: 'RescheduleAppointment' as const };

  test('is cancelled in the version that was shown', () => {
    expect(arranged({ rows, order: { ...none, ...cancel, at } })).toMatchObject({
      order: { type: 'CancelAppointment', appointmentId: 'a', expectedVersion: 2 },
      message: expect.stringContaining('Ana Lima'),
    });
  });

  test('keeps its time on another day, and its day at another time', () => {
    const order = { type: 'RescheduleAppointment', appointmentId: 'a', expectedVersion: 2 };
    expect(arranged({ rows, order: { ...none, ...move, at, day: '2026-12-04' } })).toMatchObject({
      order: { ...order, start: '2026-12-04T17:00:00.000Z' },
      facts: [{}, {}, { name: 'Antes' }, { name: 'Quando', value: expect.stringMatching(/14:00.*14:45/) }],
    });
    expect(arranged({ rows, order: { ...none, ...move, at, day: undefined, time: '16:00' } })).toMatchObject({
      order: { ...order, start: '2026-12-01T19:00:00.000Z' },
    });
  });

  test('is asked for where several may be meant, and where none is', () => {
    expect(arranged({ rows, order: { ...none, ...cancel } })).toEqual({
      asks: expect.stringContaining('quinta-feira'),
    });
    const other = { ...at, time: '09:00' };
    expect(arranged({ rows, order: { ...none, ...cancel, at: other } })).toEqual({
      asks: words.noBooking,
    });
    expect(arranged({ rows, order: { ...none, ...move, at } })).toEqual({ asks: lacks.newTime });
  });

  test('is asked for where there are more than were read, for another may be meant', () => {
    expect(arranged({ rows, matches: 21, order: { ...none, ...cancel, at } })).toEqual({
      asks: expect.stringContaining('terça-feira'),
    });
  });

  test('that was spoken of and is not there is asked for, though only one is, and is never a cancelled one', () => {
    const [, b] = rows;
    const gone = row('a', '2026-12-01T17:00:00Z', { status: 'cancelled' });
    const spokenOf = { ...at, isSpokenOf: true as const };
    expect(arranged({ rows: [gone, b as Row], order: { ...none, ...cancel, at: spokenOf } })).toEqual({
      asks: expect.stringContaining('quinta-feira'),
    });
    expect(arranged({ rows: [gone], order: { ...none, ...cancel, at: spokenOf } })).toEqual({
      asks: words.noBooking,
    });
  });
});
