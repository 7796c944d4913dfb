import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Code } from '@jangada/proto/errors.ts';
import { streamOf } from '@jangada/proto/message.ts';
import { isEnd, type Part, reply } from '@jangada/proto/reply.ts';
import { until } from '@jangada/testkit/until.ts';
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import pg from 'pg';
import { type Options, type System, startSystem } from '../system.ts';
import { root } from '../topology.ts';
import { type Person, signIn } from './person.ts';

/** The assembled system of one test file, and everything a test may look into afterwards. */
export interface Journey extends AsyncDisposable {
  readonly system: System;
  readonly home: string;
  /** Connected to the broker as the operator. */
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** Signs in with a demo account. */
  as(alias: string): Promise<Person>;
  /** Runs SQL as the superuser, whom no row-level security binds. */
  sql<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Everything a stream holds, in order; of one subject, where it is given. */
  stored(stream: string, subject?: string): Promise<StoredMsg[]>;
  /** Names of a run's facts, in the order they happened. */
  factsOf(run: string): Promise<string[]>;
  /** How the person who asked was told that the run is over; once, if all is well. */
  endsOf(run: string): Promise<Part[]>;
  /** What audit keeps of a run, in order, once it has heard as much as the broker has stored. */
  auditOf(run: string): Promise<Entry[]>;
  /** How often data-access has asked the database for rows of people. */
  readsOfPeople(): Promise<number>;
  /** Runs the command line as a process of its own. */
  jangada(...args: readonly string[]): Promise<Ended>;
}

export interface Entry {
  readonly fact: string;
  readonly actor: string;
  readonly decision: string;
  readonly code: Code | null;
  readonly details: unknown;
}

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a private system; it ends with the journey and leaves nothing behind. */
export const startJourney = async (own: Pick<Options, 'env'> = {}): Promise<Journey> => {
  const home = mkdtempSync(join(tmpdir(), 'jangada-journey-'));
  const system = await startSystem({ home, port: 0, durability: 'relaxed', ...own });
  await system.ready();
  const { local } = system;

  const nc = await connectAs(system, 'operator');
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const database = new pg.Pool({ connectionString: local.databaseUrl, max: 2 });
  // A server that a test stops takes idle connections with it.
  database.on('error', () => undefined);
  const sql: Journey['sql'] = async (text, values = []) => (await database.query(text, [...values])).rows;
  await sql('create extension if not exists pg_stat_statements');

  const stored: Journey['stored'] = async (stream, subject = '>') => {
    const found: StoredMsg[] = [];
    const { state } = await jsm.streams.info(stream);
    for (let next = Math.max(1, state.first_seq); next <= state.last_seq; ) {
      const before = found.length;
      try {
        const query = { seq: next, next_by_subj: subject, batch: 500 };
        for await (const message of await jsm.direct.getBatch(stream, query)) found.push(message);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
      }
      if (found.length === before) break;
      next = (found.at(-1)?.seq ?? next) + 1;
    }
    return found;
  };

  const factsOf: Journey['factsOf'] = async (run) =>
    (await stored(streamOf.fact, `run.*.*.${run}`)).map(({ subject }) => factNamed(subject));

  return {
    system,
    home,
    nc,
    jsm,
    as: (alias) => signIn(system, alias),
    sql,
    stored,
    factsOf,
    endsOf: async (run) =>
      (await stored(streamOf.reply, `reply.*.${run}`)).flatMap((message) =>
        reply.body.parse(message.json()).parts.filter(isEnd),
      ),
    auditOf: async (run) => {
      const facts = await factsOf(run);
      return until(`${facts.length} audit entries of a run`, async () => {
        const entries = await sql<Entry>(
          'select fact, actor, decision, code, details from audit_entries where subject_id = $1 order by sequence',
          [run],
        );
        return entries.length >= facts.length ? entries : undefined;
      });
    },
    readsOfPeople: async () => {
      const [row] = await sql<{ calls: number }>(
        `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements join pg_roles on pg_roles.oid = userid
         where rolname = 'svc_data_access' and query ~ '\\m(appointments|billing|clients|aesthetic_records)\\M'`,
      );
      return row?.calls ?? 0;
    },
    jangada: (...args) =>
      new Promise((resolve) => {
        const entry = join(root, 'deploy/cli/jangada.ts');
        const env = { ...process.env, JANGADA_HOME: home };
        const child = execFile(process.execPath, [entry, ...args], { env }, (_error, stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, stdout, stderr });
        });
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([nc.close(), database.end()]);
      await system.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
};

/** Connects to the broker with the identity of a service, or as `operator`. */
export const connectAs = (system: System, name: string): Promise<NatsConnection> =>
  connect({
    servers: system.local.natsUrl,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(system.keys.broker[name]?.seed)),
    inboxPrefix: `_INBOX_${name}`,
    maxReconnectAttempts: -1,
  });

/** `run.answered.<tenant>.<run>` is `run.answered`. */
export const factNamed = (subject: string): string => subject.split('.').slice(0, 2).join('.');
