import { spawnSync } from 'node:child_process';
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
import { beforeAll, describe, expect, test } from 'vitest';
import { canary, given, questionsAboutHer, strangers } from './canary.ts';
import { type Journey, sharedJourney, sharedReceiver } from './journey.ts';
import type { Person } from './person.ts';
import type { Receiver, Span } from './receiver.ts';

/** What the system shows of itself: traces and figures of every run, and nothing of any person. */

let receiver: Receiver;
let journey: Journey;
let professional: Person;

beforeAll(async () => {
  [receiver, journey] = await Promise.all([sharedReceiver(), sharedJourney()]);
  professional = await journey.as('professional');
});

const spansOf = (id: string): Span[] => {
  const traces = new Set(
    receiver.spans.filter(({ attributes }) => attributes['run.id'] === id).map(({ traceId }) => traceId),
  );
  return receiver.spans.filter(({ traceId }) => traces.has(traceId));
};

/** The spans of an answered run. Services send theirs when it suits them, in no order. */
const wholeTrace = (id: string): Promise<Span[]> =>
  until('every span of a run', () => {
    const spans = spansOf(id);
    const count = (wanted: string) => spans.filter(({ name }) => name === wanted).length;
    const hops = ['edge', 'intent', 'permission', 'data-access', 'response-generation', 'detection'];
    return count('audit') === 4 && hops.every((hop) => count(hop) === 1) ? spans : undefined;
  });

describe('traces', () => {
  test('a run is one trace, and each hop’s span is a child of the one that caused it', async () => {
    // Nobody asked that before, so it is read.
    const { runId } = await professional.query('quantas consultas tenho em 7 de junho de 2024?');
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
        ['detection', 'data-access'],
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
    // As Go reads it, in any case.
    if (Number.isNaN(figure) && value?.toLowerCase() !== 'nan') throw new Error(`not a figure: ${line}`);
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

const promtool = await tool('promtool');
if (!promtool) console.warn('metrics were NOT given to promtool: it can neither be found nor downloaded');

describe('metrics', () => {
  test('every service exposes figures under its name', async () => {
    for (const name of journey.system.services.keys()) {
      const samples = parseMetrics(await journey.metricsOf(name));
      expect(samples.length).toBeGreaterThan(20);
      expect(new Set(samples.map(({ labels }) => labels['service']))).toEqual(new Set([name]));
    }
  });

  test.skipIf(!promtool)('promtool accepts what every service exposes', async () => {
    for (const name of journey.system.services.keys()) {
      const input = await journey.metricsOf(name);
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
      const samples = parseMetrics(await journey.metricsOf('edge'));
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
  const { name, email } = canary;

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
    carried.set(strangers, name);
    await jetstream(journey.nc).publish(
      subjectOf(run.understood, pass.tid, pass.rid),
      JSON.stringify({ question: name, [name]: email }),
      { headers: carried },
    );
    await until('a dead letter', async () => (await journey.stored('DEAD', `dead.*.*.${pass.rid}`))[0]);
  };

  test('leaves no trace in logs, spans, metrics, the broker’s streams, caches or audit', async () => {
    const others = await Promise.all(['admin', 'professional2', 'client', 'foreign'].map(journey.as));
    const answers: string[] = [];
    for (const person of [professional, ...others])
      for (const question of questionsAboutHer) answers.push((await person.query(question)).content);
    // She is there to be found: those who may know her are told.
    expect(given(answers.join('\n'))).toEqual(expect.arrayContaining(['name', 'notes', 'email']));
    await failWithHer();

    const last = await professional.query('quantas consultas tenho amanhã?');
    await journey.auditOf(last.runId);
    await wholeTrace(last.runId);
    expect(receiver.received.join('').length).toBeGreaterThan(100);
    expect(await journey.canaries()).toEqual([]);
  });
});
