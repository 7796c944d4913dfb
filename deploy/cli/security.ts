import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '@jangada/config/config.ts';
import type { Name } from '@jangada/config/settings.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { rollCall } from '@jangada/runtime/roll-call.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { connect, type Store, written } from '@jangada/store/store.ts';
import { Command, Option } from 'commander';
import { sql } from 'kysely';
import { streams } from '../generate/streams.ts';
import { kindNames, readSet } from '../keysets.ts';
import { home, type Local, localFile, readLocal } from '../local.ts';
import { holds } from '../provision.ts';
import { collect } from '../topology.ts';
import { exitCodes, messageOf } from './failure.ts';
import { type Operator, openOperator } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';

/** What a running system is asked, so that a control is judged by what is there and not by what was meant. */
interface System {
  readonly local: Local;
  readonly expected: readonly string[];
  readonly statuses: readonly Status[];
  readonly operator: Operator;
  readonly store: Store;
}

const profiles = ['production', 'development'] as const;

interface Finding {
  readonly found: string;
  readonly ok: boolean;
}

interface Control {
  readonly control: string;
  readonly wanted: string;
  /** On a machine of one's own, whatever is found will do. */
  readonly productionOnly?: true;
  readonly next: string;
  find(system: System): Finding | Promise<Finding>;
}

/** One line of the table; `next` only where something is not as wanted. */
interface Line {
  readonly control: string;
  readonly wanted: string;
  readonly found: string;
  readonly state: 'ok' | 'drift';
  readonly next?: string;
}

const rowsOf = <T>({ store }: System, statement: ReturnType<typeof sql<T>>): Promise<readonly T[]> =>
  store.rows<T>(written(statement));

/** A setting as those who read it run with it. Where nobody does it is drift: somebody should. */
const setting =
  (name: Name, accept: (value: string) => boolean) =>
  ({ statuses }: System): Finding => {
    const readers = statuses.filter(({ settings }) => settings[name] !== undefined);
    const values = [...new Set(readers.map(({ settings }) => settings[name] ?? ''))];
    const whose = (value: string): string =>
      `${value || 'none'} (${readers
        .filter(({ settings }) => settings[name] === value)
        .map((status) => status.name)
        .join(', ')})`;
    const [only] = values;
    return {
      found: values.length > 1 ? values.map(whose).join('; ') : (only ?? 'not set') || 'none',
      ok: values.length > 0 && values.every(accept),
    };
  };

const none = (faults: readonly string[]): Finding => ({
  found: faults.length === 0 ? 'none' : faults.join(', '),
  ok: faults.length === 0,
});

/** Settings that must be one value wherever they are read. */
const same =
  (name: Name, accept: (value: string) => boolean) =>
  (system: System): Finding => {
    const { found, ok } = setting(name, accept)(system);
    return { found, ok: ok && !found.includes(';') };
  };

const secretFiles = (): readonly string[] => {
  const folder = join(home(), 'keys');
  return [
    localFile(),
    join(home(), 'keys.json'),
    join(home(), 'accounts.json'),
    ...(existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : []),
  ].filter(existsSync);
};

const modeOf = (file: string): number => statSync(file).mode & 0o777;

/** Each with its tenant; administrators are whoever's role has a permission `admin:…`. */
const administrators = async (system: System): Promise<readonly { id: string; enrolled: boolean }[]> => {
  const accounts = await rowsOf(
    system,
    sql<{ id: string; role: string; pack: string; enrolled: boolean }>`
      select a.id, a.role, t.pack, exists (select from second_factors f
        where f.tenant_id = a.tenant_id and f.id = a.id and f.secret is not null) as enrolled
      from accounts a join tenants t on t.id = a.tenant_id order by a.id`,
  );
  return accounts.filter(({ role, pack }) =>
    packOf(pack).roles[role]?.permissions.some((permission) => permission.startsWith('admin:')),
  );
};

const keyAges = async (system: System): Promise<Finding> => {
  const { AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS: hours } = readConfig([
    'AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS',
  ]);
  const keys = await rowsOf(
    system,
    sql<{ tenant: string; age: number }>`
      select tenant_id as tenant, floor(extract(epoch from now() - max(created_at)) / 3600)::int as age
      from tenant_keys where kind = 'tenant' and retired_at is null group by 1 order by 1`,
  );
  const old = keys.filter(({ age }) => age >= hours).map(({ tenant, age }) => `${tenant} ${age} h`);
  return { found: old.join(', ') || `${keys.length} young enough`, ok: keys.length > 0 && old.length === 0 };
};

/** The broker's own word, from its monitoring address: no client is told how it writes. */
const brokerSyncs = async ({ local }: System): Promise<Finding> => {
  if (!local.brokerMonitorUrl)
    return { found: 'cannot be told without the broker’s monitoring address', ok: false };
  const answer = await fetch(new URL('/varz', local.brokerMonitorUrl), {
    signal: AbortSignal.timeout(2_000),
  });
  const { jetstream } = (await answer.json()) as { jetstream?: { config?: { sync_always?: boolean } } };
  const always = jetstream?.config?.sync_always === true;
  return { found: always ? 'always' : 'at intervals', ok: always };
};

