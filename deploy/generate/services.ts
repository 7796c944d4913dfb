import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Name, settings } from '@jangada/config/settings.ts';
import type { Contract } from '@jangada/hop/hop.ts';
import { embeddingSettings } from '@jangada/knowledge/embedding.ts';
import { commonSettings } from '@jangada/runtime/service.ts';
import { rootSettings } from '@jangada/vault/root.ts';
import { consumersOf, servicesDir } from '../topology.ts';
import { roleOf, usesDatabase } from './roles.ts';

/** What whoever starts a service must know of it. */
export interface ServiceFacts {
  readonly name: string;
  readonly kind: Contract['kind'];
  /** The question it answers, as its contract opens with. */
  readonly question: string;
  /** Settings it reads, in the order of the catalogue of settings. */
  readonly settings: readonly Name[];
  /** Its role in PostgreSQL, where it has any right there. */
  readonly databaseRole?: string;
  readonly consumers: ReturnType<typeof consumersOf>;
}

const names = Object.keys(settings) as Name[];

/** Lists of settings that libraries read together, by what a service calls them. */
const lists: Readonly<Record<string, readonly Name[]>> = { rootSettings, embeddingSettings };

/**
 * The settings that a service names in its own files, by name or as a list of a library's, and those the runtime
 * reads for all. A service can read only what it names: the compiler knows of no other.
 */
export const settingsOf = (service: string, dir = servicesDir): readonly Name[] => {
  const text = readdirSync(join(dir, service))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(dir, service, file), 'utf8'))
    .join('\n');
  const listed: readonly Name[] = [
    ...commonSettings,
    ...Object.entries(lists).flatMap(([list, of]) => (text.includes(`...${list}`) ? of : [])),
  ];
  return names.filter((name) => listed.includes(name) || text.includes(`'${name}'`));
};

/** The question that the comment of a contract opens with; undefined when it opens otherwise. */
export const questionOf = (service: string, dir = servicesDir): string | undefined =>
  /^\/\*\*\n \* [\w-]+: ([^\n]+\?)\n/.exec(readFileSync(join(dir, service, 'contract.ts'), 'utf8'))?.[1];

export const factsOf = (contract: Contract): ServiceFacts => {
  return {
    name: contract.name,
    kind: contract.kind,
    question: questionOf(contract.name) ?? '',
    settings: settingsOf(contract.name),
    ...(usesDatabase(contract) && { databaseRole: roleOf(contract.name) }),
    consumers: consumersOf(contract),
  };
};

/** True when a service cannot start without a value for the setting. */
export const isRequired = (name: Name): boolean => !settings[name].value.safeParse(undefined).success;

export const isSecret = (name: Name): boolean => 'secret' in settings[name];
