import type { Demo } from '../pack.ts';
import { foldName } from '../read.ts';

/** Two small practices that anyone may play with. Made up, the same on every machine. */

const people = [
  'Ana Prado',
  'Bento Couto',
  'Clara Nogueira',
  'Davi Teles',
  'Elza Freitas',
  'Flávio Pires',
  'Gilda Moraes',
  'Hugo Barreto',
];
const professionals: readonly [id: string, name: string, speciality: string][] = [
  ['doc-1', 'Dra. Helena Lima', 'clínica geral'],
  ['doc-2', 'Dr. Caio Serra', 'cardiologia'],
];
const visits: readonly [id: string, name: string, minutes: number][] = [
  ['vis-1', 'Primeira consulta', 60],
  ['vis-2', 'Retorno', 30],
  ['vis-3', 'Eletrocardiograma', 30],
];

const practice = (tenant: string): Demo['rows'] => ({
  patients: people.map((name, index) => ({
    tenant_id: tenant,
    id: `pat-${index + 1}`,
    name,
    name_search: foldName(name),
    phone: `+55 27 90000-00${20 + index}`,
    created_at: '2024-01-02T12:00:00Z',
  })),
  practitioners: professionals.map(([id, name, speciality]) => ({
    tenant_id: tenant,
    id,
    name,
    name_search: foldName(name),
    speciality,
  })),
  visit_types: visits.map(([id, name, minutes]) => ({
    tenant_id: tenant,
    id,
    name,
    duration_minutes: minutes,
  })),
  consents: people.map((_, index) => ({
    tenant_id: tenant,
    id: `demo-${index + 1}`,
    subject_id: `pat-${index + 1}`,
    action: 'given',
    level: 'service',
    holds: 'service',
    basis: 'demo',
    channel: 'demo',
    recorded_by: 'system',
  })),
  // The first professional cares for the first half, the second for the other.
  care_relationships: people.map((_, index) => ({
    tenant_id: tenant,
    provider_id: index < people.length / 2 ? 'doc-1' : 'doc-2',
    subject_id: `pat-${index + 1}`,
    basis: 'care',
    valid_from: '2024-01-02T12:00:00Z',
  })),
});

const morning: [string, string] = ['08:00', '12:00'];
const whole: [string, string][] = [morning, ['13:00', '18:00']];
const calendar: Demo['tenant']['calendar'] = {
  week: { 1: whole, 2: whole, 3: whole, 4: whole, 5: whole, 6: [morning] },
  holidays: { '01-01': 'Confraternização Universal', '12-25': 'Natal' },
};

const zone = 'America/Sao_Paulo';

/** The days to come, on each of which each professional sees three people in turn. */
const booked = (now: Temporal.Instant): NonNullable<Demo['commands']> => {
  const today = now.toZonedDateTimeISO(zone).toPlainDate();
  const days = Array.from({ length: 8 }, (_, ahead) => today.add({ days: ahead + 1 }));
  return days
    .filter(({ dayOfWeek }) => dayOfWeek <= 5)
    .flatMap((day) =>
      professionals.flatMap(([providerId], half) =>
        ['09:00', '10:30', '14:00'].map((time, turn) => {
          const whose = ((day.dayOfYear + turn) % (people.length / 2)) + half * (people.length / 2) + 1;
          const [, service = '', durationMinutes = 30] = visits[turn] ?? [];
          const start = day.toZonedDateTime({ timeZone: zone, plainTime: time }).toInstant().toString();
          return {
            ...{ by: 'receptionist', key: `demo-${day}-${providerId}-${turn}` },
            command: {
              ...{ type: 'ScheduleAppointment' as const, subjectId: `pat-${whose}`, providerId },
              ...{ start, durationMinutes, service },
            },
          };
        }),
      ),
    );
};

export const demo = (now: Temporal.Instant): readonly Demo[] => {
  const tenant = (id: string, name: string, accounts: Demo['accounts']): Demo => ({
    tenant: { id, name, time_zone: zone, locale: 'pt-BR', currency: 'BRL', calendar },
    accounts,
    rows: practice(id),
  });
  return [
    {
      ...tenant('clinica-vitoria', 'Clínica Vitória', [
        { alias: 'coordinator', role: 'coordinator', secondFactor: true },
        { alias: 'receptionist', role: 'receptionist' },
        { alias: 'doctor', role: 'doctor', person: 'doc-1' },
        { alias: 'doctor2', role: 'doctor', person: 'doc-2' },
        { alias: 'patient', role: 'patient', person: 'pat-1' },
      ]),
      commands: booked(now),
    },
    tenant('clinica-serena', 'Clínica Serena', [
      { alias: 'foreign-doctor', role: 'doctor', person: 'doc-1' },
    ]),
  ];
};
