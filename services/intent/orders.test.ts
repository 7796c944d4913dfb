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
const friday = '2026-11-27';
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
    ['marque a Ana com a Dra. Lima até sexta', { ...wanted, day: undefined, time: undefined }],
    ['marque a Ana com a Dra. Lima terça às 14h por 1h', { ...wanted, minutes: 60 }],
    ['marque a Ana com a Dra. Lima terça às 14h, 45 minutos', { ...wanted, minutes: 45 }],
    ['marque a Ana com a Dra. Lima terça às 14 horas e 45 minutos', { ...wanted, time: '14:45' }],
    ['marque a Ana com a Dra. Lima terça às 14h e 45min', { ...wanted, time: '14:45' }],
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
    ['postpone it until 5pm', ['book Ana with Dr. Lima on Tuesday at 2pm'], { ...move, time: '17:00', at }],
    ['adie até sexta às 17h', [booked], { ...move, day: friday, time: '17:00', at }],
    ['adie 30 minutos', [booked], { ...move, at }],
    ['remarque para quinta por 45 minutos', [booked], { ...move, day: thursday, minutes: 45, at }],
    ['eu quero desmarcar', [booked], { type: 'CancelAppointment', ...whom, at }],
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
      'move Ana from Tuesday at 2pm to Thursday at 3pm',
      {
        type: 'RescheduleAppointment',
        subject: 'Ana',
        at: { day: tuesday, time: '14:00' },
        ...{ day: thursday, time: '15:00' },
      },
    ],
    [
      'move Ana to Thursday from 2pm to 3pm',
      { type: 'RescheduleAppointment', subject: 'Ana', ...{ day: thursday, time: '14:00', minutes: 60 } },
    ],
    ['I want to cancel Ana’s appointment', { type: 'CancelAppointment', subject: 'Ana' }],
    ['I want to cancel my appointment', { type: 'CancelAppointment', mine: true }],
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

  test('is sought on the day that was said, where that is still to come', () => {
    const periodOf = (question: string) => planOf(question).filter.period;
    expect(periodOf('desmarque a Ana de terça')).toEqual({
      from: '2026-11-24T03:00:00.000Z',
      to: '2026-11-25T03:00:00.000Z',
    });
    expect(periodOf('desmarque a Ana de hoje')).toEqual({
      from: '2026-11-21T12:00:00.000Z',
      to: '2026-11-22T03:00:00.000Z',
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

test('is not completed by what asks who somebody is', () => {
  const earlier = [{ question: 'marque a Ana com a Dra. Lima', at: setting.now.epochMilliseconds }];
  for (const question of ['quem é Bruno Rocha?', 'quem é Bruno?', 'who is Bruno Rocha?']) {
    const { body } = given(decide, setting).when({ question, earlier }).decided();
    expect(body, question).not.toMatchObject({ plan: { order: expect.anything() } });
  }
});
