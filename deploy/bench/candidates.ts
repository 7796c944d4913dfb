import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { freePort, type Server, startServer } from '@jangada/servers/server.ts';
import { hashPassword } from '@jangada/trust/password.ts';
import { migrate } from '../migrate.ts';
import { type System, startSystem } from '../system.ts';
import { connected, fill } from './dataset.ts';
import type { Credentials, Target } from './load.ts';
import type { Process } from './processes.ts';
import { tenantOf } from './questions.ts';
import { takeGuardsAway } from './unguarded/database.ts';

/** What is measured: our services as they really run, and what one would build instead. */

export const names = ['ours', 'unguarded', 'monolith', 'moleculer'] as const;
export type Name = (typeof names)[number];

export interface Candidate extends AsyncDisposable {
  readonly title: string;
  readonly target: Target;
  /** Every process that works for it, the servers included. */
  readonly processes: readonly Process[];
  /** Servers of its own, with their versions. */
  readonly software: readonly string[];
  /** Audit rows that each run leaves. */
  readonly factsPerRun: number;
  /** Audit rows now. */
  audited(): Promise<number>;
}

/** Ours, as a system that more than questions can be asked of. */
export interface Ours extends Candidate {
  readonly system: System;
}

/** What all candidates share. */
export interface Ground {
  readonly home: string;
  readonly postgres: Pick<Server, 'url' | 'pid'>;
  readonly clinics: number;
}

export type Durability = 'always' | 'relaxed';

const countIn =
  ({ postgres }: Ground, table: string, which = 'true') =>
  (): Promise<number> =>
    connected(postgres.url, async (client) => {
      // Clinics of the demo are not ours to count.
      const query = `select count(*)::int as count from ${table} where tenant_id like 'bench-%' and ${which}`;
      const { rows } = await client.query<{ count: number }>(query);
      return rows[0]?.count ?? 0;
    });

const postgresOf = ({ postgres }: Ground): Process => ({
  name: 'postgresql',
  pid: postgres.pid,
  hasChildren: true,
});

const versionOf = async ({ monitorUrl }: NatsServer): Promise<string> => {
  const { version } = (await (await fetch(`${monitorUrl}/varz`)).json()) as { version: string };
  return `nats-server ${version}`;
};

/** A collector of traces that keeps nothing. */
const openSink = async (): Promise<{ url: string; close(): void }> => {
  const port = await freePort();
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
};

const password = 'bench';

/** Makes an administrator in each clinic, to be signed in with. */
const peopleIn = async ({ postgres, clinics }: Ground): Promise<readonly Credentials[]> => {
  const hash = await hashPassword(password);
  const people = Array.from({ length: clinics }, (_, index) => `${tenantOf(index + 1)}-admin`);
  await connected(postgres.url, async (client) => {
    for (const [index, id] of people.entries()) {
      await client.query(
        `insert into accounts (id, tenant_id, alias, email, password_hash, role)
         values ($1, $2, 'admin', $3, $4, 'admin') on conflict do nothing`,
        [id, tenantOf(index + 1), `${id}@bench.example`, hash],
      );
    }
  });
  return people.map((id) => ({ email: `${id}@bench.example`, password }));
};

/** Our services with everything on, one run in a hundred traced. `env` goes to each of them. */
export const startOurs = async (
  ground: Ground,
  durability: Durability,
  env: Readonly<Record<string, string>> = {},
): Promise<Ours> => {
  const sink = await openSink();
  const system = await startSystem({
    // One home for one database, whichever durability: its keys are what the rows are sealed with.
    home: join(ground.home, 'ours'),
    port: 0,
    durability,
    given: { postgres: ground.postgres.url },
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_TRACES_SAMPLER_ARG: '0.01',
      RATE_LIMIT_PROFILE: 'loadtest',
      ...env,
    },
  });
  await system.ready();
  const { nats, redis } = system.servers;
  return {
    system,
    title: `Jangada, ${durability === 'always' ? 'fsync before every ack' : 'fsync every second'}`,
    target: {
      port: Number(new URL(system.local.edgeUrl).port),
      clinics: ground.clinics,
      dialect: { kind: 'agui', people: await peopleIn(ground) },
    },
    processes: [
      ...[...system.services.values()].map(({ name, pid }) => ({ name, pid })),
      ...(nats ? [{ name: 'nats', pid: nats.pid }] : []),
      ...(redis ? [{ name: 'redis', pid: redis.pid }] : []),
      postgresOf(ground),
    ],
    software: nats ? [await versionOf(nats)] : [],
    // run.understood, run.permitted, run.fetched, run.answered
    factsPerRun: 4,
    // Log-ins are audited too.
    audited: countIn(ground, 'audit_entries', "fact like 'run.%'"),
    [Symbol.asyncDispose]: async () => {
      await system.stop();
      sink.close();
    },
  };
};

