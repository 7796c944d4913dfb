import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as access from '@jangada/proto/access.ts';
import * as command from '@jangada/proto/command.ts';
import type { Code } from '@jangada/proto/errors.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import { type Body, type Message, partsOf, streamOf } from '@jangada/proto/message.ts';
import { isEnd, type Part, reply } from '@jangada/proto/reply.ts';
import { swept } from '@jangada/proto/retention.ts';
import { endings } from '@jangada/proto/run.ts';
import { bodyOf } from '@jangada/runtime/heard.ts';
import { type OutsideSource, startOutsideSource } from '@jangada/testkit/outside.ts';
import { until } from '@jangada/testkit/until.ts';
import { startWebhookEndpoint, type WebhookEndpoint } from '@jangada/testkit/webhook.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import pg from 'pg';
import { type Ended, runInside } from '../cli/test-terminal.ts';
import { roleOf } from '../generate/roles.ts';
import { type Options, type System, startSystem } from '../system.ts';
import { placeCluster } from '../test-cluster.ts';
import { insertRows } from '../test-database.ts';
import { rootEnv, vaultFrom } from '../vault.ts';
import { given, type Hit, hunt, plant, questionsAboutHer, questionsOfHomeAboutHer } from './canary.ts';
import { type Person, signIn } from './person.ts';
import { openReceiver, type Receiver } from './receiver.ts';

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
  /** The body of a stored fact or reply, which only the keys of the services open. */
  opened<M extends Message>(message: M, stored: StoredMsg): Body<M>;
  /** Everything a stream holds, in order; of one subject, where it is given. */
  stored(stream: string, subject?: string): Promise<StoredMsg[]>;
  /** What a stream holds after a sequence up to now, in order, one after the other. */
  since(stream: string, sequence: number): AsyncGenerator<StoredMsg>;
  /** Names of a run's facts in the order they happened, once its last is recorded. */
  factsOf(run: string): Promise<string[]>;
  /** How the person who asked was told that the run is over, once they were; one part, if all is well. */
  endsOf(run: string): Promise<Part[]>;
  /** What audit keeps of a run or a sweep, in order, once it has heard as much as the broker has stored. */
  auditOf(run: string): Promise<Entry[]>;
  /** What a service exposes. */
  metricsOf(service: string): Promise<string>;
  /** The sum of a metric of a service over all its series that have these labels. */
  counted(service: string, metric: string, ...labels: readonly string[]): Promise<number>;
  /** How often data-access has asked the database for rows of people. */
  readsOfPeople(): Promise<number>;
  /** Locks a table, so that whatever touches it next is caught in the middle of its work. */
  lock(table: string): Promise<Lock>;
  /** Runs the command line. */
  jangada(...args: readonly string[]): Promise<Ended>;
  /** What is found of the canary where nothing of her may be; and of the tokens and passwords used so far. */
  canaries(): Promise<readonly Hit[]>;
}

export interface Entry {
  readonly fact: string;
  readonly actor: string;
  readonly decision: string;
  readonly code: Code | null;
  readonly details: unknown;
}

/** A table that stays locked until the lock is disposed of. */
export interface Lock extends AsyncDisposable {
  /** Resolves when a service waits for it. */
  caught(service: string): Promise<void>;
}

/** Facts after which nothing more happens to what they are about. */
const last: ReadonlySet<string> = new Set(
  [...endings, access.changed, access.refused, command.done, command.refused, feedback.recorded, swept].map(
    ({ name }) => name,
  ),
);

/**
 * Starts a private system with the canary in it; it ends with the journey and leaves nothing behind.
 * Its end throws where the canary was found.
 */
