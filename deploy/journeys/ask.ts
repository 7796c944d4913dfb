import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HttpAgent } from '@ag-ui/client';
import { isOver, type Placed } from '@jangada/testkit/sse.ts';
import { until } from '@jangada/testkit/until.ts';
import { HttpAgent as HttpAgent0 } from 'ag-ui-client-0';
import { beforeAll, describe, expect, test, vi } from 'vitest';
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
  const [connected, started, ...told] = socket.frames;
  expect(connected).toMatchObject({ type: 'status', payload: { state: 'connected' } });
  expect(started).toMatchObject({ type: 'status', payload: { state: 'started' } });
  const chunks = told.filter(({ type }) => type === 'streaming_chunk').map(({ payload }) => payload);
  expect(chunks.length).toBeGreaterThan(0);
  expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, index) => index));
  expect(chunks.map(({ delta }) => delta).join('')).toBe(response.payload['content']);
  expect(response.payload['content']).toContain('Ana Lima');
  expect([started, ...told].map((frame) => frame?.metadata.requestId)).toEqual(
    [started, ...told].map(() => id),
  );
  expect(response.payload).toMatchObject({ outcome: 'success', usage: { totalTokens: 0 } });
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
    const { newMessages } = await agent.runAgent({ runId: crypto.randomUUID() });
    expect(newMessages).toMatchObject([{ role: 'assistant', content: expect.stringContaining('Ana Lima') }]);
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
