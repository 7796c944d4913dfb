import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HttpAgent } from '@ag-ui/client';
import { isOver, type Placed } from '@jangada/testkit/sse.ts';
import { until } from '@jangada/testkit/until.ts';
import { HttpAgent as HttpAgent0 } from 'ag-ui-client-0';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Advice, Hour } from '../cli/cache.ts';
import { root } from '../topology.ts';
import { type Journey, sharedJourney } from './journey.ts';
import { type Person, textOf } from './person.ts';

/** A person asks and gets an answer, over every transport. */

let journey: Journey;
let admin: Person;
let professional: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  admin = await journey.as('admin');
  professional = await journey.as('professional');
});

const wholeRun = ['run.understood', 'run.permitted', 'run.fetched', 'run.answered'];
const figureIn = (text: string): number => Number(/\d+/.exec(text)?.[0]);

/** Appointments of tomorrow in the clinic's own time zone, counted past all our code. */
const countedTomorrow = async (provider: string): Promise<number> => {
  const [row] = await journey.sql<{ count: number }>(
    `select count(*)::int from appointments where tenant_id = 'clinica-aurora' and provider_id = $1
     and (start_time at time zone 'America/Sao_Paulo')::date = (now() at time zone 'America/Sao_Paulo')::date + 1`,
    [provider],
  );
  return row?.count ?? 0;
};

test('the same question in two languages has one answer, and it is the figure in the database', async () => {
  const counted = await countedTomorrow('pro-1');
  expect(counted).toBeGreaterThan(0);
  const pt = await professional.query('quantas consultas tenho amanhã?');
  const en = await professional.query('how many appointments do I have tomorrow?');
  expect(pt).toMatchObject({ status: 200, type: 'response' });
  expect(pt.content).toMatch(/consultas?/);
  expect(en.content).toMatch(/appointments?/);
  expect([figureIn(pt.content), figureIn(en.content)]).toEqual([counted, counted]);
  expect(await journey.factsOf(pt.runId)).toEqual(wholeRun);
});

test('a person is found by what is sealed, and shown as their role sees it', async () => {
  for (const question of [
    'qual cliente tem o telefone 11 90000-0011?',
    'which client has the email bruno.rocha@clinica-aurora.example',
  ]) {
    const { content } = await admin.query(question);
    expect(content).toContain('Bruno Rocha');
    expect(content).toContain('+55 11 90000-0011');
    expect(content).not.toContain('Ana Lima');
  }
  expect((await professional.query('qual cliente tem o telefone 11 90000-0011?')).content).toContain('b***@');
  const [row] = await journey.sql<{ text: string }>(
    `select string_agg(concat(encode(email, 'escape'), encode(phone, 'escape'), encode(cpf, 'escape')), ' ') as text from clients`,
  );
  expect(row?.text).not.toMatch(/bruno|90000/);
});

