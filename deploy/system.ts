import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '@jangada/config/config.ts';
import type { Name } from '@jangada/config/settings.ts';
import { embeddingSettings, openEmbedding } from '@jangada/knowledge/embedding.ts';
import { packs } from '@jangada/packs/registry.ts';
import { rollCall } from '@jangada/runtime/roll-call.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { startRedis } from '@jangada/servers/redis.ts';
import { freePort, type Server } from '@jangada/servers/server.ts';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { builtConsole } from './console.ts';
import { variableOf } from './generate/nats.ts';
import { roleOf } from './generate/roles.ts';
import { settingsOf } from './generate/services.ts';
import { type Keys, openKeys } from './keys.ts';
import { fileOf, kindNames, kinds, nextRing } from './keysets.ts';
import { refreshKnowledge } from './knowledge.ts';
import { checkpointLog, type Local } from './local.ts';
import { migrate } from './migrate.ts';
import { provision } from './provision.ts';
import { type Account, seed } from './seed.ts';
import { type Supervised, supervise } from './supervise.ts';
import { collect, root } from './topology.ts';
import { rootEnv, rootKeysOf, vaultFrom } from './vault.ts';

/** The whole system as it runs on one machine: three servers and a process for each service. */
export interface System extends AsyncDisposable {
  readonly local: Local;
  readonly accounts: readonly Account[];
  readonly keys: Keys;
  readonly services: ReadonlyMap<string, Supervised>;
  /** Those that were started here; a server given by its URL is left alone. */
  readonly servers: { readonly nats?: NatsServer; readonly postgres?: Server; readonly redis?: Server };
  /** What each service says of itself; those that do not answer in time are missing. */
  statuses(): Promise<readonly Status[]>;
  /** Starts one process more of a service, with these settings over those of the first; it ends with the system. */
  replica(service: string, env: Readonly<Record<string, string>>): Promise<Supervised>;
  /** Resolves when every service is ready. @throws after a minute, naming those that are not */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export interface Options {
  /** Folder of data, keys and logs. */
  readonly home: string;
  /** Port of the edge; 0 for a free one. */
  readonly port: number;
  readonly durability: 'always' | 'relaxed';
  /** Settings for every service, over those made here. */
  readonly env?: Readonly<Record<string, string>>;
  /** URLs of servers that run already. */
  readonly given?: { nats?: string | undefined; postgres?: string | undefined; redis?: string | undefined };
  /** URLs of the databases of tenants that have one of their own. */
  readonly tenantDatabases?: Readonly<Record<string, string>>;
  /** Services to start, where it is not all of them. */
  readonly only?: readonly string[];
  readonly progress?: (line: string) => void;
}

const readyMs = 60_000;
/** How long services have to say how they are; starting at once on a busy machine, they are slow to. */
const statusWithinMs = 1_000;

export const startSystem = async (options: Options): Promise<System> => {
  const { home, durability, given = {}, tenantDatabases = {}, progress = () => undefined } = options;
  mkdirSync(home, { recursive: true, mode: 0o755 });
  const contracts = await collect();
  const keys = openKeys(
    join(home, 'keys.json'),
    contracts.map((contract) => contract.name),
  );
  const brokerEnv = Object.fromEntries(
    Object.entries(keys.broker).map(([name, { publicKey }]) => [variableOf('NKEY', name), publicKey]),
  );

  progress('starting NATS, PostgreSQL and Redis, and building the console where it has changed');
  const dir = (name: string): string => join(home, 'data', name);
  const [nats, postgres, redis, consoleDir] = await Promise.all([
    given.nats
      ? undefined
      : startNats({
          dir: dir('nats'),
          configFile: join(root, 'deploy/generated/nats.conf'),
          env: brokerEnv,
          syncInterval: durability === 'always' ? 'always' : '1s',
          progress,
        }),
    given.postgres ? undefined : startPostgres({ dir: dir('postgres'), durability, progress }),
    given.redis ? undefined : startRedis({ dir: dir('redis'), progress }),
    builtConsole(),
  ]);
  const urls = {
    nats: given.nats ?? nats?.url ?? '',
    postgres: given.postgres ?? postgres?.url ?? '',
    redis: given.redis ?? redis?.url ?? '',
  };

  progress('migrating the database and provisioning the broker');
  const vault = await vaultFrom(rootEnv(keys));
  await Promise.all([
    ...[urls.postgres, ...Object.values(tenantDatabases)].map((url) =>
      migrate(url, {
        grantDatabaseKeys: keys.setOf('database-grant'),
        vault,
        rootKeys: rootKeysOf(rootEnv(keys)),
      }),
    ),
    provision(urls.nats, keys.broker['provisioner']?.seed ?? '', {
      replicas: 1,
      ring: nextRing(keys.folder),
    }),
  ]);
  const accounts = await seed(urls.postgres, home, { vault });
  // As the services are set, or they could not compare what it makes.
  const embedding = await openEmbedding(readConfig(embeddingSettings, { ...process.env, ...options.env }));
  await refreshKnowledge(urls.postgres, { embedding }).catch((error: unknown) => {
    progress(`texts are found by their words alone: no index of them was made (${String(error)})`);
  });

  // In whose name the public agent answers: the first demo tenant whose pack opens something to who has not signed in.
  const openTenant = packs
    .find(({ roles }) => Object.hasOwn(roles, 'public'))
    ?.demo?.(Temporal.Now.instant())
    .at(0)?.tenant.id;

  const edgePort = await freePort(options.port);
  const local: Local = {
    natsUrl: urls.nats,
    operatorSeed: keys.broker['operator']?.seed ?? '',
    databaseUrl: urls.postgres,
    redisUrl: urls.redis,
    edgeUrl: `http://127.0.0.1:${edgePort}`,
    ...(nats ? { brokerMonitorUrl: nats.monitorUrl } : {}),
  };
  const wanted = contracts.map(({ name }) => name).filter((name) => options.only?.includes(name) ?? true);
  progress(`starting ${wanted.length} services`);
  const start = (service: string, process: string, env: Readonly<Record<string, string>>) =>
    supervise(
      process,
      {
        args: [join(root, 'services', service, 'main.ts')],
        cwd: root,
        env: {
          ...environment(service, keys, urls, tenantDatabases, {
            JANGADA_PORT: String(edgePort),
            CONSOLE_DIR: consoleDir,
            AUDIT_CHECKPOINT_LOG: checkpointLog(home),
            ...(openTenant ? { PUBLIC_TENANT: openTenant } : {}),
          }),
          ...options.env,
          ...env,
        },
        logFile: join(home, 'logs', `${process}.log`),
      },
      progress,
    );
  const services = new Map<string, Supervised>();
  for (const name of wanted) services.set(name, await start(name, name, {}));
  const replicas: Supervised[] = [];

  let asker: Promise<NatsConnection> | undefined;
  const statuses = async (): Promise<readonly Status[]> => {
    asker ??= connect({
      servers: urls.nats,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(local.operatorSeed)),
      inboxPrefix: '_INBOX_operator',
      maxReconnectAttempts: -1,
      // A first try that fails on a busy machine is not the last.
      waitOnFirstConnect: true,
    });
    return rollCall(await asker, [...services.keys()], statusWithinMs);
  };
  const stop = async (): Promise<void> => {
    rmSync(join(home, 'run.json'), { force: true });
    // The edge first: nobody new comes in while the others finish what they have.
    await Promise.all([services.get('edge'), ...replicas].map((service) => service?.stop()));
    await Promise.all([...services.values()].map((service) => service.stop()));
    await (await asker?.catch(() => undefined))?.close();
    await Promise.all([nats?.stop(), postgres?.stop(), redis?.stop()]);
  };
  writeFileSync(join(home, 'run.json'), JSON.stringify({ ...local, pid: process.pid }, null, 2), {
    mode: 0o600,
  });

