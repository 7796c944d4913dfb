import { packOf } from '@jangada/packs/registry.ts';
import type { Order, Plan } from '@jangada/proto/plan.ts';
import { expect, test } from 'vitest';
import { arrangementOf, serviceIn } from './arrangement.ts';

const services = [
  { name: 'Limpeza de pele', minutes: 60 },
  { name: 'Peeling químico', minutes: 45 },
  { name: 'Peeling', minutes: 20 },
];

test.each([
  ['marque limpeza de pele para a Ana', 'Limpeza de pele'],
  ['quero uma limpeza da pele', 'Limpeza de pele'],
  ['marque um peeling quimico', 'Peeling químico'],
  ['marque um peeling', 'Peeling'],
  ['marque a Ana', undefined],
])('a service is named by all its words: %s', (said, name) => {
  expect(serviceIn(said, services)?.name).toBe(name);
});

test('who provides is read by the name that was said, or as whoever asks, and for a booking alone', async () => {
  const asked: Plan[] = [];
  const arranged = (own: Partial<Order>) =>
    arrangementOf(
      packOf('aesthetic-clinic'),
      { type: 'ScheduleAppointment', said: 'marque um peeling', ...own },
      async (_source, plan) => {
        asked.push(plan);
        return plan.source === 'providers'
          ? [{ id: 'pro-1', name: 'Dra. Paula Lima' }]
          : services.map((service) => ({ ...service }));
      },
    );
  expect(await arranged({ provider: 'Lima' })).toEqual({
    providers: [{ id: 'pro-1', name: 'Dra. Paula Lima' }],
    service: { name: 'Peeling', minutes: 20 },
  });
  expect(await arranged({})).toMatchObject({ providers: [] });
  await arranged({ byMe: true });
  expect(asked.filter(({ source }) => source === 'providers').map(({ filter }) => filter)).toEqual([
    { provider: 'Lima' },
    { mine: true },
  ]);
  expect(await arranged({ type: 'CancelAppointment' })).toBeUndefined();
});