test('a run is told as server-sent events, each with its place', async () => {
  const events: Placed[] = [];
  const run = crypto.randomUUID();
  for await (const placed of professional.run('lista de clientes', run)) events.push(placed);
  expect(events.map(({ event }) => event.type)).toEqual([
    'RUN_STARTED',
    'TEXT_MESSAGE_START',
    ...events.filter(({ event }) => event.type === 'TEXT_MESSAGE_CONTENT').map(() => 'TEXT_MESSAGE_CONTENT'),
    'TEXT_MESSAGE_END',
    'RUN_FINISHED',
  ]);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${run}:${index + 1}`));
  expect(isOver(events)).toBe(true);
  expect(textOf(events)).toContain('Ana Lima');
});

test('an AguiMessage over WebSocket is answered in pieces that add up to the whole', async () => {
  using socket = await professional.socket();
  const id = crypto.randomUUID();
  socket.send({
    id,
    type: 'query',
    timestamp: new Date().toISOString(),
    sessionId: 'consultation-room-1',
    payload: { query: 'lista de clientes' },
    metadata: { userId: professional.id, version: '1.0' },
  });
  const response = await until('the response', () => socket.frames.find(({ type }) => type === 'response'));
  expect(socket.frames.slice(0, 2)).toMatchObject([
    { type: 'status', payload: { state: 'connected' } },
    { type: 'session_update', payload: { role: 'aesthetic_professional' } },
  ]);
  const [started, ...told] = socket.frames.filter(({ metadata }) => metadata.requestId === id);
  expect(started).toMatchObject({ type: 'status', payload: { state: 'started' } });
  const chunks = told.filter(({ type }) => type === 'streaming_chunk').map(({ payload }) => payload);
  expect(chunks.length).toBeGreaterThan(0);
  expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, index) => index));
  expect(chunks.map(({ delta }) => delta).join('')).toBe(response.payload['content']);
  expect(response.payload['content']).toContain('Ana Lima');
  expect(response.payload).toMatchObject({ outcome: 'success', usage: { totalTokens: 0 } });
});

test('a person whom the question names is told as understood, before the answer', async () => {
  using socket = await professional.socket();
  socket.send({
    id: crypto.randomUUID(),
    type: 'query',
    timestamp: new Date().toISOString(),
    sessionId: 'consultation-room-2',
    payload: { query: 'consultas de Ana Lima' },
  });
  await until('the response', () => socket.frames.some(({ type }) => type === 'response'));
  expect(socket.frames.at(-2)).toMatchObject({
    type: 'context_update',
    payload: { intent: 'appointment_query', entities: [{ type: 'subject', value: 'Ana Lima' }] },
  });
});

describe('rows that are asked for by their name', () => {
  const list = async (person: Person, path: string) => {
    const response = await fetch(new URL(`/v1/${path}`, person.agent.url), { headers: person.agent.headers });
    const said = (await response.json()) as Record<string, unknown>;
    return { status: response.status, run: response.headers.get('jangada-run') ?? '', said };
  };

  test('are those that the same person is told in words, without anybody who understands or tells', async () => {
    const { status, run, said } = await list(professional, 'appointments?subjectId=cli-1');
    expect(status).toBe(200);
    const rows = said['appointments'] as Record<string, unknown>[];
    expect(rows.length).toBeGreaterThan(0);
    expect(Object.keys(rows[0] ?? {})).toEqual(['start', 'client', 'provider', 'service', 'status']);
    const counted = await professional.query('quantas consultas?', { clientId: 'cli-1' });
    expect(rows.length).toBe(figureIn(counted.content));
    expect(await journey.auditOf(run)).toMatchObject([
      { fact: 'run.understood', details: { intent: 'appointments' } },
      { fact: 'run.permitted', details: { decision: { reach: 'related' } } },
      {
        fact: 'run.answered',
        details: { ask: 'list', fields: Object.keys(rows[0] ?? {}), rows: rows.length },
      },
    ]);
    const [answered] = await journey.sql<{ resource: string }>(
      `select resource from audit_entries where subject_id = $1 and fact = 'run.answered'`,
      [run],
    );
    expect(answered?.resource).toBe('appointments');
  });

  test('are one’s own for a client, masked for a professional, and refused for who is not in care', async () => {
    const client = await journey.as('client');
    const own = await list(client, 'billing');
    expect(own.status).toBe(200);
    const [counted] = await journey.sql<{ count: number }>(
      `select count(*)::int from billing b join accounts a on a.person_id = b.client_id and a.tenant_id = b.tenant_id
       where a.id = $1 and b.kind = 'charge'`,
      [client.id],
    );
    expect((own.said['billing'] as unknown[]).length).toBe(counted?.count);
    const { said } = await list(professional, 'clients');
    for (const { email } of said['clients'] as { email: string | null }[])
      expect(email ?? '***').toContain('***');
    expect(await list(professional, 'appointments?subjectId=cli-6')).toMatchObject({
      ...{ status: 403, said: { code: 'AUTHZ_NO_RELATION' } },
    });
    expect(await list(client, 'clients?subjectId=cli-2')).toMatchObject({
      ...{ status: 403, said: { code: 'AUTHZ_DENIED' } },
    });
  });
});

describe('what somebody says of an answer', () => {
  const judge = async (person: Person, run: string, said: object) => {
    const response = await fetch(`${person.agent.url}/runs/${run}/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...person.agent.headers },
      body: JSON.stringify(said),
    });
    const { code } = (response.status === 204 ? {} : await response.json()) as { code?: string };
    return { status: response.status, code, id: response.headers.get('jangada-run') ?? '' };
  };
  const kept = (run: string) =>
    journey.sql<{ rating: number; subject_id: string; comment: string }>(
      `select rating, subject_id, encode(comment, 'escape') as comment from feedback where id = $1`,
      [run],
    );

  test('is stored for the run, sealed, audited and counted, and the last they say is what stays', async () => {
    const { runId } = await professional.query('quantas consultas tenho amanhã?');
    const counted = () => journey.counted('feedback', 'agent_feedback_total', 'rating="4"');
    const before = await counted();
    expect(await judge(professional, runId, { rating: 1, comment: 'Faltou a Zuleide' })).toMatchObject({
      status: 204,
    });
    const { status, id } = await judge(professional, runId, { rating: 4, comment: 'Agora está certo' });
    expect(status).toBe(204);
    const [row, ...more] = await kept(runId);
    expect({ rating: row?.rating, subject: row?.subject_id, more }).toEqual({
      rating: 4,
      subject: 'pro-1',
      more: [],
    });
    expect(row?.comment).not.toMatch(/certo|Zuleide/);
    expect(await counted()).toBe(before + 1);
    expect(await journey.auditOf(id)).toMatchObject([
      {
        fact: 'feedback.recorded',
        actor: professional.id,
        decision: 'done',
        details: { run: runId, rating: 4 },
      },
    ]);
    const { stdout } = await journey.jangada('feedback', '--tenant', 'clinica-aurora', '--json');
    const rows = await journey.sql('select from feedback where tenant_id = $1', ['clinica-aurora']);
    expect(JSON.parse(stdout)).toMatchObject([{ tenant: 'clinica-aurora', count: rows.length }]);
  });

  test('is of one’s own run only, and another’s looks as one that there is not', async () => {
    const { runId } = await admin.query('quantos clientes?');
    for (const run of [runId, 'nobodys'])
      expect(await judge(professional, run, { rating: 1 })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(await kept(runId)).toEqual([]);
  });
});

