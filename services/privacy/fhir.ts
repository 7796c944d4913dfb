import type { Pack } from '@jangada/packs/pack.ts';
import type { Told } from './rows.ts';

/** One resource of FHIR R4 on each line (NDJSON), as far as the pack says which; what has no resource of its own is a `Basic`. */
export const fhirOf = (pack: Pack, person: string, told: readonly Told[]): string =>
  told
    .flatMap(({ holding: { table }, rows }) =>
      rows.map((row, index) => {
        const id = idOf(String(row['id'] ?? `${table}-${index + 1}`));
        const known = table === 'consents' ? consentOf : pack.fhir?.[table];
        return JSON.stringify({ id, ...(known ?? basicOf(table))(row, idOf(person)) }, stated);
      }),
    )
    .map((line) => `${line}\n`)
    .join('');

/** An id as resources may have it: 64 letters, digits, dots and dashes at most. */
const idOf = (id: string): string => id.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 64);

const isStated = (value: unknown): boolean =>
  value !== null &&
  value !== undefined &&
  value !== '' &&
  !(typeof value === 'object' && Object.values(value).every((one) => !isStated(one)));

/** A resource says nothing where it has nothing to say: FHIR has neither null nor what is empty. */
const stated = (_name: string, value: unknown): unknown => (isStated(value) ? value : undefined);

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
  policyRule: {
    coding: [
      {
        system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
        code: row['action'] === 'given' ? 'OPTIN' : 'OPTOUT',
      },
    ],
  },
});

const basicOf =
  (table: string): Resource =>
  (row, person) => ({
    resourceType: 'Basic',
    code: { text: table },
    subject: { reference: `Patient/${person}` },
    extension: Object.entries(row)
      .filter(([, value]) => isStated(value))
      .map(([column, value]) => ({
        url: `urn:jangada:${table}:${column}`,
        valueString: typeof value === 'object' ? JSON.stringify(value) : String(value),
      })),
  });