const controls: readonly Control[] = [
  {
    control: 'services',
    wanted: 'all answer',
    next: 'npx jangada status',
    find: ({ expected, statuses }) => {
      const silent = expected.filter((name) => !statuses.some((status) => status.name === name));
      return { found: silent.length > 0 ? `silent: ${silent.join(', ')}` : 'all answer', ok: !silent.length };
    },
  },
  {
    control: 'NODE_ENV',
    wanted: 'production',
    productionOnly: true,
    next: 'NODE_ENV=production for every service',
    find: setting('NODE_ENV', (value) => value === 'production'),
  },
  {
    control: 'JANGADA_ENV',
    wanted: 'one name, not local',
    productionOnly: true,
    next: 'name the deployment by JANGADA_ENV, the same for every service',
    find: same('JANGADA_ENV', (value) => value !== 'local'),
  },
  {
    control: 'TLS at the door',
    wanted: 'a certificate, or a proxy that has one',
    productionOnly: true,
    next: 'TLS_CERT_FILE and TLS_KEY_FILE, or TLS_PROXY=true behind one: docs/edge.md',
    find: (system) => {
      const certificate = setting('TLS_CERT', Boolean)(system).ok;
      const proxy = setting('TLS_PROXY', (value) => value === 'true')(system).ok;
      return {
        found: certificate ? 'a certificate' : proxy ? 'a proxy' : 'neither',
        ok: certificate || proxy,
      };
    },
  },
  ...(
    [
      ['broker', 'NATS_URL', 'NATS_URL=tls://<name>'],
      ['database', 'DATABASE_URL', 'DATABASE_URL=postgres://…?sslmode=verify-full'],
      ['cache', 'REDIS_URL', 'REDIS_URL=rediss://…'],
    ] as const
  ).map(
    ([to, name, next]): Control => ({
      control: `link to the ${to}`,
      wanted: 'tls',
      productionOnly: true,
      next: `${next}, and TLS_CA_FILE for an authority of your own`,
      find: setting(name, (value) => value === 'tls'),
    }),
  ),
  {
    control: 'authority of links',
    wanted: 'one for all',
    productionOnly: true,
    next: 'the same TLS_CA_FILE for every service, or for none where a public authority signs',
    find: ({ statuses }) => {
      const own = statuses.filter(({ settings }) => settings.TLS_CA !== undefined).length;
      return {
        found: own === 0 ? 'public' : `own, of ${own} of ${statuses.length}`,
        ok: own === 0 || own === statuses.length,
      };
    },
  },
  {
    control: 'TOOL_HOSTS',
    wanted: 'no loopback address',
    productionOnly: true,
    next: 'name hosts that are asked by https',
    find: setting('TOOL_HOSTS', (value) => !/(^|,)(127\.|\[::1\])/.test(value)),
  },
  {
    control: 'ALLOWED_ORIGINS',
    wanted: 'https origins by name, or none',
    productionOnly: true,
    next: 'list each web origin with https://',
    find: setting('ALLOWED_ORIGINS', (value) =>
      value
        .split(',')
        .filter(Boolean)
        .every((origin) => /^https:\/\/[\w.:-]+$/.test(origin)),
    ),
  },
  {
    control: 'RATE_LIMIT_PROFILE',
    wanted: 'production',
    productionOnly: true,
    next: 'RATE_LIMIT_PROFILE=production',
    find: setting('RATE_LIMIT_PROFILE', (value) => value === 'production'),
  },
  {
    control: 'RUN_DEADLINE_MS',
    wanted: '30000 at most',
    next: 'RUN_DEADLINE_MS=30000',
    find: setting('RUN_DEADLINE_MS', (value) => Number(value) <= 30_000),
  },
  {
    control: 'AI_SECURITY_LEVEL',
    wanted: 'STANDARD or MAXIMUM',
    next: 'AI_SECURITY_LEVEL=STANDARD',
    find: setting('AI_SECURITY_LEVEL', (value) => value === 'STANDARD' || value === 'MAXIMUM'),
  },
  {
    control: 'AI_ENCRYPTION_PROVIDER',
    wanted: 'VAULT or AWS_KMS',
    productionOnly: true,
    next: 'keep the root outside of the machine: docs/encryption.md',
    find: same('AI_ENCRYPTION_PROVIDER', (value) => value !== 'LOCAL'),
  },
  {
    control: 'age of tenants’ keys',
    wanted: 'below AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS',
    productionOnly: true,
    next: 'npx jangada keys rotate --due',
    find: keyAges,
  },
  {
    control: 'key sets that ended',
    wanted: 'none',
    next: 'npx jangada keys retire <kind>',
    find: () => {
      const folder = join(home(), 'keys');
      if (!existsSync(folder)) return { found: 'no key sets on this machine', ok: true };
      const now = new Date().toISOString();
      return none(kindNames.filter((kind) => readSet(folder, kind).every(({ notAfter }) => notAfter <= now)));
    },
  },
  {
    control: 'files with secrets that others read',
    wanted: 'none',
    next: 'chmod 600',
    find: () =>
      none(
        secretFiles()
          .filter((file) => (modeOf(file) & 0o077) !== 0)
          .map((file) => `${file} ${modeOf(file).toString(8)}`),
      ),
  },
  {
    control: 'administrators without a second factor',
    wanted: 'none',
    next: 'each signs in and enrols: docs/identity.md',
    find: async (system) =>
      none((await administrators(system)).filter(({ enrolled }) => !enrolled).map(({ id }) => id)),
  },
  {
    control: 'debuggers',
    wanted: 'none',
    productionOnly: true,
    next: 'take --inspect out of NODE_OPTIONS and start again',
    find: ({ statuses }) => none(statuses.filter(({ debugged }) => debugged).map(({ name }) => name)),
  },
  {
    control: 'guards of the database that changed',
    wanted: 'none',
    next: 'find out who changed them, then run the migration: docs/isolation.md',
    find: async (system) =>
      none(
        (
          await rowsOf(
            system,
            // Of roles it judges the one that asks, which here is the administrator of the database.
            sql<{ object: string }>`select object from sec.drift() where object <> 'role ' || session_user`,
          )
        ).map(({ object }) => object),
      ),
  },
  {
    control: 'streams that are not as declared',
    wanted: 'none',
    next: 'provision the broker again',
    find: async ({ operator }) => {
      const infos = await Promise.all(
        streams().map(async (stream) => {
          const info = await operator.jsm.streams.info(stream.name).catch(() => undefined);
          return holds(info?.config, stream) ? [] : [stream.name];
        }),
      );
      return none(infos.flat());
    },
  },
  {
    control: 'broker asks who connects',
    wanted: 'yes',
    next: 'include deploy/generated/nats.conf in its configuration',
    find: ({ operator }) => {
      const asks = operator.nc.info?.auth_required === true;
      return { found: asks ? 'yes' : 'no', ok: asks };
    },
  },
  {
    control: 'broker writes to disk',
    wanted: 'always',
    productionOnly: true,
    next: 'sync_interval: always in its configuration (DURABILITY=always locally); --broker-monitor says where to ask',
    find: brokerSyncs,
  },
  {
    control: 'database writes to disk',
    wanted: 'always',
    productionOnly: true,
    next: 'fsync and synchronous_commit on in PostgreSQL (DURABILITY=always locally)',
    find: async (system) => {
      const rows = await rowsOf(
        system,
        sql<{ name: string }>`select name from pg_settings
          where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off' order by name`,
      );
      return rows.length === 0
        ? { found: 'always', ok: true }
        : { found: `off: ${rows.map(({ name }) => name).join(', ')}`, ok: false };
    },
  },
];

