import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { headers } from '@jangada/proto/envelope.ts';
import { subjectOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { tool } from '@jangada/servers/tool.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { passSealer } from '@jangada/trust/pass.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertRows } from '../test-database.ts';
import { rootEnv, vaultFrom } from '../vault.ts';
import { type Journey, startJourney } from './journey.ts';
import type { Person } from './person.ts';
import { openReceiver, type Receiver, type Span } from './receiver.ts';

/** What the system shows of itself: traces and figures of every run, and nothing of any person. */

let receiver: Receiver;
let journey: Journey;
let professional: Person;

beforeAll(async () => {
  receiver = await openReceiver();
  journey = await startJourney({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  professional = await journey.as('professional');
});
afterAll(async () => {
  await journey?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
});

const spansOf = (id: string): Span[] => {
  const traces = new Set(
    receiver.spans.filter(({ attributes }) => attributes['run.id'] === id).map(({ traceId }) => traceId),
  );
  return receiver.spans.filter(({ traceId }) => traces.has(traceId));
};

/** Services send their spans when it suits them: those of an answered run are whole with the last hop's and audit's. */
const wholeTrace = (id: string): Promise<Span[]> =>
  until('every span of a run', () => {
    const spans = spansOf(id);
    const count = (wanted: string) => spans.filter(({ name }) => name === wanted).length;
    return count('audit') === 4 && count('edge') === 1 && count('response-generation') === 1
      ? spans
      : undefined;
  });

describe('traces', () => {
  test('a run is one trace, and each hop’s span is a child of the one that caused it', async () => {
    const { runId } = await professional.query('quantas consultas tenho amanhã?');
    const spans = await wholeTrace(runId);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const caused = spans.map(({ name, parentSpanId }) => [name, byId.get(parentSpanId ?? '')?.name]);
    expect(caused.toSorted()).toEqual(
      [
        ['edge', undefined],
        ['intent', 'edge'],
        ['permission', 'intent'],
        ['data-access', 'permission'],
        ['postgresql', 'data-access'],
        ['response-generation', 'data-access'],
        ...['intent', 'permission', 'data-access', 'response-generation'].map((hop) => ['audit', hop]),
      ].toSorted(),
    );
    for (const { service, name, startTimeUnixNano, parentSpanId } of spans) {
      expect(service).toBe(name === 'postgresql' ? 'data-access' : name);
      const parent = byId.get(parentSpanId ?? '');
      if (parent) expect(BigInt(startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(parent.startTimeUnixNano));
    }
  });

  test('a message that was delivered again says so in its span', async () => {
    let answer: ReturnType<Person['query']>;
    {
      await using lock = await journey.lock('appointments');
      answer = professional.query('quantas consultas tenho no dia 3 de maio de 2024?');
      await lock.caught('data-access');
      journey.system.services.get('data-access')?.kill('SIGKILL');
    }
    const { runId, status } = await answer;
    expect(status).toBe(200);
    const spans = await wholeTrace(runId);
    const redelivered = spans.filter(({ attributes }) => attributes['nats.redelivered'] === true);
    expect(redelivered.map(({ name }) => name)).toEqual(['data-access']);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  });
});

/** One figure of Prometheus' text format. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads an exposition. @throws Error for a line that is none, and for a figure of no declared type */
const parseMetrics = (exposition: string): Sample[] => {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of exposition.split('\n').filter(Boolean)) {
    const [, family, type] = /^# TYPE (\w+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (family && type) types.set(family, type);
    if (/^# (?:HELP|TYPE) \w+ ./.test(line)) continue;
    const [, name = '', labels = '', value] =
      /^([a-zA-Z_:]\w*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/.exec(line) ?? [];
    const figure = Number(value?.replace('Inf', 'Infinity') ?? Number.NaN);
    if (Number.isNaN(figure) && value !== 'NaN') throw new Error(`not a figure: ${line}`);
    if (!types.has(name) && types.get(name.replace(/_(?:bucket|sum|count)$/, '')) !== 'histogram')
      throw new Error(`a figure without a type: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    samples.push({
      name,
      labels: Object.fromEntries(pairs.map(([, key = '', text = '']) => [key, text])),
      value: figure,
    });
  }
  return samples;
};

const metricsOf = async (name: string): Promise<string> => {
  const url = (await journey.system.statuses()).find((status) => status.name === name)?.url;
  return (await fetch(`${url}/metrics`)).text();
};

const promtool = await tool('promtool');
if (!promtool) console.warn('metrics were NOT given to promtool: it can neither be found nor downloaded');

describe('metrics', () => {
  test('every service exposes figures under its name', async () => {
    for (const name of journey.system.services.keys()) {
      const samples = parseMetrics(await metricsOf(name));
      expect(samples.length).toBeGreaterThan(20);
      expect(new Set(samples.map(({ labels }) => labels['service']))).toEqual(new Set([name]));
    }
  });

  test.skipIf(!promtool)('promtool accepts what every service exposes', async () => {
    for (const name of journey.system.services.keys()) {
      const input = await metricsOf(name);
      const { stdout, stderr } = spawnSync(promtool ?? '', ['check', 'metrics'], { input, encoding: 'utf8' });
      // Advice on the names that Node's own figures have is no fault of the format; an error of parsing is.
      const complaints = `${stdout}${stderr}`
        .split('\n')
        .filter((line) => line && !/^(?:nodejs|process)_/.test(line));
      expect(complaints, name).toEqual([]);
    }
  });

  test('questions are counted by type, by time and by what went wrong', async () => {
    const figures = async () => {
      const samples = parseMetrics(await metricsOf('edge'));
      return (name: string, labels: Record<string, string> = {}): number =>
        samples
          .filter((sample) => sample.name === name)
          .filter((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
          .reduce((sum, { value }) => sum + value, 0);
    };
    const before = await figures();
    await professional.query('quantas consultas tenho amanhã?');
    await professional.query('histórico da cliente Elisa Prado');
    const response = await fetch(`${journey.system.local.edgeUrl}/v1/query`, {
      method: 'POST',
      headers: { authorization: 'Bearer nonsense', 'content-type': 'application/json' },
      body: '{"query":"x"}',
    });
    expect(response.status).toBe(401);
    const after = await figures();
    const grew = (name: string, labels?: Record<string, string>) =>
      after(name, labels) - before(name, labels);
    expect({
      asked: grew('agent_query_latency_seconds_count'),
      within10s: grew('agent_query_latency_seconds_bucket', { le: '10' }),
      appointments: grew('agent_queries_by_type_total', { type: 'appointment_query' }),
      errors: grew('agent_errors_by_type_total'),
      notAuthorized: grew('agent_authorization_failures_total'),
      notAuthenticated: grew('agent_authentication_failures_total'),
    }).toEqual({
      asked: 2,
      within10s: 2,
      appointments: 1,
      errors: 1,
      notAuthorized: 1,
      notAuthenticated: 1,
    });
    expect(grew('agent_query_latency_seconds_sum')).toBeGreaterThan(0);
  });
});

describe('a person', () => {
  const canary = {
    name: 'Zuleide Quixabeira',
    email: 'zuleide.canaria@exemplo.test',
    phone: '+55 71 98765-4321',
    notes: 'alergia a quixabanina',
  };
  /** Parts that would give her away, whatever case or folding somebody wrote them in. */
  const traits = ['zuleide', 'quixab', 'canaria@', '98765-4321', '987654321'];
  const given = (text: string): string[] => traits.filter((trait) => text.toLowerCase().includes(trait));

  const insertCanary = async (): Promise<void> => {
    const { name, email, phone, notes } = canary;
    const vault = await vaultFrom(rootEnv(journey.system.keys));
    const write = (table: string, row: Readonly<Record<string, unknown>>) =>
      insertRows(journey.system.local.databaseUrl, vault, { tenant: 'clinica-aurora', table, rows: [row] });
    await write('clients', { id: 'cli-canary', name, name_search: name.toLowerCase(), email, phone });
    await journey.sql(
      `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
       values ('clinica-aurora', 'canary', 'cli-canary', 'given', 'health', 'health', 'person', 'front-desk', 'system')`,
    );
    await journey.sql(
      `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
       values ('clinica-aurora', 'pro-1', 'cli-canary', 'care', now() - interval '1 day')`,
    );
    await write('aesthetic_records', {
      id: 'rec-canary',
      client_id: 'cli-canary',
      provider_id: 'pro-1',
      kind: 'evaluation',
      description: notes,
      recorded_at: new Date(),
    });
  };

  const { name, email, phone } = canary;
  const questions = [
    `dados da cliente ${name}`,
    `contact of client ${name}`,
    `histórico da cliente ${name}`,
    `history of client ${name}`,
    `quantas consultas de ${name} este mês?`,
    `how many appointments does ${name} have this month?`,
    `qual é a cor favorita de ${name}, ${email}, ${phone}?`,
  ];

  /** Everything that goes wrong with her name in its hands. */
  const failWithHer = async (): Promise<void> => {
    const { edgeUrl } = journey.system.local;
    const post = (path: string, body: string) =>
      fetch(`${edgeUrl}${path}`, {
        method: 'POST',
        headers: { ...professional.agent.headers, 'content-type': 'application/json' },
        body,
      });
    const responses = await Promise.all([
      post('/v1/query', `{"query": "${name}`),
      post('/v1/query', JSON.stringify({ query: { name, email } })),
      post('/v1/query', JSON.stringify({ query: name, clientId: name.repeat(9), purpose: email })),
      post('/v1/query', JSON.stringify({ query: 'clientes', runId: name, sessionId: email, cursor: name })),
      post('/v1/auth/token', JSON.stringify({ email, password: name })),
      post(`/v1/${encodeURIComponent(name)}?email=${encodeURIComponent(email)}`, '{}'),
      post('/v1/agui/assistant', JSON.stringify({ threadId: email, runId: name, messages: name })),
    ]);
    expect(responses.map(({ status }) => status).filter((status) => status < 400)).toEqual([]);
    using socket = await professional.socket();
    socket.send({ type: name, payload: { query: name } });
    await until('an error frame', () => socket.frames.find(({ type }) => type === 'error'));

    await journey.sql('revoke purpose_care from app_related_care');
    const broken = await professional.query(`histórico de ${name} em 2024`);
    expect(broken.code).toBe('INTERNAL');
    await journey.sql('grant purpose_care to app_related_care');

    const pass = passFor(name, { tid: 'clinica-aurora' });
    const carried = newHeaders();
    carried.set(headers.pass, await passSealer(signerFrom(() => journey.system.keys.setOf('pass')))(pass));
    carried.set('X-Note', name);
    await jetstream(journey.nc).publish(
      subjectOf(run.understood, pass.tid, pass.rid),
      JSON.stringify({ question: name, [name]: email }),
      { headers: carried },
    );
    await until('a dead letter', async () => (await journey.stored('DEAD', `dead.*.*.${pass.rid}`))[0]);
  };

  const filesOf = (pattern: string): string =>
    globSync(pattern, { cwd: journey.home })
      .map((file) => readFileSync(join(journey.home, file), 'utf8'))
      .join('\n');

  /** All that is stored, bodies too, with what is merely encoded made readable. */
  const readableAtBroker = async (): Promise<string> => {
    const lines: string[] = [];
    for (const stream of ['INTAKE', 'FACTS', 'REPLY', 'DEAD', 'SCHED']) {
      for (const { subject, header, data } of await journey.stored(stream)) {
        // What a stranger wrote there himself is his; what our services made of it is ours.
        if (header?.get('X-Note')) continue;
        const values = [...(header ?? [])].flat(2);
        lines.push(subject, ...values, Buffer.from(data).toString('utf8'));
        for (const part of values.flatMap((value) => value.split('.')))
          lines.push(Buffer.from(part, 'base64url').toString());
      }
    }
    return lines.join('\n');
  };

  const heldByRedis = async (): Promise<string> => {
    const redis = new Redis(journey.system.local.redisUrl);
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map((key) => redis.getBuffer(key)));
    redis.disconnect();
    return [...keys, ...values.map((value) => value?.toString('latin1'))].join('\n');
  };

  test('leaves no trace in logs, spans, metrics, the broker’s streams, caches or audit', async () => {
    await insertCanary();
    const others = await Promise.all(['admin', 'professional2', 'client', 'foreign'].map(journey.as));
    const answers: string[] = [];
    for (const person of [professional, ...others])
      for (const question of questions) answers.push((await person.query(question)).content);
    // She is there to be found: those who may know her are told.
    expect(given(answers.join('\n'))).toEqual(expect.arrayContaining(['zuleide', 'quixab', 'canaria@']));
    await failWithHer();

    const last = await professional.query('quantas consultas tenho amanhã?');
    await journey.auditOf(last.runId);
    await wholeTrace(last.runId);
    const surfaces: Record<string, string> = {
      logs: filesOf('logs/*.log'),
      'logs of the servers': filesOf('data/*/*.log'),
      spans: receiver.received.join('\n'),
      metrics: (await Promise.all([...journey.system.services.keys()].map(metricsOf))).join('\n'),
      'what the broker stores': await readableAtBroker(),
      redis: await heldByRedis(),
      audit: JSON.stringify(await journey.sql('select * from audit_entries')),
    };
    for (const [surface, text] of Object.entries(surfaces)) {
      expect.soft(text.length, surface).toBeGreaterThan(100);
      expect.soft(given(text), surface).toEqual([]);
    }
  });
});