export const startJourney = async ({
  env = {},
  receiver,
}: Pick<Options, 'env'> & { receiver?: Receiver } = {}): Promise<Journey> => {
  const home = mkdtempSync(join(tmpdir(), 'jangada-journey-'));
  await placeCluster(join(home, 'data', 'postgres'));
  const system = await startSystem({
    home,
    port: 0,
    durability: 'relaxed',
    // A journey asks more in a minute than a person does.
    env: {
      RATE_LIMIT_PROFILE: 'loadtest',
      ...(receiver ? { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } : {}),
      ...env,
    },
  });
  await system.ready();
  const { local } = system;

  const nc = await connectAs(system, 'operator');
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const database = new pg.Pool({ connectionString: local.databaseUrl, max: 2 });
  // A server that a test stops takes idle connections with it.
  database.on('error', () => undefined);
  const sql: Journey['sql'] = async (text, values = []) => (await database.query(text, [...values])).rows;
  await sql('create extension if not exists pg_stat_statements');
  const vault = await vaultFrom(rootEnv(system.keys));
  await plant(sql, (tenant, table, row) =>
    insertRows(local.databaseUrl, vault, { tenant, table, rows: [row] }),
  );
  const tokens: string[] = [];

  const read = async function* (stream: string, subject: string, after: number): AsyncGenerator<StoredMsg> {
    const { state } = await jsm.streams.info(stream);
    let last = Math.max(after, state.first_seq - 1);
    try {
      while (last < state.last_seq) {
        const query = { seq: last + 1, next_by_subj: subject, batch: 500 };
        for await (const message of await jsm.direct.getBatch(stream, query)) {
          last = message.seq;
          yield message;
        }
      }
    } catch (error) {
      if (!isNoneLeft(error)) throw error;
    }
  };
  const stored: Journey['stored'] = (stream, subject = '>') => Array.fromAsync(read(stream, subject, 0));

  // What is told and what is recorded go to two streams at the same time: either may be there first.
  const bodies = openBodies(() => system.keys.setOf('message'));
  const opened: Journey['opened'] = (message, { subject, header, data }) => {
    const { tenant = '', id = '' } = partsOf(message, subject) ?? {};
    return bodyOf(message, { tenant, id }, { headers: header, data }, bodies);
  };

  const factsOf: Journey['factsOf'] = (run) =>
    until(`the last fact of ${run}`, async () => {
      const facts = (await stored(streamOf.fact, `*.*.*.${run}`)).map(({ subject }) => factNamed(subject));
      return facts.some((fact) => last.has(fact)) ? facts : undefined;
    });

  const as: Journey['as'] = async (alias) => {
    const person = await signIn(system, alias);
    tokens.push(person.token);
    return person;
  };

  const metricsOf: Journey['metricsOf'] = async (service) => {
    // On a busy machine one may miss the moment in which all are asked.
    const { url } = await until(`${service} to say where it is`, async () =>
      (await system.statuses()).find(({ name }) => name === service),
    );
    return (await fetch(`${url}/metrics`)).text();
  };

  const canaries: Journey['canaries'] = async () => {
    const told = [];
    // Two who may know her, because a test may have used up what one of them may ask.
    for (const alias of ['professional', 'admin', 'foreign'])
      for (const question of questionsAboutHer) told.push(await (await as(alias)).query(question));
    const nurse = await as('nurse');
    const toldAtHome = [];
    for (const question of questionsOfHomeAboutHer) toldAtHome.push((await nurse.query(question)).content);
    if (!given(toldAtHome.join('\n')).includes('notes'))
      throw new Error(
        'the nurse was not told of the health of the canary, so nothing of it was searched for',
      );
    // She is there to be found: who may know her is told.
    if (given(told.map(({ content }) => content).join('\n')).length === 0)
      throw new Error('nobody was told anything of the canary, so nothing was searched for');
    const streams = await jsm.streams.list().next();
    return hunt({
      system,
      home,
      sql,
      stored,
      streams: streams.map(({ config }) => config.name),
      spans: receiver?.received ?? [],
      secrets: { token: tokens, password: system.accounts.map(({ password }) => password) },
    });
  };

  return {
    system,
    home,
    nc,
    jsm,
    as,
    sql,
    opened,
    stored,
    since: (stream, sequence) => read(stream, '>', sequence),
    factsOf,
    endsOf: (run) =>
      until(`${run} to be over`, async () => {
        const told = await stored(streamOf.reply, `reply.*.${run}`);
        const ends = told.flatMap((message) => opened(reply, message).parts.filter(isEnd));
        return ends.length > 0 ? ends : undefined;
      }),
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
    metricsOf,
    counted: async (service, metric, ...labels) =>
      (await metricsOf(service))
        .split('\n')
        .filter((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    readsOfPeople: async () => {
      const [row] = await sql<{ calls: number }>(
        `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements join pg_roles on pg_roles.oid = userid
         where rolname ~ '^app_' and query ~ '\\m(appointments|billing|clients|aesthetic_records|residents|care_events|medications|resident_appointments|care_inquiries)\\M'`,
      );
      return row?.calls ?? 0;
    },
    lock: async (table) => {
      const holder = new pg.Client({ connectionString: local.databaseUrl });
      holder.on('error', () => undefined);
      await holder.connect();
      await holder.query(`begin; lock table ${holder.escapeIdentifier(table)} in access exclusive mode`);
      return {
        caught: async (service) => {
          await until(`${service} to wait for ${table}`, async () => {
            const waiting = await sql(
              `select from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'`,
              [roleOf(service)],
            );
            return waiting.length > 0;
          });
        },
        [Symbol.asyncDispose]: () => holder.end(),
      };
    },
    jangada: (...args) => runInside(args, { ...process.env, JANGADA_HOME: home }),
    canaries,
    [Symbol.asyncDispose]: async () => {
      const found = await canaries().catch((error: Error) => error);
      await Promise.all([nc.close(), database.end()]);
      await system.stop();
      rmSync(home, { recursive: true, force: true });
      if (found instanceof Error) throw found;
      if (found.length > 0)
        throw new Error(
          `the canary was found: ${found.map(({ trait, place }) => `${trait} in ${place}`).join(', ')}`,
        );
    },
  };
};

let shared: Promise<Journey> | undefined;

/** The one journey of all that import this in one test file, which ends it; see one-system.test.ts. */
export const sharedJourney = (): Promise<Journey> => {
  shared ??= Promise.all([outsideSource(), sharedReceiver(), webhookEndpoint()]).then(
    ([source, receiver, { host, url }]) =>
      startJourney({
        receiver,
        env: {
          TOOL_HOSTS: source.host,
          TOOL_URLS: JSON.stringify({ search_gpu_pricing: source.url }),
          WEBHOOK_HOSTS: host,
          WEBHOOK_KEYS: JSON.stringify({ 'clinica-aurora': webhookKey }),
          NOTIFICATION_URLS: JSON.stringify({ 'clinica-aurora': url }),
          RECIPIENT_URLS: JSON.stringify({ 'clinica-aurora/accountant': url }),
          BILLING_URLS: JSON.stringify({ 'clinica-aurora': url }),
        },
      }),
  );
  return shared;
};

let receiver: Promise<Receiver> | undefined;

/** Who is told of the shared journey's spans. */
export const sharedReceiver = (): Promise<Receiver> => {
  receiver ??= openReceiver();
  return receiver;
};

let source: Promise<OutsideSource> | undefined;

/** What tools of the shared journey ask. It knows nothing until a test lets it. */
export const outsideSource = (): Promise<OutsideSource> => {
  source ??= startOutsideSource({ says: { prices: [] } });
  return source;
};

const webhookKey = 'a key that both have';
let endpoint: Promise<WebhookEndpoint> | undefined;

/** Who is told of bookings of the shared journey. */
export const webhookEndpoint = (): Promise<WebhookEndpoint> => {
  endpoint ??= startWebhookEndpoint(webhookKey);
  return endpoint;
};

/** The broker answers a batch that would be empty with 404. */
const isNoneLeft = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 404;

/** Connects to the broker with the identity of a service, or as `operator`. */
export const connectAs = (system: System, name: string): Promise<NatsConnection> =>
  connect({
    servers: system.local.natsUrl,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(system.keys.broker[name]?.seed)),
    inboxPrefix: `_INBOX_${name}`,
    maxReconnectAttempts: -1,
    // A first try that fails on a busy machine is not the last.
    waitOnFirstConnect: true,
  });

/** `run.answered.<tenant>.<run>` is `run.answered`. */
export const factNamed = (subject: string): string => subject.split('.').slice(0, 2).join('.');