interface Options extends Format {
  readonly profile: (typeof profiles)[number];
  readonly brokerMonitor?: string;
}

/** What cannot be told is not as wanted. */
const lineOf = async (control: Control, profile: Options['profile'], system: System): Promise<Line> => {
  const free = control.productionOnly && profile !== 'production';
  const { found, ok } = await Promise.resolve()
    .then(() => control.find(system))
    .catch((error: unknown) => ({ found: `cannot be told: ${messageOf(error)}`, ok: false }));
  const line = { control: control.control, wanted: free ? 'any' : control.wanted, found };
  return free || ok ? { ...line, state: 'ok' } : { ...line, state: 'drift', next: control.next };
};

const check = async ({ profile, brokerMonitor }: Options): Promise<readonly Line[]> => {
  const known = readLocal();
  const local = brokerMonitor ? { ...known, brokerMonitorUrl: brokerMonitor } : known;
  await using operator = await openOperator(local);
  await using store = connect('operator', { DATABASE_URL: local.databaseUrl, DATABASE_POOL_SIZE: 2 });
  const expected = (await collect()).map(({ name }) => name);
  const statuses = await rollCall(operator.nc, expected, 2_000);
  const system: System = { local, expected, statuses, operator, store };
  return await Promise.all(controls.map((control) => lineOf(control, profile, system)));
};

export const securityCommand = (): Command =>
  new Command('security').description('is the system set up as it must be?').addCommand(
    new Command('check')
      .description(
        'what a profile wants against what is really set and running. Exit code 0 only without drift',
      )
      .addOption(
        new Option('--profile <profile>', 'what is wanted').choices([...profiles]).default('production'),
      )
      .option('--broker-monitor <url>', 'monitoring address of a broker that was not started here')
      .addOption(jsonOption())
      .action(async (options: Options) => {
        const lines = await check(options);
        print(options, { profile: options.profile, controls: lines }, () =>
          table(
            ['control', 'wanted', 'found', 'state', 'next step'],
            lines.map(({ control, wanted, found, state, next }) => [control, wanted, found, state, next]),
          ),
        );
        if (lines.some(({ state }) => state === 'drift')) process.exitCode = exitCodes.failed;
      }),
  );
