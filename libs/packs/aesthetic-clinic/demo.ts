import type { Demo } from '../pack.ts';
import { foldName } from '../read.ts';

/**
 * Two small clinics that anyone may play with. Made up, the same on every machine; appointments lie around
 * today, so that there is always a yesterday and a tomorrow to ask about.
 */

const people = [
  'Ana Lima',
  'Bruno Rocha',
  'Carla Dias',
  'Diego Melo',
  'Elisa Prado',
  'Fábio Nunes',
  'Gabriela Souza',
  'Heitor Alves',
];
const professionals: readonly [id: string, name: string, speciality: string][] = [
  ['pro-1', 'Dra. Paula Lima', 'dermatologia'],
  ['pro-2', 'Dr. Renato Castro', 'biomedicina estética'],
];
const treatments: readonly [id: string, name: string, minutes: number, price: number][] = [
  ['svc-1', 'Limpeza de pele', 60, 180],
  ['svc-2', 'Peeling químico', 45, 320],
  ['svc-3', 'Toxina botulínica', 30, 1200],
  ['svc-4', 'Laser fracionado', 50, 950],
];

/** A CPF that nobody was given, with right check digits: eleven times a weighted sum, modulo eleven. */
const cpfOf = (base: number): string => {
  const digits = [...String(base)].map(Number);
  for (const length of [9, 10]) {
    const sum = digits.slice(0, length).reduce((all, digit, at) => all + digit * (length + 1 - at), 0);
    digits.push(((sum * 10) % 11) % 10);
  }
  return digits.join('').replace(/(\d{3})(\d{3})(\d{3})/, '$1.$2.$3-');
};

/** Days around today that have appointments. */
const span = { before: 30, after: 14 };

const clinic = (
  tenant: string,
  today: Temporal.PlainDate,
  zone: string,
  now: Temporal.Instant,
): Demo['rows'] => {
  const at = (day: number, hour: number): string =>
    today.add({ days: day }).toZonedDateTime({ timeZone: zone, plainTime: { hour } }).toInstant().toString();
  const appointments = [];
  const billing = [];
  for (let day = -span.before; day <= span.after; day++) {
    const date = today.add({ days: day });
    // Each professional sees three people a day, each person in turn.
    for (const [index, [provider]] of professionals.entries()) {
      for (let slot = 0; slot < 3; slot++) {
        const turn = Math.abs(date.dayOfYear + slot) % (people.length / 2);
        const client = `cli-${index * (people.length / 2) + turn + 1}`;
        const treatment = treatments[(date.day + slot) % treatments.length];
        const id = `${date}-${provider}-${slot}`;
        const start = at(day, 9 + slot * 2);
        const past = Temporal.Instant.compare(Temporal.Instant.from(start), now) < 0;
        const status = past
          ? date.day % 9 === 0
            ? 'no_show'
            : 'completed'
          : day <= 2
            ? 'confirmed'
            : 'scheduled';
        const service = treatment?.[1] ?? '';
        appointments.push({
          tenant_id: tenant,
          id,
          client_id: client,
          provider_id: provider,
          service,
          start_time: start,
          duration_minutes: treatment?.[2] ?? 30,
          status,
        });
        if (status === 'completed') {
          billing.push({
            tenant_id: tenant,
            id: `bill-${id}`,
            client_id: client,
            provider_id: provider,
            appointment_id: id,
            kind: 'charge',
            status: day > -5 ? 'open' : 'paid',
            service,
            amount: treatment?.[3] ?? 0,
            issued_at: start,
          });
        }
      }
    }
  }
  return {
    clients: people.map((name, index) => ({
      tenant_id: tenant,
      id: `cli-${index + 1}`,
      name,
      name_search: foldName(name),
      email: `${foldName(name).replace(' ', '.')}@${tenant}.example`,
      phone: `+55 11 90000-00${10 + index}`,
      cpf: cpfOf(101_202_303 + index),
      birth_date: `19${70 + index}-0${index + 1}-15`,
      status: 'active',
      created_at: '2024-01-02T12:00:00Z',
    })),
    providers: professionals.map(([id, name, speciality]) => ({
      tenant_id: tenant,
      id,
      name,
      name_search: foldName(name),
      speciality,
    })),
    services: treatments.map(([id, name, minutes, price]) => ({
      tenant_id: tenant,
      id,
      name,
      duration_minutes: minutes,
      price,
    })),
    cosmetic_products: [
      { tenant_id: tenant, id: 'prd-1', name: 'Protetor solar FPS 60', category: 'fotoproteção' },
    ],
    appointments,
    billing,
    aesthetic_records: people.slice(0, 4).map((_, index) => ({
      tenant_id: tenant,
      id: `rec-${index + 1}`,
      client_id: `cli-${index + 1}`,
      provider_id: 'pro-1',
      kind: 'evaluation',
      description: 'Avaliação inicial de pele',
      recorded_at: '2024-01-10T13:00:00Z',
    })),
    consents: people.map((_, index) => ({
      tenant_id: tenant,
      id: `demo-${index + 1}`,
      subject_id: `cli-${index + 1}`,
      action: 'given',
      level: 'health',
      holds: 'health',
      basis: 'demo',
      channel: 'demo',
      recorded_by: 'system',
    })),
    // The first professional cares for the first half, the second for the other.
    care_relationships: people.map((_, index) => ({
      tenant_id: tenant,
      provider_id: index < people.length / 2 ? 'pro-1' : 'pro-2',
      subject_id: `cli-${index + 1}`,
      basis: 'care',
      valid_from: '2024-01-02T12:00:00Z',
    })),
  };
};

const zone = 'America/Sao_Paulo';

export const demo = (now: Temporal.Instant): readonly Demo[] => {
  const today = now.toZonedDateTimeISO(zone).toPlainDate();
  const tenant = (id: string, name: string, accounts: Demo['accounts']): Demo => ({
    tenant: { id, name, time_zone: zone, locale: 'pt-BR', currency: 'BRL' },
    accounts,
    rows: clinic(id, today, zone, now),
  });
  return [
    tenant('clinica-aurora', 'Clínica Aurora', [
      { alias: 'admin', role: 'admin', secondFactor: true },
      { alias: 'professional', role: 'aesthetic_professional', person: 'pro-1' },
      { alias: 'professional2', role: 'aesthetic_professional', person: 'pro-2' },
      { alias: 'client', role: 'client', person: 'cli-1' },
      { alias: 'client2', role: 'client', person: 'cli-2' },
    ]),
    tenant('clinica-brisa', 'Clínica Brisa', [
      { alias: 'foreign', role: 'aesthetic_professional', person: 'pro-1' },
    ]),
  ];
};
