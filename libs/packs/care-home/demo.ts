import type { Demo } from '../pack.ts';
import { foldName } from '../read.ts';
import { articles } from './articles.ts';

/**
 * Two small homes that anyone may play with. Made up, the same on every machine; what happens lies around today, so that
 * there is always a yesterday and a tomorrow to ask about.
 */

const people = [
  'Alzira Campos',
  'Benedito Reis',
  'Conceição Braga',
  'Dorival Pinto',
  'Eunice Teles',
  'Firmino Lobo',
];
const carers: readonly [id: string, name: string, kind: 'nurse' | 'carer' | 'family'][] = [
  ['nur-1', 'Marta Viana', 'nurse'],
  ['car-1', 'Otávio Paz', 'carer'],
  ['car-2', 'Rosa Farias', 'carer'],
  ['fam-1', 'Lívia Campos', 'family'],
];
/** Who looks after whom, by the resident's number. */
const inCareOf: Readonly<Record<string, readonly number[]>> = {
  'nur-1': [1, 2, 3, 4],
  'car-1': [1, 2, 3],
  'car-2': [4, 5, 6],
  'fam-1': [1],
};
const kinds = ['meal', 'hygiene', 'mobility', 'observation'] as const;
const notes: Readonly<Record<(typeof kinds)[number], string>> = {
  meal: 'Almoçou bem e bebeu água',
  hygiene: 'Banho com ajuda, pele íntegra',
  mobility: 'Caminhou no jardim por dez minutos',
  observation: 'Dormiu bem, sem queixas',
};
/** Days around today on which something happens. */
const span = { before: 14, after: 7 };

const home = (tenant: string, zone: string, now: Temporal.Instant): Demo['rows'] => {
  const today = now.toZonedDateTimeISO(zone).toPlainDate();
  const days = Array.from({ length: span.before + span.after + 1 }, (_, index) => index - span.before);
  const perResident = days.flatMap((day) =>
    people.map((_, index) => {
      const date = today.add({ days: day });
      const at = (hour: number): string =>
        date.toZonedDateTime({ timeZone: zone, plainTime: { hour } }).toInstant().toString();
      const own = { tenant_id: tenant, resident_id: `res-${index + 1}` };
      return { date, index, at, own, carer: index < 3 ? 'car-1' : 'car-2' };
    }),
  );
  const isPast = (instant: string): boolean =>
    Temporal.Instant.compare(Temporal.Instant.from(instant), now) < 0;
  return {
    residents: people.map((name, index) => ({
      tenant_id: tenant,
      id: `res-${index + 1}`,
      name,
      name_search: foldName(name),
      room: String(101 + index),
      phone: `+55 31 90000-10${10 + index}`,
      created_at: '2024-01-02T12:00:00Z',
    })),
    carers: carers.map(([id, name, kind]) => ({
      tenant_id: tenant,
      id,
      name,
      name_search: foldName(name),
      kind,
    })),
    care_events: perResident
      .map(({ date, index, at, own, carer }) => {
        const kind = kinds[(date.dayOfYear + index) % kinds.length] ?? 'meal';
        const fallen = index === 1 && date.day % 10 === 0;
        return {
          ...own,
          id: `${date}-${index + 1}`,
          carer_id: carer,
          kind: fallen ? 'fall' : kind,
          note: fallen ? 'Escorregou no quarto, sem ferimentos' : notes[kind],
          occurred_at: at(12),
        };
      })
      .filter(({ occurred_at: at }) => isPast(at)),
    medications: perResident.map(({ date, index, at, own }) => ({
      ...own,
      id: `${date}-${index + 1}`,
      carer_id: 'nur-1',
      medication: index % 2 === 0 ? 'Losartana' : 'Metformina',
      dose: index % 2 === 0 ? '50 mg' : '850 mg',
      status: isPast(at(8)) ? ((date.day + index) % 11 === 0 ? 'refused' : 'given') : 'due',
      due_at: at(8),
    })),
    resident_appointments: perResident
      .filter(({ date, index }) => (date.dayOfYear + index) % 2 === 0)
      .map(({ date, index, at, own, carer }) => ({
        ...own,
        id: `${date}-${index + 1}`,
        carer_id: carer,
        kind: index % 2 === 0 ? 'doctor' : 'physiotherapy',
        status: isPast(at(15)) ? 'done' : 'scheduled',
        start_time: at(15),
      })),
    care_inquiries: [0, 3].map((index) => ({
      tenant_id: tenant,
      id: `inq-${index + 1}`,
      resident_id: `res-${index + 1}`,
      message: 'Como foi a última semana?',
      status: index === 0 ? 'open' : 'answered',
      opened_at: today.subtract({ days: 2 }).toZonedDateTime(zone).toInstant().toString(),
    })),
    facility_articles: articles.map((article) => ({ tenant_id: tenant, ...article })),
    consents: people.map((_, index) => ({
      tenant_id: tenant,
      id: `demo-${index + 1}`,
      subject_id: `res-${index + 1}`,
      action: 'given',
      // The last agreed to care, and not to have their health told.
      level: index < people.length - 1 ? 'health' : 'care',
      holds: index < people.length - 1 ? 'health' : 'care',
      basis: 'demo',
      channel: 'demo',
      recorded_by: 'system',
    })),
    care_relationships: Object.entries(inCareOf).flatMap(([carer, residents]) =>
      residents.map((resident) => ({
        tenant_id: tenant,
        provider_id: carer,
        subject_id: `res-${resident}`,
        basis: carer.startsWith('fam') ? 'assigned' : 'care',
        valid_from: '2024-01-02T12:00:00Z',
      })),
    ),
  };
};

const zone = 'America/Sao_Paulo';

export const demo = (now: Temporal.Instant): readonly Demo[] => {
  const tenant = (id: string, name: string, accounts: Demo['accounts']): Demo => ({
    tenant: { id, name, time_zone: zone, locale: 'pt-BR', currency: 'BRL' },
    accounts,
    rows: home(id, zone, now),
  });
  return [
    tenant('lar-ipe', 'Lar Ipê', [
      { alias: 'manager', role: 'manager', secondFactor: true },
      { alias: 'nurse', role: 'nurse', person: 'nur-1' },
      { alias: 'carer', role: 'carer', person: 'car-2' },
      { alias: 'family', role: 'family', person: 'fam-1' },
    ]),
    tenant('lar-jacaranda', 'Lar Jacarandá', [{ alias: 'foreign-nurse', role: 'nurse', person: 'nur-1' }]),
  ];
};
