import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { core, deadHeaders, headers } from '@jangada/proto/envelope.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { until } from '@jangada/testkit/until.ts';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';
import { connect, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { streams } from '../generate/streams.ts';
import { collect } from '../topology.ts';
import { type Ended, runInside } from './test-terminal.ts';

/** The command line against a broker without authorization: no service runs. */

let dir: string;
let nats: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
let env: NodeJS.ProcessEnv;
const entry = join(import.meta.dirname, 'jangada.ts');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-cli-'));
  nats = await startNats({ dir: join(dir, 'nats'), syncInterval: '1s' });
  nc = await connect({ servers: nats.url });
  jsm = await jetstreamManager(nc);
  env = {
    ...process.env,
    JANGADA_HOME: dir,
    NATS_URL: nats.url,
    NATS_NKEY_SEED: new TextDecoder().decode(createUser().getSeed()),
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
    REDIS_URL: 'redis://127.0.0.1:1',
    JANGADA_EDGE_URL: 'http://127.0.0.1:1',
  };
});
beforeEach(async () => {
  // The broker goes on deleting a stream's files after it has said that they are gone.
  for (const stream of streams())
    await until(`${stream.name} to be made`, () => jsm.streams.add(stream).catch(() => undefined));
});
afterEach(async () => {
  for (const { name } of streams()) await jsm.streams.delete(name);
});
afterAll(async () => {
  await nc.close();
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

const jangada = (args: readonly string[], own: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runInside(args, { ...env, ...own });

const json = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await jangada([...args, '--json']);
  return JSON.parse(stdout);
};

const publish = async (
  subject: string,
  body: object,
  values: Record<string, string> = {},
): Promise<number> => {
  const sent = newHeaders();
  for (const [name, value] of Object.entries(values)) sent.set(name, value);
  return (await jetstream(nc).publish(subject, JSON.stringify(body), { headers: sent })).seq;
};

const passOf = (claims: object): string =>
  `${Buffer.from(JSON.stringify(claims)).toString('base64url')}.not-verified`;

describe('dlq', () => {
  const bury = (subject: string, body: object, own: Record<string, string> = {}): Promise<number> =>
    publish('dead.audit.clinica.r-1', body, {
      traceparent: '00-1-2-01',
      [headers.schema]: '1',
      [headers.messageId]: crypto.randomUUID(),
      [deadHeaders.hop]: 'audit',
      [deadHeaders.reason]: 'MSG_POISON: the body does not match run.understood: plan invalid_type',
      [deadHeaders.subject]: subject,
      ...own,
    });

  test('lists what is dead, and nothing when nothing is', async () => {
    expect(await json('dlq', 'list')).toEqual([]);
    expect((await jangada(['dlq', 'list'])).stdout).toBe('no dead letters\n');
    const sequence = await bury('run.understood.clinica.r-1', { question: 'secret' });
    expect(await json('dlq', 'list')).toEqual([
      {
        sequence,
        at: expect.any(String),
        hop: 'audit',
        reason: 'MSG_POISON: the body does not match run.understood: plan invalid_type',
        tenant: 'clinica',
        run: 'r-1',
        subject: 'run.understood.clinica.r-1',
        bytes: 21,
      },
    ]);
    expect((await jangada(['dlq', 'list'])).stdout).toMatch(
      /\n\s*1 {2}\S+ \S+ {2}audit {2}clinica {2}r-1 {2}MSG_POISON: /,
    );
  });

  test('lists more than one batch of them', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, n) => bury('run.understood.clinica.r-1', { n })));
    expect(await json('dlq', 'list')).toHaveLength(300);
  });

  test('shows what it carried, and not its body', async () => {
    await bury(
      'run.understood.clinica.r-1',
      { question: 'secret' },
      { [headers.pass]: passOf({ rol: 'admin', iat: 1, exp: 2 }) },
    );
    const plain = await jangada(['dlq', 'show', '1']);
    expect(plain.stdout).toMatch(/Jangada-Dead-Hop +audit\n/);
    expect(plain.stdout).toContain('Its pass has expired');
    expect(plain.stdout).not.toContain('secret');
    const missing = await jangada(['dlq', 'show', '7']);
    expect(missing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'jangada: there is no dead letter 7; see `npx jangada dlq list`\n',
    });
  });

  test('replays a fact to where it was, though it is there already, with what it carried and nothing else', async () => {
    const subject = 'run.understood.clinica.r-1';
    await publish(subject, { first: true });
    await bury(subject, { again: true }, { 'Nats-Expected-Stream': 'DEAD' });
    expect(await jangada(['dlq', 'replay', '1'])).toMatchObject({
      code: 0,
      stdout: `replayed 1 to ${subject}\n`,
    });

    const replayed = await jsm.streams.getMessage('FACTS', { last_by_subj: subject });
    expect(replayed?.seq).toBe(3);
    expect(replayed?.json()).toEqual({ again: true });
    const kept = Object.fromEntries([...(replayed?.header ?? [])].map(([name, [value]]) => [name, value]));
    expect(kept).toEqual({
      traceparent: '00-1-2-01',
      [headers.schema]: '1',
      [headers.messageId]: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await json('dlq', 'list')).toEqual([]);
    // Audit hears of it before it is on its way.
    const told = await jsm.streams.getMessage('FACTS', { last_by_subj: 'letter.replayed.clinica.*' });
    expect([told?.seq, told?.json()]).toEqual([
      2,
      { actor: 'operator', sequence: 1, hop: 'audit', message: 'run.understood', run: 'r-1' },
    ]);
  });

  test('says no event again: it would have happened twice', async () => {
    const subject = 'event.booking.clinica.b-1';
    await publish(subject, { version: 1 });
    await bury(subject, { version: 1 });
    await bury('run.understood.clinica.r-1', { n: 1 });
    expect(await jangada(['dlq', 'replay', '1'])).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('dead letter 1 stays: it is an event') },
    });
    expect(await jangada(['dlq', 'replay', 'all'])).toMatchObject({
      ...{ code: 0, stdout: 'replayed 2 to run.understood.clinica.r-1\n' },
    });
    expect(await json('dlq', 'list')).toMatchObject([{ sequence: 1, subject }]);
    expect((await jsm.streams.info('EVENTS')).state.messages).toBe(1);
  });

  test('replays all, and keeps one that the broker does not take', async () => {
    await bury('run.understood.clinica.r-1', { n: 1 });
    await bury('nobody.listens', { n: 2 });
    const ended = await jangada(['dlq', 'replay', 'all']);
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('dead letter 2 stays: nobody.listens was not taken'),
    });
    expect(await json('dlq', 'list')).toMatchObject([{ sequence: 2 }]);
    const { state } = await jsm.streams.info('FACTS', { subjects_filter: 'run.>' });
    expect(state.subjects).toEqual({ 'run.understood.clinica.r-1': 1 });
  });
});

