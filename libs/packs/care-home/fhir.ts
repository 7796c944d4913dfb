import type { Pack } from '../pack.ts';

const statuses: Readonly<Record<string, string>> = {
  scheduled: 'booked',
  done: 'fulfilled',
  cancelled: 'cancelled',
};

/** The home's rows as resources of FHIR R4. */
export const fhir: NonNullable<Pack['fhir']> = {
  residents: (row) => ({
    resourceType: 'Patient',
    active: row['status'] === 'active',
    name: [{ text: row['name'] }],
    telecom: row['phone'] ? [{ system: 'phone', value: row['phone'] }] : [],
  }),
  resident_appointments: (row, person) => ({
    resourceType: 'Appointment',
    status: statuses[String(row['status'])] ?? 'proposed',
    serviceType: [{ text: row['kind'] }],
    // It has to have an end, and none is kept.
    start: row['start_time'],
    end: row['start_time'],
    participant: [{ actor: { reference: `Patient/${person}` }, status: 'accepted' }],
  }),
  care_events: (row, person) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: row['kind'] },
    subject: { reference: `Patient/${person}` },
    effectiveDateTime: row['occurred_at'],
    ...(row['note'] ? { valueString: row['note'] } : {}),
  }),
  medications: (row, person) => ({
    resourceType: 'MedicationAdministration',
    status:
      { given: 'completed', missed: 'not-done', refused: 'not-done' }[String(row['status'])] ?? 'in-progress',
    medicationCodeableConcept: { text: row['medication'] ?? 'unknown' },
    subject: { reference: `Patient/${person}` },
    effectiveDateTime: row['due_at'],
    // A dosage would have to have a quantity, and a dose is kept as it was written.
    ...(row['dose'] ? { note: [{ text: row['dose'] }] } : {}),
  }),
};