describe.each([
  ['1.0.0', HttpAgent],
  ['0.0.59', HttpAgent0],
])('the AG-UI client %s', (_version, Agent) => {
  test('completes a run and has nothing to complain about', async () => {
    using warn = vi.spyOn(console, 'warn');
    using error = vi.spyOn(console, 'error');
    const agent = new Agent({ ...professional.agent, threadId: crypto.randomUUID() });
    agent.addMessage({ id: 'question', role: 'user', content: 'lista de clientes' });
    const steps: string[] = [];
    const tell = ({ event }: { event: { stepName: string } }) => void steps.push(event.stepName);
    const forwardedProps = { steps: true, state: true, activity: true };
    const parameters = { type: 'object' };
    const tools = ['show_table', 'delete_all'].map((name) => ({ name, description: name, parameters }));
    const asking = { runId: crypto.randomUUID(), forwardedProps, tools };
    const { newMessages } = await agent.runAgent(asking, {
      onStepStartedEvent: tell,
      onStepFinishedEvent: tell,
    });
    const read = { source: 'clients', ask: 'list', cached: expect.any(Boolean) };
    expect(newMessages).toMatchObject([
      { role: 'activity', content: { status: 'read', ...read } },
      {
        role: 'assistant',
        content: expect.stringContaining('Ana Lima'),
        toolCalls: [{ function: { name: 'show_table', arguments: expect.stringContaining('"Ana Lima"') } }],
      },
    ]);
    expect(agent.state).toMatchObject({
      ...{ step: 'response-generation', intent: 'client_query', ...read, outcome: 'answered' },
    });
    expect(JSON.stringify([agent.state, newMessages[0]])).not.toMatch(/Lima|@/);
    const hops = ['intent', 'permission', 'data-access', 'response-generation'];
    expect(steps).toEqual(hops.flatMap((hop) => [hop, hop]));
    expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
  });
});

test('the example of the client asks the demo and prints the answer', async () => {
  const { email, password } = journey.system.accounts.find(({ alias }) => alias === 'professional') ?? {};
  const example = join(root, 'libs/agui-client/example.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [example, String(email), String(password), 'lista de clientes'],
    { env: { ...process.env, JANGADA_URL: journey.system.local.edgeUrl } },
  );
  expect(stdout).toContain('Ana Lima');
});

