import { type Name, settings } from '@jangada/config/settings.ts';
import type { Contract } from '@jangada/hop/hop.ts';
import { rootSettings } from '@jangada/vault/root.ts';
import { stringify } from 'yaml';
import { people, variableOf } from './nats.ts';
import { importer, roleOf, usesDatabase } from './roles.ts';
import { factsOf, isRequired, type ServiceFacts } from './services.ts';

/** Ports inside a container: one for health and metrics, the same everywhere, and one where people come in. */
export const ports = { health: 3001, edge: 3000 } as const;

/** Longest a service may take to finish what it holds: its own limit of 10 s, and the same again in hand. */
export const graceSeconds = 20;

/** Where an image has the files of the console. */
export const consoleDir = '/app/console';

export const limits = { cpus: '1', memory: '1Gi' } as const;
export const requests = { cpus: '500m', memory: '512Mi' } as const;

/** A process image takes no rights with it: fixed user, no new privileges, a file system it cannot change. */
export const userId = 1000;

const notSecret = (name: Name): string =>
  isRequired(name) ? `\${${name}:?see deploy/generated/env.example}` : `\${${name}:-}`;

/** Where a container finds the authority that signs for broker, database and cache; docker-compose.yml makes it. */
const authority = { volume: 'authority:/run/jangada/authority:ro', file: '/run/jangada/authority/ca.crt' };

/** Where the parts of a composed system find each other; what is not here comes from the environment. */
const composed = (facts: ServiceFacts): Partial<Record<Name, string>> => ({
  NODE_ENV: 'production',
  NATS_URL: brokerUrl,
  NATS_NKEY_SEED: required(variableOf('SEED', facts.name)),
  DATABASE_URL: `postgres://${facts.databaseRole}:${required(variableOf('PASSWORD', facts.name))}@${database}`,
  REDIS_URL: 'rediss://redis:6379',
  JANGADA_HOST: '0.0.0.0',
  // Published on the machine's own loopback, where whatever ends TLS finds it.
  TLS_PROXY: 'true',
  JANGADA_PORT: String(ports.edge),
  CONSOLE_DIR: consoleDir,
  HEALTH_HOST: '0.0.0.0',
  HEALTH_PORT: String(ports.health),
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318',
  TRACES_URL: 'http://127.0.0.1:16686/search?service=edge&tags=%7B%22run.id%22%3A%22{run}%22%7D',
});

const brokerUrl = 'tls://nats:4222';
const database = 'postgres:5432/jangada?sslmode=verify-full';

const required = (variable: string): string => `\${${variable}:?see deploy/generated/env.example}`;

const healthcheck = {
  test: [
    'CMD',
    'node',
    '-e',
    `fetch('http://127.0.0.1:${ports.health}/v1/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`,
  ],
  interval: '10s',
  timeout: '5s',
  start_period: '30s',
  retries: 3,
};

const hardened = {
  read_only: true,
  tmpfs: ['/tmp'],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
};

const composeService = (contract: Contract) => {
  const facts = factsOf(contract);
  const known = composed(facts);
  return {
    image: `jangada/${facts.name}`,
    build: { context: '../..', args: { SERVICE: facts.name } },
    environment: Object.fromEntries(
      facts.settings.map((name) =>
        name === 'TLS_CA' ? ['TLS_CA_FILE', authority.file] : [name, known[name] ?? notSecret(name)],
      ),
    ),
    volumes: [authority.volume],
    ...(facts.kind === 'border' && { ports: [`127.0.0.1:\${JANGADA_PORT:-${ports.edge}}:${ports.edge}`] }),
    depends_on: {
      provision: { condition: 'service_completed_successfully' },
      ...(facts.databaseRole && { migrate: { condition: 'service_completed_successfully' } }),
    },
    healthcheck,
    restart: 'unless-stopped',
    stop_grace_period: `${graceSeconds}s`,
    ...hardened,
    deploy: { resources: { limits: { cpus: limits.cpus, memory: '1G' } } },
  };
};

const tool = (program: string, environment: Record<string, string>, after: string) => ({
  image: 'jangada/deploy',
  build: { context: '../..', args: { FOLDER: 'deploy' } },
  command: ['node', program],
  environment: { TLS_CA_FILE: authority.file, ...environment },
  volumes: [authority.volume],
  depends_on: { [after]: { condition: 'service_healthy' } },
  ...hardened,
});

