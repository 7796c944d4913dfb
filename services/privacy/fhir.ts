import type { Pack } from '@jangada/packs/pack.ts';
import type { Told } from './rows.ts';

/** One resource of FHIR R4 on each line (NDJSON), as far as the pack says which; what has no resource of its own is a `Basic`. */
export const fhirOf = (pack: Pack, person: string, told: readonly Told[]): string =>
  told
    .flatMap(({ holding: { table }, rows }) =>
      rows.map((row, index) => {
        const id = String(row['id'] ?? `${table}-${index + 1}`);
        const known = table === 'consents' ? consentOf : pack.fhir?.[table];
        return JSON.stringify({ id, ...(known ?? basicOf(table))(row, person) });
      }),
    )
    .map((line) => `${line}\n`)
    .join('');

type Resource = NonNullable<Pack['fhir']>[string];

const consentOf: Resource = (row, person) => ({
  resourceType: 'Consent',
  status: row['action'] === 'given' ? 'active' : 'inactive',
  scope: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
  },
  category: [{ text: String(row['level']) }],
  patient: { reference: `Patient/${person}` },
  dateTime: row['recorded_at'],
});

const basicOf =
  (table: string): Resource =>
  (row, person) => ({
    resourceType: 'Basic',
    code: { text: table },
    subject: { reference: `Patient/${person}` },
    extension: Object.entries(row)
      .filter(([, value]) => value !== null)
      .map(([column, value]) => ({ url: `urn:jangada:${table}:${column}`, valueString: String(value) })),
  });