test('the front end of the README is answered by the demo, as it stands there', async () => {
  const { email: EMAIL, password: PASSWORD } =
    journey.system.accounts.find(({ alias }) => alias === 'professional') ?? {};
  const [, code = ''] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  expect(code.trim().split('\n').length).toBeLessThan(10);
  const env = { ...process.env, JANGADA_URL: journey.system.local.edgeUrl, EMAIL, PASSWORD };
  const args = ['--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: join(root, 'deploy'), env });
  expect(stdout).toMatch(/^\d+ appointments? /);
});

describe('an answer that is known', () => {
  test('is given again without asking the database, and audited all the same', async () => {
    const question = 'quantas consultas de Carla Dias este mês?';
    const first = await professional.query(question);
    const reads = await journey.readsOfPeople();
    const second = await professional.query(question);
    expect(first.cached).toBe(false);
    expect(second).toMatchObject({ cached: true, content: first.content });
    expect(await journey.readsOfPeople()).toBe(reads);
    expect(reads).toBeGreaterThan(0);
    const entries = await journey.auditOf(second.runId);
    expect(entries.map(({ fact }) => fact)).toEqual(wholeRun);
    expect(entries[2]).toMatchObject({
      fact: 'run.fetched',
      actor: professional.id,
      details: { cached: true },
    });
  });

  test('is found by other words for the same, in both languages, and never by another tenant’s', async () => {
    const found = async () => ({
      hits: await journey.counted('data-access', 'cache_hits_total'),
      misses: await journey.counted('data-access', 'cache_misses_total'),
    });
    const before = await found();
    const [first, ...paraphrases] = [
      'quantas consultas de Carla Dias em 2024?',
      'número de consultas da CARLA DIAS em 2024',
      'quantos agendamentos para carla dias em 2024?',
      'how many appointments of Carla Dias in 2024?',
    ] as const;
    expect((await admin.query(first)).cached).toBe(false);
    for (const question of paraphrases) expect((await admin.query(question)).cached).toBe(true);
    expect(await found()).toEqual({ hits: before.hits + paraphrases.length, misses: before.misses + 1 });
    const foreign = await journey.as('foreign');
    // Their reach is not the administrator's either: a tenant of its own and a scope of its own.
    await foreign.query(first);
    await (await journey.as('professional')).query(first);
    expect(await found()).toEqual({ hits: before.hits + paraphrases.length, misses: before.misses + 3 });
    // Which tier it was found in, the trail keeps: the command line tells it by hour.
    await journey.auditOf((await admin.query(first)).runId);
    const { stdout } = await journey.jangada('cache', '--tenant', 'clinica-aurora', '--json');
    const told = JSON.parse(stdout) as { hours: Hour[]; advice: Advice[] };
    const ofAppointments = told.hours.filter(({ source }) => source === 'appointments');
    expect(ofAppointments.reduce((sum, { local, redis }) => sum + local + redis, 0)).toBeGreaterThan(
      paraphrases.length,
    );
    for (const { tenant, reads, local, redis } of told.hours) {
      expect(tenant).toBe('clinica-aurora');
      expect(local + redis).toBeLessThanOrEqual(reads);
    }
    expect(told.advice.map(({ source }) => source)).toContain('appointments');
  });

  test('is not given to somebody else', async () => {
    const question = 'lista de todos os clientes';
    const theirs = await admin.query(question);
    expect((await admin.query(question)).cached).toBe(true);
    const others = await Promise.all(
      ['professional2', 'client'].map(async (alias) => (await journey.as(alias)).query(question)),
    );
    expect(theirs.content).toContain('ana.lima@clinica-aurora.example');
    expect(others.map(({ cached }) => cached)).toEqual([false, false]);
    const [inCare, own] = others.map(({ content }) => content);
    expect(inCare).toContain('Elisa Prado');
    expect(inCare).not.toContain('Ana Lima');
    expect(inCare).not.toContain('elisa.prado@');
    expect(own).toContain('ana.lima@');
    expect(own).not.toContain('Bruno');
  });
});

test('a long list is read page by page, every row once', async () => {
  const [row] = await journey.sql<{ count: number }>(
    `select count(*)::int from appointments where tenant_id = 'clinica-aurora'`,
  );
  const lines: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await admin.query('liste todas as consultas', cursor ? { cursor } : {});
    expect(page.status).toBe(200);
    lines.push(...page.content.split('\n').filter((line) => line.startsWith('- ')));
    cursor = page.nextCursor;
    pages++;
  } while (cursor);
  expect(pages).toBeGreaterThan(2);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.length).toBe(row?.count);
});
