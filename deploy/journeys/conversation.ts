import { until } from '@jangada/testkit/until.ts';
import { beforeAll, expect, test } from 'vitest';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';

/** What somebody asked and was told is there when the streams have forgotten it, for them and for nobody else. */

let journey: Journey;
let client: Person;
let admin: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  client = await journey.as('client');
  admin = await journey.as('admin');
});

const get = async (person: Person, path: string) => {
  const response = await fetch(journey.system.local.edgeUrl + path, { headers: person.agent.headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

/** Contents of the messages that a thread is told to have, or the status it is refused with. */
const threadOf = async (person: Person, threadId: string): Promise<unknown> => {
  const response = await fetch(`${person.agent.url}/connect`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...person.agent.headers },
    body: JSON.stringify({
      threadId,
      runId: 'any',
      messages: [],
      tools: [],
      context: [],
      protocolVersion: '1.0',
    }),
  });
  const text = await response.text();
  if (response.status !== 200) return response.status;
  const told = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
  return told
    .find(({ type }) => type === 'MESSAGES_SNAPSHOT')
    .messages.map(({ content }: { content: string }) => content);
};

const keptOf = (run: string) =>
  until(`${run} to be kept`, async () => {
    const [row] = await journey.sql<{ thread: string; text: string; session: string; type: string }>(
      `select c.thread_id as thread, concat(encode(question, 'escape'), encode(answer, 'escape')) as text, s.id as session,
        session_type as type
       from ai_agent_conversations c join ai_agent_sessions s on s.tenant_id = c.tenant_id and s.id = c.session_id
       where c.id = $1`,
      [run],
    );
    return row;
  });

test('a conversation is kept sealed, listed for whoever asked, and told when the streams have none of it', async () => {
  const question = 'quantas consultas tenho este mês?';
  const first = await client.query(question, { sessionId: 'my-visit' });
  const second = await client.query('lista de clientes', { sessionId: 'my-visit' });
  const kept = await keptOf(second.runId);
  expect(kept).toMatchObject({ session: first.runId, type: 'TENANT' });
  expect(kept.text).not.toMatch(/clientes|Ana Lima/);

  const { body } = await get(client, '/v1/conversations');
  expect(body['conversations']).toEqual(
    expect.arrayContaining([{ threadId: 'my-visit', title: question, startedAt: expect.any(String) }]),
  );
  expect(JSON.stringify((await get(admin, '/v1/conversations')).body)).not.toContain('my-visit');

  // As if it had been asked long ago: the streams know the thread by another name.
  const old = kept.thread.replace('my-visit', 'my-last-visit');
  for (const table of ['ai_agent_conversations', 'ai_agent_sessions'])
    await journey.sql(`update ${table} set thread_id = $2 where thread_id = $1`, [kept.thread, old]);
  const expected = [question, first.content, 'lista de clientes', second.content];
  expect(await threadOf(client, 'my-last-visit')).toEqual(expected);
  expect(await threadOf(admin, 'my-last-visit')).toBe(404);
  expect(await threadOf(admin, old)).toBe(404);

  // What is asked in it now stands behind what was.
  const third = await client.query(question, { sessionId: 'my-last-visit' });
  expect(await threadOf(client, 'my-last-visit')).toEqual([...expected, question, third.content]);
});

test('the past is read by a run of whoever asks, which audit has like any other', async () => {
  const response = await fetch(`${journey.system.local.edgeUrl}/v1/conversations`, {
    headers: client.agent.headers,
  });
  const run = response.headers.get('jangada-run') ?? '';
  expect(await response.json()).toHaveProperty('conversations');
  const entries = await journey.auditOf(run);
  expect(entries.map(({ fact }) => fact)).toEqual(['run.understood', 'run.permitted', 'run.answered']);
  expect(entries[1]?.details).toMatchObject({ decision: { purpose: 'own_history', reach: 'own' } });
});

test('an inquiry of somebody unknown is kept as of the public agent', async () => {
  const response = await fetch(`${journey.system.local.edgeUrl}/v1/ai-agents/public/inquiry`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message: 'quantas consultas amanhã?' }),
  });
  const { runId } = (await response.json()) as { runId: string };
  expect(await keptOf(runId)).toMatchObject({ type: 'PUBLIC' });
});

test('a question that goes on is read with those before it, though who understood them is another by then', async () => {
  const asking = { sessionId: 'goes-on' };
  const alone = await client.query('e amanhã?', asking);
  expect(alone.code).toBe('INTENT_UNCLASSIFIED');
  const month = await client.query('quantas consultas tenho este mês?', asking);
  const day = await client.query('quantas consultas tenho amanhã?');
  expect(month.content).not.toBe(day.content);
  for (const name of ['intent', 'edge']) journey.system.services.get(name)?.kill('SIGKILL');
  const answer = await until('the edge to be back', () =>
    client.query('e amanhã?', asking).catch(() => undefined),
  );
  expect(answer).toMatchObject({ status: 200, content: day.content });
  const elsewhere = await client.query('e amanhã?', { sessionId: 'another' });
  expect(elsewhere.code).toBe('INTENT_UNCLASSIFIED');
  expect((await admin.query('e amanhã?', asking)).code).toBe('INTENT_UNCLASSIFIED');
});