  return {
    local,
    accounts,
    keys,
    services,
    servers: { ...(nats ? { nats } : {}), ...(postgres ? { postgres } : {}), ...(redis ? { redis } : {}) },
    statuses,
    replica: async (service, env) => {
      const replica = await start(service, `${service}-${replicas.length + 2}`, env);
      replicas.push(replica);
      return replica;
    },
    ready: async () => {
      const deadline = Date.now() + readyMs;
      for (;;) {
        const ready = new Set(
          (await statuses().catch(() => [])).filter((status) => status.ready).map((status) => status.name),
        );
        const missing = [...services.keys()].filter((name) => !ready.has(name));
        if (missing.length === 0) return;
        if (Date.now() > deadline)
          throw new Error(
            `not ready after a minute: ${missing.join(', ')}. Their logs are in ${join(home, 'logs')}`,
          );
        await sleep(100);
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
};

/** Exactly the settings that a service reads: nobody holds a key that is not theirs. */
const environment = (
  name: string,
  keys: Keys,
  urls: { nats: string; postgres: string; redis: string },
  tenantDatabases: Readonly<Record<string, string>>,
  own: Partial<Record<Name, string>>,
): Record<string, string> => {
  const asRole = (given: string): string => Object.assign(new URL(given), { username: roleOf(name) }).href;
  const values: Partial<Record<Name, string>> = {
    NATS_URL: urls.nats,
    NATS_NKEY_SEED: keys.broker[name]?.seed ?? '',
    DATABASE_URL: asRole(urls.postgres),
    DATABASE_TENANT_URLS: JSON.stringify(
      Object.fromEntries(Object.entries(tenantDatabases).map(([tenant, url]) => [tenant, asRole(url)])),
    ),
    REDIS_URL: urls.redis,
    HEALTH_PORT: '0',
    ENCRYPTION_KEY: keys.encryptionKey,
    ENCRYPTION_KEYS_ACCEPTED: keys.encryptionKeysAccepted,
    KEY_RING_ROOT: keys.keyRingRoot,
    ...own,
  };
  // Keys stay in their files, which a rotation replaces while everything runs.
  const files = new Map<Name, string>(
    kindNames.map((kind) => [kinds[kind].setting, fileOf(keys.folder, kind)]),
  );
  const read = settingsOf(name).map((setting) => {
    const file = files.get(setting);
    return file ? [`${setting}_FILE`, file] : [setting, values[setting] ?? process.env[setting]];
  });
  const machine = ['PATH', 'HOME', 'NODE_COMPILE_CACHE'].map((variable) => [variable, process.env[variable]]);
  return Object.fromEntries([...machine, ...read].filter(([, value]) => value !== undefined));
};
