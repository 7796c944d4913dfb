import { packOf } from '@jangada/packs/registry.ts';
import type { Order, Plan } from '@jangada/proto/plan.ts';
import { given } from '@jangada/testkit/given.ts';
import { describe, expect, test } from 'vitest';
import { decide, type Facts } from './handler.ts';

// What wants the agenda changed, by itself and as it goes on. 2026-11-21 is a Saturday.

const setting: Facts = {
  pack: packOf('aesthetic-clinic'),
  now: Temporal.Instant.from('2026-11-21T12:00:00Z'),
  zone: 'America/Sao_Paulo',
  locale: 'pt-BR',
  attack: undefined,
};
const planOf = (question: string, ...before: readonly string[]): Plan => {
  const earlier = before.map((one) => ({ question: one, at: setting.now.epochMilliseconds }));
  const { message, body } = given(decide, setting)
    .when({ question, ...(earlier.length > 0 ? { earlier } : {}) })
    .decided();
  expect(message.name, question).toBe('run.understood');
  return (body as { plan: Plan }).plan;
};
const orderOf = (question: string, ...before: readonly string[]): Omit<Order, 'said'> & Plan['filter'] => {
  const { order, filter } = planOf(question, ...before);
  const { said: _said, ...wanted } = order as Order;
  const { period: _period, ...whom } = filter;
  return { ...wanted, ...whom };
};

const tuesday = '2026-11-24';
const thursday = '2026-11-26';
const type = 'ScheduleAppointment' as const;
const wanted = { type, subject: 'Ana', provider: 'Lima', day: tuesday, time: '14:00' };

describe('an appointment to be made', () => {
  test.each<[string, object]>([
    ['marque a Ana com a Dra. Lima terça às 14h', wanted],
    ['marque a ana com a dra. lima terça às 14h', { ...wanted, subject: 'ana', provider: 'lima' }],
    ['agende Ana com a Dra. Lima para 24/11 às 14:00', wanted],
    ['book Ana with Dr. Lima on Tuesday at 2pm', wanted],
    ['book Ana with Dr. Lima on Tuesday at 2pm for 45 minutes', { ...wanted, minutes: 45 }],
    ['marque a Ana com a Dra. Lima terça das 14h às 15h30', { ...wanted, minutes: 90 }],
    ['marque a Ana com a Dra. Lima terça às 14h por uma hora e meia', { ...wanted, minutes: 90 }],
    ['quero marcar limpeza de pele com a Dra. Lima terça às 14h', { ...wanted, subject: undefined }],
    ['schedule a follow-up for Ana with Dr. Lima on Tuesday at 2pm', wanted],
    ['marque a Ana comigo terça às 14h', { ...wanted, provider: undefined, byMe: true }],
    ['book me with Dr. Lima on Tuesday at 2pm', { ...wanted, subject: undefined }],
    ['marque a Ana com a Dra. Lima às 14h', { ...wanted, day: undefined }],
    ['marque a Ana com a Dra. Lima terça de manhã', { ...wanted, time: undefined }],
    ['marque a Ana com a Dra. Lima', { ...wanted, day: undefined, time: undefined }],
  ])('%s', (question, expected) => {
    expect(orderOf(question)).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  test('reads people of that name and nothing else', () => {
    const { order: _order, ...plan } = planOf('marque a Ana com a Dra. Lima terça às 14h');
    expect(plan).toEqual({
      ...{ source: 'clients', ask: 'list', joins: [], fields: ['id', 'name'], limit: 5 },
      filter: { subject: 'Ana' },
    });
  });

  test.each<[string, readonly string[]]>([
    ['terça às 14h', ['marque a Ana com a Dra. Lima']],
    ['às 14h', ['marque a Ana com a Dra. Lima terça']],
    ['at 2pm', ['book Ana with Dr. Lima on Tuesday']],
    ['com a Dra. Lima', ['marque a Ana terça às 14h']],
    ['para a Ana', ['marque com a Dra. Lima terça às 14h']],
    ['às 14h', ['marque a Ana com a Dra. Lima', 'na terça']],
  ])('is completed by what was asked for: %s', (question, before) => {
    expect(orderOf(question, ...before)).toEqual(wanted);
  });
});

describe('an appointment that was spoken of', () => {
  const booked = 'marque a Ana com a Dra. Lima terça às 14h';
  const at = { day: tuesday, time: '14:00', isSpokenOf: true };
  const whom = { subject: 'Ana', provider: 'Lima' };
  const move = { type: 'RescheduleAppointment', ...whom };

  test.each<[string, readonly string[], object]>([
    ['desmarque', [booked], { type: 'CancelAppointment', ...whom, at }],
    ['cancel it', ['book Ana with Dr. Lima on Tuesday at 2pm'], { type: 'CancelAppointment', ...whom, at }],
    ['remarque para quinta', [booked], { ...move, day: thursday, at }],
    ['move it to Thursday', ['book Ana with Dr. Lima on Tuesday at 2pm'], { ...move, day: thursday, at }],
    ['remarque para as 16h', [booked], { ...move, time: '16:00', at }],
    [
      'desmarque',
      [booked, 'remarque para quinta'],
      { type: 'CancelAppointment', ...whom, at: { ...at, day: thursday } },
    ],
  ])('%s', (question, before, expected) => {
    expect(orderOf(question, ...before)).toEqual(expected);
  });
});

describe('an appointment that is named', () => {
  test.each<[string, object]>([
    ['desmarque a Ana', { type: 'CancelAppointment', subject: 'Ana' }],
    ['cancel Ana’s appointment', { type: 'CancelAppointment', subject: 'Ana' }],
    [
      'desmarque a consulta da Ana de terça',
      { type: 'CancelAppointment', subject: 'Ana', at: { day: tuesday } },
    ],
    [
      'remarque a Ana de terça para quinta às 15h',
      {
        type: 'RescheduleAppointment',
        subject: 'Ana',
        at: { day: tuesday },
        ...{ day: thursday, time: '15:00' },
      },
    ],
    [
      'move Bruno to Thursday at 3pm',
      { type: 'RescheduleAppointment', subject: 'Bruno', day: thursday, time: '15:00' },
    ],
  ])('%s', (question, expected) => {
    expect(orderOf(question)).toEqual(expected);
  });

  test('is one that is still to come', () => {
    const { source, filter } = planOf('desmarque a Ana');
    expect({ source, from: filter.period?.from }).toEqual({
      source: 'bookings',
      from: '2026-11-21T12:00:00.000Z',
    });
  });
});

test.each(['quem desmarcou hoje?', 'quantas consultas foram remarcadas?', 'às 14h', 'a Ana'])(
  'is none: %s',
  (question) => {
    const { body } = given(decide, setting).when({ question }).decided();
    expect(body).not.toMatchObject({ plan: { order: expect.anything() } });
  },
);
