import type { Pack } from '../pack.ts';

const statuses: Readonly<Record<string, string>> = {
  scheduled: 'booked',
  confirmed: 'booked',
  completed: 'fulfilled',
  cancelled: 'cancelled',
  no_show: 'noshow',
};

/** The clinic's rows as resources of FHIR R4. */
export const fhir: NonNullable<Pack['fhir']> = {
  clients: (row) => ({
    resourceType: 'Patient',
    active: row['status'] === 'active',
    name: [{ text: row['name'] }],
    ...(row['birth_date'] ? { birthDate: row['birth_date'] } : {}),
    telecom: (['email', 'phone'] as const).flatMap((system) =>
      row[system] ? [{ system, value: row[system] }] : [],
    ),
    identifier: row['cpf'] ? [{ system: 'urn:oid:2.16.840.1.113883.13.237', value: row['cpf'] }] : [],
  }),
  appointments: (row, person) => ({
    resourceType: 'Appointment',
    status: statuses[String(row['status'])] ?? 'proposed',
    serviceType: [{ text: row['service'] }],
    start: row['start_time'],
    end: Temporal.Instant.from(String(row['start_time']))
      .add({ minutes: Number(row['duration_minutes']) })
      .toString(),
    minutesDuration: row['duration_minutes'],
    participant: [
      { actor: { reference: `Patient/${person}` }, status: 'accepted' },
      { actor: { reference: `Practitioner/${String(row['provider_id'])}` }, status: 'accepted' },
    ],
  }),
  aesthetic_records: (row, person) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: row['kind'] },
    subject: { reference: `Patient/${person}` },
    effectiveDateTime: row['recorded_at'],
    valueString: row['description'],
  }),
};