/** Every service for Docker Compose, and the two programs that prepare the broker and the database for them. */
export const servicesYml = (contracts: readonly Contract[]): string => {
  const passwords = [...contracts.filter(usesDatabase).map(({ name }) => name), 'import'].map((name) =>
    variableOf('PASSWORD', name),
  );
  const services = {
    provision: tool(
      'provision.ts',
      {
        NATS_URL: brokerUrl,
        NATS_NKEY_SEED: required('SEED_PROVISIONER'),
        KEY_RING: required('KEY_RING'),
      },
      'nats',
    ),
    migrate: tool(
      'migrate.ts',
      {
        DATABASE_URL: `postgres://postgres:${required('POSTGRES_PASSWORD')}@${database}`,
        GRANT_DATABASE_KEYS: required('GRANT_DATABASE_KEYS'),
        ...Object.fromEntries(passwords.map((name) => [name, required(name)])),
        // It seals what was clear before.
        ...Object.fromEntries(rootSettings.map((name) => [name, notSecret(name)])),
      },
      'postgres',
    ),
    ...Object.fromEntries(contracts.map((contract) => [contract.name, composeService(contract)])),
  };
  return `# Generated by \`npm run generate\` from the contracts of the services; docker-compose.yml includes it.\n${stringify({ services }, { lineWidth: 0, aliasDuplicateObjects: false })}`;
};

/** The public keys of all users for the broker's container, which extends this. */
export const brokerYml = (contracts: readonly Contract[]): string => {
  const names = [...contracts.map(({ name }) => name), ...people].map((name) => variableOf('NKEY', name));
  const broker = {
    environment: {
      ...Object.fromEntries(names.map((name) => [name, required(name)])),
      // The broker reads a variable as a part of its configuration: unquoted, a key may be taken for a number.
      NATS_STORE_KEY: `"\${NATS_STORE_KEY:-}"`,
    },
  };
  return `# Generated by \`npm run generate\`; the broker in docker-compose.yml extends it.\n${stringify({ services: { broker } }, { lineWidth: 0 })}`;
};

/** One variable that docker-compose.yml or what it includes asks for. */
export interface Variable {
  readonly name: string;
  readonly says: string;
  /** Commented out where it is empty. */
  readonly optional: boolean;
}

/** Every variable, in the order of who asks: the broker, the database, the services, this machine. */
export const variables = (contracts: readonly Contract[]): readonly Variable[] => {
  const facts = contracts.map(factsOf);
  const users = [...contracts.map(({ name }) => name), ...people];
  const databases = facts.filter(({ databaseRole }) => databaseRole).map(({ name }) => name);
  const provided = new Set(['TLS_CA', ...Object.keys(composed(contractless))]);
  const read = (Object.keys(settings) as Name[]).filter(
    (name) => !provided.has(name) && facts.some((fact) => fact.settings.includes(name)),
  );
  return [
    ...users.flatMap((name) => [
      { name: variableOf('NKEY', name), says: `${name} at the broker: the public key, U…`, optional: false },
      { name: variableOf('SEED', name), says: `${name} at the broker: the seed, SU…`, optional: false },
    ]),
    {
      name: 'NATS_STORE_KEY',
      says: 'encrypts the broker’s files; without it they are clear',
      optional: true,
    },
    { name: 'POSTGRES_PASSWORD', says: 'the administrator of PostgreSQL', optional: false },
    ...databases.map((name) => ({
      name: variableOf('PASSWORD', name),
      says: `${roleOf(name)} at PostgreSQL`,
      optional: false,
    })),
    {
      name: variableOf('PASSWORD', 'import'),
      says: `${importer} at PostgreSQL, for \`jangada import\``,
      optional: false,
    },
    { name: 'GRAFANA_PASSWORD', says: 'the administrator of Grafana', optional: false },
    ...read.map((name) => ({ name, says: settings[name].says, optional: !isRequired(name) })),
    { name: 'KEY_RING', says: 'the public keys of all that is signed, signed by the root', optional: false },
    { name: 'JANGADA_PORT', says: `the port on this machine; ${ports.edge} if absent`, optional: true },
  ];
};

const contractless: ServiceFacts = { name: '', kind: 'hop', question: '', settings: [], consumers: [] };

/** A file of variables for Compose; what has no value is left to whoever fills it in. */
export const envFile = (
  contracts: readonly Contract[],
  values: Readonly<Record<string, string>> = {},
  root?: string,
): string =>
  `${[
    '# What docker-compose.yml asks for. `npm run -s generate -- --env > .env` prints it with fresh keys.',
    ...variables(contracts).map(({ name, says, optional }) => {
      const value = values[name];
      return `# ${says}\n${optional && value === undefined ? '# ' : ''}${name}=${value === undefined ? '' : `'${value}'`}`;
    }),
    ...(root
      ? [`# the root that signs the key ring: nothing here reads it, so keep it elsewhere\n# ${root}`]
      : []),
  ].join('\n')}\n`;

/** What Prometheus asks for metrics. */
export const prometheusTargets = (contracts: readonly Contract[]) =>
  contracts.map(({ name }) => ({ targets: [`${name}:${ports.health}`], labels: { service: name } }));