describe('run show', () => {
  const asked = {
    ...{ intent: 'appointments', confidence: 0.9, source: 'appointments', ask: 'count' },
    ...{ fields: [], joins: [] },
  };
  const sealed = { secret: true };

  const live = async (tenant: string, run: string): Promise<void> => {
    const pass = passOf({ rol: 'admin', iat: Date.now(), exp: Date.now() + 30_000 });
    const carrying = (head: object) => ({ [headers.pass]: pass, [headers.head]: JSON.stringify(head) });
    await publish(`run.understood.${tenant}.${run}`, sealed, carrying(asked));
    await publish(`run.refused.${tenant}.${run}`, sealed, carrying({ code: 'AUTHZ_DENIED' }));
    await publish(`reply.${tenant}.${run}`, sealed, carrying({ attempt: 1 }));
  };

  test('tells the facts of a run in order, by its id or the beginning of it', async () => {
    await live('clinica', 'abc-1');
    await live('clinica', 'xyz-1');
    for (const args of [['abc-1'], ['ab'], ['abc-1', '--tenant', 'clinica'], ['a', '--tenant', 'clinica']]) {
      expect(await json('run', 'show', ...args)).toMatchObject({
        run: 'abc-1',
        tenant: 'clinica',
        role: 'admin',
        startedBy: 'pass',
        steps: [
          { fact: 'run.understood', saidBy: ['edge', 'intent'], outcome: 'appointments (0.90)' },
          { fact: 'run.refused', saidBy: ['permission'], outcome: 'AUTHZ_DENIED', code: 'AUTHZ_DENIED' },
        ],
        told: { attempt: 1 },
      });
    }
    const { stdout } = await jangada(['run', 'show', 'abc']);
    expect(stdout).toMatch(
      /run\.understood +edge or intent[\s\S]*run\.refused +permission +AUTHZ_DENIED[\s\S]*reply/,
    );
    expect(stdout).not.toContain('secret');
  });

  test('asks for more when several runs are meant, and says so when none is', async () => {
    await live('clinica', 'abc-1');
    await live('clinica', 'abc-2');
    await live('outra', 'abc-1');
    expect(await jangada(['run', 'show', 'abc'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('give more of the id, or --tenant'),
    });
    expect(await jangada(['run', 'show', 'abc-1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('abc-1 of outra'),
    });
    expect(await json('run', 'show', 'abc-1', '--tenant', 'outra')).toMatchObject({ tenant: 'outra' });
    expect(await jangada(['run', 'show', 'nothing'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing is known of nothing'),
    });
    expect(await jangada(['run', 'show', 'a.>'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not an id'),
    });
  });
});

describe('status', () => {
  const answerAs = (name: string, own: Partial<Status> = {}) =>
    nc.subscribe(core.status, {
      callback: (_error, message) => {
        const status: Status = {
          ...{ name, kind: 'hop', spares: [], consumers: [] },
          pid: 1,
          url: `http://${name}`,
          ready: true,
          ...{ breaker: 'closed', failures: 0, breakerSince: '2026-11-30T08:00:00.000Z' },
          inFlight: 0,
          checks: [],
          settings: {},
          debugged: false,
          ...own,
        };
        message.respond(JSON.stringify(status));
      },
    });

  test('is ready and 0 when every service answers that it is', async () => {
    const contracts = await collect();
    const answers = contracts.map(({ name }) => answerAs(name));
    await jsm.consumers.add('FACTS', {
      durable_name: 'permission',
      filter_subjects: ['run.understood.*.*'],
      ack_policy: 'explicit',
    });
    await publish('run.understood.clinica.r-1', {});
    await nc.flush();
    try {
      const ended = await jangada(['status', '--json', '--wait', '5000']);
      expect(ended.code).toBe(0);
      const report = JSON.parse(ended.stdout);
      expect(report).toMatchObject({ ready: true, edge: { url: 'http://127.0.0.1:1' } });
      expect(report.services.map((service: { name: string }) => service.name)).toEqual(
        contracts.map(({ name }) => name),
      );
      expect(report.services).toContainEqual(
        expect.objectContaining({
          name: 'permission',
          healthy: true,
          url: 'http://permission',
          lag: { waiting: 1, unacknowledged: 0, redelivered: 0 },
        }),
      );
    } finally {
      for (const answer of answers) answer.unsubscribe();
    }
  });

  test('names who does not answer, and is 1', async () => {
    const edge = answerAs('edge', {
      ready: false,
      breaker: 'open',
      checks: [{ name: 'database', status: 'unhealthy' }],
    });
    await nc.flush();
    try {
      const ended = await jangada(['status']);
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(/^not ready/);
      expect(ended.stdout).toMatch(/edge +NOT HEALTHY +open/);
      expect(ended.stdout).toContain(
        `intent: did not answer: \`npm start\` starts it; log at ${join(dir, 'logs', 'intent.log')}`,
      );
    } finally {
      edge.unsubscribe();
    }
  });

  test('names all when nobody answers', async () => {
    const { code, stdout } = await jangada(['status', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ready: false,
      services: (await collect()).map(({ name }) => ({ name, healthy: false })),
    });
  });

  test('of a system that does not run is the same document, and 2', async () => {
    const ended = await jangada(['status', '--json'], { NATS_URL: undefined });
    expect(ended.code).toBe(2);
    expect(JSON.parse(ended.stdout)).toMatchObject({ ready: false, edge: { url: null } });
    expect(ended.stderr).toContain('Start one with `npm start`');
  });
});

test('a table is not made anew in the shared database for a tenant that has one of its own', async () => {
  const own = { DATABASE_TENANT_URLS: JSON.stringify({ casa: 'postgres://127.0.0.1:1/casa' }) };
  const ended = await jangada(['projection', 'rebuild', '--tenant', 'casa'], own);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain('casa has a database of its own');
});

test('policies show the breakers of who answers', async () => {
  const audit = nc.subscribe(core.status, {
    callback: (_error, message) => void message.respond(JSON.stringify({ name: 'audit', breaker: 'open' })),
  });
  await nc.flush();
  try {
    expect(await json('policies')).toContainEqual(expect.objectContaining({ hop: 'audit', breaker: 'open' }));
  } finally {
    audit.unsubscribe();
  }
});

test('retention run publishes a tick of the tenant', async () => {
  expect(await jangada(['retention', 'run', '--tenant', 'clinica'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('retention report --tenant clinica'),
  });
  const tick = await jsm.streams.getMessage('SCHED', { last_by_subj: 'tick.retention.clinica' });
  expect(tick?.json()).toEqual({ staleAfterSeconds: 3_600 });
  expect(tick?.header.get(headers.schema)).toBe('1');
  expect((await jangada(['retention', 'run', '--tenant', 'a.b'])).code).toBe(1);
});

describe('a part that is away', () => {
  test('is told within seconds with the next step: a broker that is not there', async () => {
    // Of what it does not need nothing is known.
    const unknown = { DATABASE_URL: undefined, REDIS_URL: undefined, JANGADA_EDGE_URL: undefined };
    const ended = await jangada(['dlq', 'list'], { NATS_URL: 'nats://127.0.0.1:1', ...unknown });
    expect(ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/no connection to the broker at nats:\/\/127\.0\.0\.1:1 .*npm start/),
    });
  });

  test('is told within seconds with the next step: a broker that says nothing', async () => {
    const silent = createTcpServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const started = performance.now();
    // As a process of its own, which what it still has open must not keep from ending.
    const child = spawn(process.execPath, [entry, 'dlq', 'list'], {
      env: { ...env, NATS_URL: `nats://127.0.0.1:${port}` },
    });
    const [text] = await Promise.all([Array.fromAsync(child.stderr), once(child, 'exit')]);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(child.exitCode).toBe(2);
    expect(Buffer.concat(text).toString()).toContain('no connection to the broker');
    silent.close();
  });

  test('is told with the next step: PostgreSQL', async () => {
    expect(await jangada(['audit', 'tail'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/PostgreSQL does not answer .*npm start/),
    });
  });
});

describe('ask', () => {
  let edgeUrl: string;
  const asked: unknown[] = [];
  const sayings = {
    answer: [
      { type: 'RUN_STARTED' },
      { type: 'TEXT_MESSAGE_CONTENT', delta: 'Three ' },
      { type: 'TEXT_MESSAGE_CONTENT', delta: 'appointments.' },
      { type: 'RUN_FINISHED', result: { nextCursor: 'page-2' } },
    ],
    refusal: [
      { type: 'RUN_ERROR', code: 'AUTHZ_DENIED', message: 'Insufficient permissions for this query' },
    ],
    fault: [
      { type: 'RUN_ERROR', code: 'INPUT_INVALID', message: 'no such day', rawEvent: { field: 'period' } },
    ],
    anew: [
      { type: 'TEXT_MESSAGE_START', messageId: 'a' },
      { type: 'TEXT_MESSAGE_CONTENT', delta: 'Thr' },
      { type: 'TEXT_MESSAGE_START', messageId: 'b' },
      { type: 'TEXT_MESSAGE_CONTENT', delta: 'Three.' },
      { type: 'RUN_FINISHED', outcome: { type: 'success' } },
    ],
    cancel: [{ type: 'RUN_FINISHED', outcome: { type: 'cancelled' } }],
    cut: [{ type: 'TEXT_MESSAGE_CONTENT', delta: 'Thr' }],
  };
  const edge = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
    if (request.url === '/v1/auth/token') {
      // Every code was used before.
      const code = body.password !== 'right' ? 'AUTH_INVALID' : body.otp ? 'MFA_REPLAY' : undefined;
      const tokens = { access_token: 'token', refresh_token: 'again', expires_in: 600 };
      response.writeHead(code ? 401 : 200).end(JSON.stringify(code ? { code, message: 'no' } : tokens));
      return;
    }
    asked.push({ url: request.url, authorization: request.headers.authorization, ...body });
    const content: keyof typeof sayings = body.messages[0].content;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'jangada-run': 'run-9' });
    for (const saying of sayings[content]) response.write(`data: ${JSON.stringify(saying)}\n\n`);
    response.end();
  });

  beforeAll(async () => {
    await once(edge.listen(0, '127.0.0.1'), 'listening');
    edgeUrl = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
    const account = { tenant: 'clinica', role: 'admin', email: 'admin@clinica.example', password: 'right' };
    await writeFile(
      join(dir, 'accounts.json'),
      JSON.stringify([
        { alias: 'admin', ...account },
        { alias: 'locked', ...account, password: 'wrong' },
        { alias: 'coded', ...account, totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' },
      ]),
    );
  });
  afterAll(() => {
    edge.close();
  });
  const ask = (...args: string[]): Promise<Ended> => jangada(['ask', ...args], { JANGADA_EDGE_URL: edgeUrl });

  test('prints the answer alone on standard output and where to look on standard error', async () => {
    const ended = await ask(
      '--as',
      'admin',
      '--session',
      's-1',
      '--run',
      'r-1',
      '--cursor',
      'page-1',
      'answer',
    );
    expect(ended).toMatchObject({ code: 0, stdout: 'Three appointments.\n' });
    expect(ended.stderr).toMatch(/run run-9 · \d+ ms · npx jangada run show run-9/);
    expect(ended.stderr).toContain('--cursor page-2');
    expect(asked.at(-1)).toMatchObject({
      url: '/v1/agui/assistant',
      authorization: 'Bearer token',
      threadId: 's-1',
      runId: 'r-1',
      messages: [{ role: 'user', content: 'answer' }],
      forwardedProps: { interrupts: false, cursor: 'page-1' },
      protocolVersion: '1.0',
    });
  });

  test('prints one document with --json', async () => {
    const ended = await ask('--as', 'admin', 'answer', '--json');
    expect(JSON.parse(ended.stdout)).toEqual({
      runId: 'run-9',
      text: 'Three appointments.',
      ms: expect.any(Number),
      nextCursor: 'page-2',
    });
    const refused = await ask('--as', 'admin', 'fault', '--json');
    expect(refused.code).toBe(1);
    const said = { runId: 'run-9', text: '', code: 'INPUT_INVALID', field: 'period' };
    expect(JSON.parse(refused.stdout)).toMatchObject(said);
  });

  test('ends with 1 and the code when the run is refused or cancelled or the stream is cut', async () => {
    expect(await ask('--as', 'admin', 'cancel')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cancelled (CANCELLED)'),
    });
    expect(await ask('--as', 'admin', 'refusal')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Insufficient permissions for this query (AUTHZ_DENIED)'),
    });
    expect(await ask('--as', 'admin', 'cut')).toMatchObject({
      code: 1,
      stdout: 'Thr\n',
      stderr: expect.stringContaining('the stream ended before the answer did'),
    });
  });

  test('never mixes two tellings', async () => {
    expect((await ask('--as', 'admin', 'anew')).stdout).toBe('Thr\nThree.\n');
    expect(JSON.parse((await ask('--as', 'admin', 'anew', '--json')).stdout).text).toBe('Three.');
  });

  test('says who cannot sign in, who does not exist and that the edge is away', async () => {
    expect(await ask('--as', 'locked', 'answer')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('locked cannot sign in: no (AUTH_INVALID)'),
    });
    expect(await ask('--as', 'nobody', 'answer')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there are admin, locked'),
    });
    expect(await jangada(['ask', '--as', 'admin', 'answer'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the edge at http:\/\/127\.0\.0\.1:1 does not answer/),
    });
  });

  test('converses line by line, in one session, past a refusal that names what is at fault', async () => {
    const child = spawn(process.execPath, [entry, 'ask', '--as', 'admin'], {
      env: { ...env, JANGADA_EDGE_URL: edgeUrl },
    });
    child.stdin.end('fault\nanswer\n');
    const [text, remarks] = await Promise.all([
      Array.fromAsync(child.stdout),
      Array.fromAsync(child.stderr),
      once(child, 'exit'),
    ]);
    expect(Buffer.concat(text).toString()).toBe('Three appointments.\n');
    expect(Buffer.concat(remarks).toString()).toContain('no such day (INPUT_INVALID period)');
    expect(child.exitCode).toBe(0);
    const [before, last] = asked.slice(-2) as { threadId: string; runId: string }[];
    expect(last?.threadId).toBe(before?.threadId);
    expect(last?.runId).not.toBe(before?.runId);
  });
});