/**
 * Ours without pass, grant, row-level security and sealed bodies, to see what they cost; in a database of its own,
 * because they are taken out of it.
 */
export const startUnguarded = async (ground: Ground): Promise<Candidate> => {
  const { url: shared, pid } = ground.postgres;
  const { href: url } = new URL('/unguarded', shared);
  await connected(shared, (client) => client.query('create database unguarded'));
  await migrate(url);
  await fill(url, ground.clinics);
  const own = { ...ground, home: join(ground.home, 'unguarded'), postgres: { url, pid } };
  const candidate = await startOurs(own, 'relaxed', {
    NODE_OPTIONS: `--import ${import.meta.resolve('./unguarded/register.ts')}`,
  });
  await connected(url, takeGuardsAway);
  return { ...candidate, title: 'Jangada without pass, grant, row-level security and sealed bodies' };
};

const startNode = (
  { home, postgres, clinics }: Ground,
  node: { name: string; file: string; args?: readonly string[]; port?: number; env?: Record<string, string> },
): Promise<Server> => {
  const { name, file, args = [], port = 0, env = {} } = node;
  const url = `http://127.0.0.1:${port}`;
  return startServer({
    name,
    url,
    command: process.execPath,
    args: [join(import.meta.dirname, file), ...args],
    env: {
      DATABASE_URL: postgres.url,
      PORT: String(port),
      CLINICS: String(clinics),
      NODE_ENV: 'production',
      ...env,
    },
    logFile: join(home, `${name}.log`),
    // A node without a port is waited for by the gateway.
    answers: async () => {
      if (port && !(await fetch(`${url}/ready`)).ok) throw new Error('not ready');
    },
  });
};

export const startMonolith = async (ground: Ground): Promise<Candidate> => {
  const port = await freePort();
  const server = await startNode(ground, { name: 'monolith', file: 'monolith.ts', port });
  return {
    title: 'Fastify monolith, no hops',
    target: { port, clinics: ground.clinics, dialect: { kind: 'plain' } },
    processes: [{ name: 'app', pid: server.pid }, postgresOf(ground)],
    software: [],
    factsPerRun: 1,
    audited: countIn(ground, 'bench.monolith'),
    [Symbol.asyncDispose]: () => server.stop(),
  };
};

const moleculerNodes = ['intent', 'permission', 'data', 'response', 'audit'];

export const startMoleculer = async (ground: Ground): Promise<Candidate> => {
  const nats = await startNats({ dir: join(ground.home, 'moleculer-nats') });
  const env = { NATS_URL: nats.url };
  const port = await freePort();
  const node = (name: string, own: { port?: number } = {}) =>
    startNode(ground, { name: `moleculer-${name}`, file: 'moleculer.ts', args: [name], env, ...own });
  const nodes = await Promise.all(moleculerNodes.map((name) => node(name)));
  const gateway = await node('gateway', { port });
  return {
    title: 'Moleculer over NATS, process per service',
    target: { port, clinics: ground.clinics, dialect: { kind: 'plain' } },
    processes: [
      { name: 'gateway', pid: gateway.pid },
      ...moleculerNodes.map((name, index) => ({ name, pid: nodes[index]?.pid ?? 0 })),
      { name: 'nats', pid: nats.pid },
      postgresOf(ground),
    ],
    software: [await versionOf(nats)],
    factsPerRun: 1,
    audited: countIn(ground, 'bench.moleculer'),
    [Symbol.asyncDispose]: async () => {
      await gateway.stop();
      await Promise.all(nodes.map((one) => one.stop()));
      await nats.stop();
    },
  };
};

/** Waits until the audit rows of `runs` are there or no more come. @returns how many came since `before` */
export const auditedSince = async (candidate: Candidate, before: number, runs: number): Promise<number> => {
  const wanted = runs * candidate.factsPerRun;
  let last = -1;
  for (;;) {
    const found = (await candidate.audited()) - before;
    if (found >= wanted || found === last) return found;
    last = found;
    await sleep(2_000);
  }
};
