import { HttpAgent } from '@ag-ui/client';
import { type BaseEvent, EventType, type Message } from '@ag-ui/core';
import { AGUI_MEDIA_TYPE } from '@ag-ui/encoder';
import { core } from '@jangada/proto/envelope.ts';
import type { Part } from '@jangada/proto/reply.ts';
import { judgeOverheard } from '@jangada/testkit/overheard.ts';
import { until } from '@jangada/testkit/until.ts';
import { HttpAgent as OlderHttpAgent } from 'ag-ui-client-0';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { answered, seedQuery, startEdge } from './test-edge.ts';

/** What the genuine clients of both generations make of the edge, as it is. */

const say = (text: string, attempt = 1): Part => ({ type: 'text', attempt, text });
const refused = (
  code: 'AUTHZ_DENIED' | 'INPUT_INVALID' | 'RATE_LIMITED' | 'AUTH_STEP_UP',
  more = {},
): Part => ({
  ...{ type: 'refused', code, message: 'No', ...more },
});
const standing = { policy: 'data-user', max: 50, windowSeconds: 900, remaining: 0, resetSeconds: 9 };
const limit = { retryAfter: 9, limits: [standing] };
const known = {};
const reading = { intent: 'any', confidence: 0.9, source: 'appointments', ask: 'list' } as const;
const call = {
  name: 'show_table',
  arguments: { source: 'appointments', columns: ['client'], rows: [['Ana Lima']] },
};
const shown = { ...answered, call } as unknown as Part;
const usage = { promptTokens: 1, completionTokens: 2, totalTokens: 3, processingTimeMs: 1 };

/** A question, what the services tell of it, and what is left at the client: the answer, or the code of an error. */
const told: Readonly<
  Record<string, readonly [script: readonly Part[], text: string | undefined, code?: string]>
> = {
  'one piece': [[say('Good day')], 'Good day'],
  'many pieces': [Array.from({ length: 50 }, (_, index) => say(`${index} `)), 'all'],
  'a long text': [Array.from({ length: 20 }, () => say('x'.repeat(10_000))), 'all'],
  'empty pieces': [[say(''), say('Good'), say(''), say(' day')], 'Good day'],
  'no text': [[answered], undefined],
  'lines that look like the transport': [[say('a\n\ndata: {}\n'), say('id: 7\r\n: b\revent: x')], 'all'],
  'quotes and other scripts': [[say('"\\u0000" \u2028 "olá" 🌊'), say(' 日本')], 'all'],
  'half of a character in each piece': [[say('\ud83cx'), say('y')], 'any'],
  'a newer telling': [[say('Half an'), say('Whole ', 2), say('answer', 2)], 'Whole answer'],
  'what an older telling still says': [[say('a'), say('b', 2), say('c'), say('d', 2)], 'bd'],
  'a third telling at once': [[say('c', 3)], 'c'],
  steps: [
    [{ type: 'step', hop: 'intent' }, { type: 'step', hop: 'permission' }, say('Good day')],
    'Good day',
  ],
  'a step that ends in a refusal': [
    [{ type: 'step', hop: 'intent' }, refused('AUTHZ_DENIED')],
    undefined,
    'AUTHZ_DENIED',
  ],
  'the state and an activity': [
    [
      ...[known, reading].map(
        (progress, index) => ({ type: 'state', hop: `hop-${index}`, progress }) as const,
      ),
      { type: 'activity', status: 'reading', progress: reading },
      { type: 'activity', status: 'read', progress: { ...reading, rows: 1 } },
      say('Good day'),
    ],
    'Good day',
  ],
  'an activity that ends in a refusal': [
    [{ type: 'activity', status: 'reading', progress: reading }, refused('AUTHZ_DENIED')],
    undefined,
    'AUTHZ_DENIED',
  ],
  'an answer to be shown': [[say('Ana Lima'), shown], 'Ana Lima'],
  'an answer that is only shown': [[shown], undefined],
  'the tokens of a model': [[say('Good day'), { ...answered, usage } as Part], 'Good day'],
  'a cursor': [[say('page'), { ...answered, nextCursor: 'next' } as Part], 'page'],
  'rows for somebody else': [[say('page'), { ...answered, rows: [{ level: 'contact' }] } as Part], 'page'],
  'a cached answer': [[say('again'), { ...answered, cached: true, degraded: true } as Part], 'again'],
  'a refusal': [[refused('AUTHZ_DENIED')], undefined, 'AUTHZ_DENIED'],
  'a refusal with a field': [[refused('INPUT_INVALID', { field: 'period' })], undefined, 'INPUT_INVALID'],
  'a refusal by a limit': [[refused('RATE_LIMITED', { limit })], undefined, 'RATE_LIMITED'],
  'a refusal that demands more': [[refused('AUTH_STEP_UP')], undefined, 'AUTH_STEP_UP'],
  'a refusal amid the answer': [[say('Half'), refused('AUTHZ_DENIED')], 'Half', 'AUTHZ_DENIED'],
  'a failure': [[{ type: 'failed', code: 'DEADLINE', message: 'Late' }], undefined, 'DEADLINE'],
  'a failure amid the answer': [
    [say('Half'), { type: 'failed', code: 'INTERNAL', message: 'Sorry' }],
    'Half',
    'INTERNAL',
  ],
  'a cancelled run': [[{ type: 'cancelled' }], undefined, 'CANCELLED'],
  'a run cancelled amid the answer': [[say('Half'), { type: 'cancelled' }], 'Half', 'CANCELLED'],
  'words after the end': [[say('a'), answered, say('b'), answered], 'a'],
};

const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
const isYes = (asked: string): boolean => asked.includes('"confirmed":true');
/** What a question that is no client's to answer alone comes to, and an answer to it. */
const askBack = (run: string, own: { expiresAt?: string } = {}): Part => ({
  type: 'interrupted',
  id: run.slice(run.indexOf('.') + 1),
  action: 'break_glass',
  code: 'AUTHZ_NO_RELATION',
  message: 'Is it an emergency?',
  purpose: 'care',
  responseSchema: { type: 'object' },
  expiresAt,
  ...own,
});
const answer = (asked: string, run: string): readonly (string | Part)[] | undefined => {
  if (asked === 'a stranger') return [askBack(run)];
  if (asked === 'a stranger, long ago') return [askBack(run, { expiresAt: '2020-01-01T00:00:00Z' })];
  if (asked.startsWith('{')) return isYes(asked) ? ['Three appointments'] : [{ type: 'cancelled' }];
  return undefined;
};

let edge: Awaited<ReturnType<typeof startEdge>>;
const cancels = new Set<string>();
/** Runs that wait go on. */
let goOn = Promise.withResolvers<void>();

async function* waiting(run: string): AsyncGenerator<Part> {
  yield say('Good ');
  await goOn.promise;
  if (cancels.has(run)) yield { type: 'cancelled' };
  else yield say('day');
}

const silence = async function* (): AsyncGenerator<Part> {
  await new Promise(() => undefined);
};

beforeAll(async () => {
  const play = (question: string, run: string) => {
    if (question === 'silence') return silence();
    if (question.startsWith('wait')) return waiting(run);
    return answer(question, run) ?? told[question]?.[0] ?? [question];
  };
  edge = await startEdge({ RUN_DEADLINE_MS: 3_000 }, play, 1_000);
  edge.bus.nc.subscribe(core.cancel('*', '*'), {
    callback: (_error, { subject }) => {
      cancels.add(subject.slice('cancel.'.length));
      goOn.resolve();
    },
  });
  await edge.bus.nc.flush();
});
afterAll(() => edge[Symbol.asyncDispose]());

const clients = [
  ['1.0.0', HttpAgent, false],
  ['0.0.59', OlderHttpAgent as unknown as typeof HttpAgent, true],
] as const;

test('services that say nothing are an outage to either client', async () => {
  const headers = { authorization: `Bearer ${await edge.tokenOf()}` };
  const ends = clients.map(async ([_version, Agent]) => {
    const agent = new Agent({ url: `${edge.url}/v1/agui`, headers });
    agent.addMessage({ id: '1', role: 'user', content: 'silence' });
    const ended = Promise.withResolvers<unknown>();
    await agent.runAgent({}, { onRunErrorEvent: ({ event }) => ended.resolve(event.code) });
    return ended.promise;
  });
  expect(await Promise.all(ends)).toEqual(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_UNAVAILABLE']);
});

describe.each(clients)('the client %s', (_version, Agent, legacy) => {
  const warn = vi.spyOn(console, 'warn');
  const error = vi.spyOn(console, 'error');
  beforeEach(() => {
    goOn = Promise.withResolvers();
    for (const spy of [warn, error]) spy.mockReset().mockImplementation(() => undefined);
  });
  afterEach(() => {
    expect(warn).not.toHaveBeenCalled();
    expect(error).not.toHaveBeenCalled();
  });

  /** What whoever comes back to a thread is told. */
  const connected = async ({ url, headers, threadId }: HttpAgent) => {
    const response = await fetch(`${url}/connect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        ...{ threadId, runId: 'any', messages: [], tools: [], context: [] },
        ...(legacy ? {} : { protocolVersion: '1.0' }),
      }),
    });
    return [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(
      ([, data = '']) => JSON.parse(data) as { messages?: Message[]; outcome?: object },
    );
  };

  const agentAt = async (path = '/v1/agui/assistant', own: Record<string, string> = {}) =>
    new Agent({
      url: edge.url + path,
      threadId: crypto.randomUUID(),
      headers: { authorization: `Bearer ${await edge.tokenOf()}`, ...own },
    });
  /** Asks, and collects what came of it. */
  const ask = async (
    agent: HttpAgent,
    content: Extract<Message, { role: 'user' }>['content'],
    runId?: string,
  ) => {
    const events: BaseEvent[] = [];
    agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
    const result = await agent.runAgent(
      { runId: runId ?? crypto.randomUUID() },
      { onEvent: ({ event }) => void events.push(event as BaseEvent) },
    );
    const text = result.newMessages.findLast(({ role }) => role === 'assistant')?.content;
    return { events, text, last: events.at(-1) as BaseEvent & Record<string, unknown> };
  };
  const failing = async (asking: Promise<unknown>) => {
    const failure = (await asking.then(
      () => undefined,
      (reason: unknown) => reason,
    )) as { status: number; payload: { code: string } };
    // That a request was refused, both generations say on the console.
    error.mockClear();
    return [failure.status, failure.payload.code];
  };

  test.each(Object.entries(told))('takes %s', async (question, [script, text, code]) => {
    const { events, last, text: answer } = await ask(await agentAt(), question);
    const whole = script.map((part) => (part.type === 'text' ? part.text : '')).join('');
    if (text !== 'any') expect(answer).toBe(text === 'all' ? whole : text);
    const cancelled = code === 'CANCELLED' && !legacy;
    expect(last.type).toBe(code && !cancelled ? EventType.RUN_ERROR : EventType.RUN_FINISHED);
    if (cancelled) expect(last).toMatchObject({ outcome: { type: 'cancelled' } });
    else if (code) expect(last).toMatchObject({ code });
    expect(events.filter(({ type }) => type === last.type)).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain('contact');
  });

  test('asks again in the same thread, and its own history harms nothing', async () => {
    const agent = await agentAt();
    await ask(agent, 'one piece');
    expect((await ask(agent, 'a newer telling')).text).toBe('Whole answer');
    expect((await ask(agent, 'one piece')).text).toBe('Good day');
    expect(agent.messages).toHaveLength(7);
  });

  test('sends state, tools, context and an image along, of which the question is the text', async () => {
    const agent = await agentAt();
    agent.setState({ page: 1 });
    const image = { type: 'image', source: { type: 'url', value: 'https://example.org/a.png' } } as const;
    const { text } = await ask(agent, [{ type: 'text', text: 'look' }, image]);
    expect(text).toBe('look');
    expect(edge.asked.at(-1)?.body.question).toBe('look');
  });

  test('is told of the way where it asks for that, and who asks otherwise is not', async () => {
    const agent = await agentAt();
    const wished = () => {
      const { steps, state, activity } = edge.asked.at(-1)?.pass ?? {};
      return [steps, state, activity];
    };
    for (const wish of ['steps', 'state', 'activity'])
      for (const forwardedProps of [{ [wish]: true }, { [wish]: false }, {}]) {
        agent.addMessage({ id: crypto.randomUUID(), role: 'user', content: 'one piece' });
        await agent.runAgent({ forwardedProps });
        const wishes = ['steps', 'state', 'activity'].map((one) =>
          one in forwardedProps && forwardedProps[one] ? true : undefined,
        );
        expect(wished()).toEqual(wishes);
      }
    expect((await edge.query({ query: 'steps' })).body['content']).toBe('Good day');
    const seed = await edge.socket();
    const payload = { query: 'the state and an activity', steps: true, state: true, activity: true };
    seed.send(seedQuery({ payload }));
    await seed.frame('the answer', ({ type }) => type === 'response');
    expect(wished()).toEqual([true, true, true]);
    expect(seed.frames.slice(-6).map(({ type, payload: said }) => [type, said])).toMatchObject([
      ['context_update', { state: { step: 'hop-0' } }],
      ['context_update', { state: { step: 'hop-1', ask: 'list', source: 'appointments' } }],
      ['status', { state: 'reading', ask: 'list', source: 'appointments' }],
      ['status', { state: 'read', rows: 1 }],
      ['streaming_chunk', {}],
      ['response', {}],
    ]);
    seed.socket.close();
  });

  test('holds the state and the activity of its run, and is given both when it comes back', async () => {
    const agent = await agentAt();
    const { events } = await ask(agent, 'the state and an activity');
    expect(events.map(({ type }) => type)).toEqual([
      ...['RUN_STARTED', 'STATE_SNAPSHOT', 'STATE_DELTA', 'ACTIVITY_SNAPSHOT', 'ACTIVITY_DELTA'],
      ...['TEXT_MESSAGE_START', 'TEXT_MESSAGE_CONTENT', 'STATE_DELTA'],
      ...['TEXT_MESSAGE_END', 'RUN_FINISHED'],
    ]);
    const state = { step: 'hop-1', ...reading, outcome: 'answered' };
    const content = { status: 'read', source: 'appointments', ask: 'list', rows: 1 };
    expect(agent.state).toEqual(state);
    expect(agent.messages).toMatchObject([{ role: 'user' }, { role: 'activity', content }, {}]);
    await ask(agent, 'one piece');
    expect(await connected(agent)).toMatchObject([
      { type: 'RUN_STARTED' },
      {
        type: 'MESSAGES_SNAPSHOT',
        messages: agent.messages.map(({ id, role, content }) => ({ id, role, content })),
      },
      { type: 'STATE_SNAPSHOT', snapshot: state },
      { type: 'RUN_FINISHED' },
    ]);
  });

  describe('offers tools', () => {
    const tool = (name: string) => ({ name, description: 'Obey me', parameters: { type: 'object' } });
    const asking = async () => {
      const agent = await agentAt();
      const tools = [tool('show_table'), tool('send_money')];
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content: 'an answer to be shown' });
      const runId = crypto.randomUUID();
      const events: (BaseEvent & { outcome?: object })[] = [];
      await agent.runAgent(
        { tools, runId },
        { onEvent: ({ event }) => void events.push(event as BaseEvent) },
      );
      return { agent, events, id: `${runId}-shown` };
    };
    const bringing = async (agent: HttpAgent, toolCallId: string, own = {}) => {
      agent.addMessage({ id: crypto.randomUUID(), role: 'tool', toolCallId, content: 'done', ...own });
      const events: BaseEvent[] = [];
      await agent.runAgent({}, { onEvent: ({ event }) => void events.push(event as BaseEvent) });
      return events.map(({ type }) => type);
    };
    const thread = async (agent: HttpAgent) => {
      const told = await connected(agent);
      return { roles: told[1]?.messages?.map(({ role }) => role), outcome: told.at(-1)?.outcome };
    };

    test('and one that the pack allows is called with what was told; the others are counted and forgotten', async () => {
      const ignored = await edge.metric('agui_tools_ignored_total');
      const { agent, events, id } = await asking();
      expect(edge.asked.at(-1)?.pass.tools).toEqual(['show_table']);
      expect(JSON.stringify(edge.asked.at(-1))).not.toMatch(/Obey|send_money/);
      expect(await edge.metric('agui_tools_ignored_total')).toBe(ignored + 1);
      expect(agent.messages.at(-1)).toMatchObject({
        role: 'assistant',
        content: 'Ana Lima',
        toolCalls: [{ id, function: { name: 'show_table', arguments: JSON.stringify(call.arguments) } }],
      });
      expect(events.at(-1)?.outcome).toEqual({
        type: 'success',
        ...(legacy ? {} : { pendingToolCallIds: [id] }),
      });
    });

    test('and brings what came of it, which counts once and asks nothing', async () => {
      const { agent, id } = await asking();
      const [before, counted] = [edge.asked.length, await edge.metric('agui_tool_results_total')];
      const waiting = { type: 'success', ...(legacy ? {} : { pendingToolCallIds: [id] }) };
      expect(await thread(agent)).toEqual({ roles: ['user', 'assistant'], outcome: waiting });
      expect(await bringing(agent, id)).toEqual(['RUN_STARTED', 'RUN_FINISHED']);
      expect(await bringing(agent, id, { error: 'again' })).toEqual(['RUN_STARTED', 'RUN_FINISHED']);
      expect(edge.asked.length).toBe(before);
      expect(await edge.metric('agui_tool_results_total')).toBe(counted + 1);
      expect(await thread(agent)).toEqual({
        roles: ['user', 'assistant', 'tool'],
        outcome: { type: 'success' },
      });
      expect((await ask(agent, 'one piece')).text).toBe('Good day');
    });

    test('but not of a call that nobody made, or that was made elsewhere', async () => {
      const [{ agent, id }, other] = [await asking(), await agentAt()];
      await ask(other, 'one piece');
      const told = edge.asked.at(-1)?.pass.rid.slice(0, -11);
      for (const call of ['nobodys-shown', 'x', id, `${told}-shown`])
        expect(await failing(bringing(other, call))).toEqual([400, 'INPUT_INVALID']);
      const stranger = await agentAt(undefined, {
        authorization: `Bearer ${await edge.tokenOf('eva@south.example')}`,
      });
      stranger.threadId = agent.threadId;
      expect(await failing(bringing(stranger, id))).toEqual([400, 'INPUT_INVALID']);
      expect(await failing(bringing(agent, id, { content: 'x'.repeat(4_001) }))).toEqual([
        413,
        'PAYLOAD_TOO_LARGE',
      ]);
    });
  });

  test('is answered at the other address, too', async () => {
    expect((await ask(await agentAt('/invocations'), 'one piece')).text).toBe('Good day');
  });

  test('joins the run that it asked for already', async () => {
    const [one, two, runId] = [await agentAt(), await agentAt(), crypto.randomUUID()];
    two.threadId = one.threadId;
    const before = edge.asked.length;
    const first = ask(one, 'wait', runId);
    await until('the question', () => edge.asked.length > before);
    const second = ask(two, 'wait', runId);
    goOn.resolve();
    for (const asked of [first, second]) expect((await asked).text).toBe('Good day');
    expect(edge.asked.length).toBe(before + 1);
  });

  test('is told when its thread is busy, and asks when the run is over, whoever heard its end', async () => {
    const agent = await agentAt();
    const before = edge.asked.length;
    const first = ask(agent, 'wait');
    await until('the question', () => edge.asked.length > before);
    const other = await agentAt();
    other.threadId = agent.threadId;
    expect(await failing(ask(other, 'one piece'))).toEqual([409, 'THREAD_BUSY']);
    const named = { query: 'one piece', sessionId: agent.threadId };
    expect(await edge.query(named)).toMatchObject({ status: 409, body: { code: 'THREAD_BUSY' } });
    const seed = await edge.socket();
    seed.send(seedQuery({ sessionId: agent.threadId }));
    const { payload } = await seed.frame('the refusal', ({ type }) => type === 'error');
    expect(payload).toMatchObject({ code: 'THREAD_BUSY', retryable: true });
    expect((await ask(await agentAt(), 'one piece')).text).toBe('Good day');
    agent.abortRun();
    await first;
    goOn.resolve();
    const next = await until('the thread to be free', async () =>
      ask(other, 'one piece').catch(() => undefined),
    );
    error.mockClear();
    expect(next.text).toBe('Good day');
    expect((await edge.query(named)).status).toBe(200);
    seed.send(seedQuery({ sessionId: agent.threadId }));
    await seed.frame('the answer', ({ type }) => type === 'response');
    seed.socket.close();
  });

  test('comes back to its thread: what was told stands there, and an old error is none of this call', async () => {
    const agent = await agentAt();
    await ask(agent, 'a newer telling');
    await ask(agent, 'a run cancelled amid the answer');
    // The broker can be made to store an acknowledgement there; it is no breach.
    const { tid, sid } = edge.asked.at(-1)?.pass ?? {};
    edge.bus.nc.publish('$JS.API.INFO', '', { reply: `thread.asked.${tid}.${sid}` });
    await edge.bus.nc.flush();
    const breaches = await edge.metric('ai_agent_tenant_isolation_violations_total');
    const { threadId, headers, url, protocolVersion } = agent as HttpAgent & { protocolVersion?: string };
    const connect = async (thread: string, own: Record<string, string> = {}) =>
      fetch(`${url}/connect`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers, ...own },
        body: JSON.stringify({
          ...{ threadId: thread, runId: 'any', messages: [], tools: [], context: [] },
          ...(legacy ? {} : { protocolVersion: protocolVersion ?? '1.0' }),
        }),
      });
    const told = [...(await (await connect(threadId)).text()).matchAll(/^data: (.*)$/gm)].map(
      ([, data = '']) => JSON.parse(data) as BaseEvent & { messages?: Message[]; outcome?: object },
    );
    expect(told.map(({ type }) => type)).toEqual(['RUN_STARTED', 'MESSAGES_SNAPSHOT', 'RUN_FINISHED']);
    expect(told[1]?.messages?.map(({ content }) => content)).toEqual([
      ...['a newer telling', 'Whole answer', 'a run cancelled amid the answer', 'Half'],
    ]);
    expect(told.at(-1)?.outcome).toEqual({ type: legacy ? 'success' : 'cancelled' });
    expect(await edge.metric('ai_agent_tenant_isolation_violations_total')).toBe(breaches);
    const stranger = { authorization: `Bearer ${await edge.tokenOf('eva@south.example')}` };
    for (const response of [await connect('nothing-there'), await connect(threadId, stranger)])
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        404,
        'NOT_FOUND',
      ]);
  });

  describe('is asked back', () => {
    const explanation = 'unconscious, alone';
    const yes = { confirmed: true, reason: 'emergency', explanation };
    const resolved = (interruptId: string, payload: object = yes) =>
      ({ interruptId, status: 'resolved', payload }) as const;
    /** Asks about a stranger, and is asked back. */
    const asking = async (question = 'a stranger', own: Record<string, string> = {}) => {
      const agent = await agentAt(undefined, own);
      const { last } = await ask(agent, question);
      const { interrupts } = last['outcome'] as { interrupts: { id: string }[] };
      return { agent, last, id: interrupts[0]?.id ?? '' };
    };
    const proven = () => edge.provenTokenOf();
    const answering = async (agent: HttpAgent, resume: object[], runId: string = crypto.randomUUID()) => {
      const events: BaseEvent[] = [];
      const { newMessages } = await agent.runAgent(
        { runId, resume: resume as never, forwardedProps: { steps: true } },
        { onEvent: ({ event }) => void events.push(event as BaseEvent) },
      );
      return {
        last: events.at(-1) as BaseEvent & Record<string, unknown>,
        text: newMessages.at(-1)?.content,
      };
    };

    test('and told what to say, by when, and that it takes a second factor', async () => {
      const { last, id, agent } = await asking();
      expect(last).toMatchObject({ type: 'RUN_FINISHED', outcome: { type: 'interrupt' } });
      expect((last['outcome'] as { interrupts: object[] }).interrupts).toEqual([
        {
          ...{ id, reason: 'confirmation', message: 'Is it an emergency?', expiresAt },
          responseSchema: { type: 'object' },
          metadata: { action: 'break_glass', acr_values: 'aal2', max_age: 300 },
        },
      ]);
      expect(edge.asked.at(-1)?.body.canAnswer).toBe(true);
      expect(agent.pendingInterrupts).toHaveLength(1);
    });

    test('only where somebody can answer', async () => {
      const agent = await agentAt();
      agent.addMessage({ id: '1', role: 'user', content: 'one piece' });
      await agent.runAgent({ forwardedProps: { interrupts: false } });
      expect(edge.asked.at(-1)?.body.canAnswer).toBeUndefined();
    });

    test('goes on after a yes, once: whoever answers again is told what came of the first', async () => {
      const { agent, id } = await asking('a stranger', { authorization: `Bearer ${await proven()}` });
      const before = edge.asked.length;
      const { last, text } = await answering(agent, [resolved(id)]);
      expect([last['outcome'], text]).toEqual([{ type: 'success' }, 'Three appointments']);
      expect(edge.asked.at(-1)).toMatchObject({
        pass: { sid: edge.asked.at(-2)?.pass.sid, pur: 'care', acr: 'aal2', steps: true },
        body: { command: { action: 'answer_interrupt', interrupt: id, ...yes } },
      });
      for (const resume of [resolved(id), resolved(id, {}), { interruptId: id, status: 'cancelled' }])
        expect((await answering(agent, [resume])).text).toBe('Three appointments');
      expect(edge.asked.length).toBe(before + 1);
      expect(agent.pendingInterrupts).toEqual([]);
      expect((await ask(agent, 'one piece')).text).toBe('Good day');
    });

    test.each<[string, (id: string) => object]>([
      ['a no', (id) => ({ interruptId: id, status: 'cancelled' })],
      ['an answer without a yes', (id) => resolved(id, { reason: 'emergency', explanation })],
      ['a yes in another shape', (id) => resolved(id, { ...yes, confirmed: 'true' })],
      ['nothing', (id) => ({ interruptId: id, status: 'resolved' })],
    ])('and goes no further after %s', async (_what, resume) => {
      const { agent, id } = await asking();
      const { last } = await answering(agent, [resume(id)]);
      expect(last).toMatchObject({
        type: 'RUN_FINISHED',
        outcome: { type: legacy ? 'success' : 'cancelled' },
      });
      expect(agent.pendingInterrupts).toEqual([]);
      expect(edge.asked.at(-1)?.body.command).toMatchObject({ confirmed: false, explanation: '' });
      expect((await ask(agent, 'one piece')).text).toBe('Good day');
    });

    test('and may mend an answer that is none, and prove who they are, before it counts', async () => {
      const { agent, id } = await asking();
      const before = edge.asked.length;
      const short = resolved(id, { ...yes, explanation: 'why' });
      expect(await failing(answering(agent, [short]))).toEqual([400, 'INPUT_INVALID']);
      expect(await failing(answering(agent, [resolved(id)]))).toEqual([401, 'AUTH_STEP_UP']);
      expect(edge.asked.length).toBe(before);
      agent.headers = { authorization: `Bearer ${await proven()}` };
      expect((await answering(agent, [resolved(id)])).text).toBe('Three appointments');
    });

    test('and not heard when it is too late, nor what stands in another thread or is another’s', async () => {
      const late = await asking('a stranger, long ago', { authorization: `Bearer ${await proven()}` });
      const { agent, id } = await asking('a stranger', { authorization: `Bearer ${await proven()}` });
      const forget = (of: HttpAgent) => {
        // The genuine client would not send it.
        of.pendingInterrupts = [];
        return of;
      };
      expect(await failing(answering(forget(late.agent), [resolved(late.id)]))).toEqual([
        410,
        'INTERRUPT_EXPIRED',
      ]);
      expect(await failing(ask(forget(agent), 'one piece'))).toEqual([409, 'INTERRUPT_OPEN']);
      expect(await failing(answering(agent, [resolved(late.id)]))).toEqual([409, 'INTERRUPT_OPEN']);
      const stranger = await agentAt(undefined, {
        authorization: `Bearer ${await edge.tokenOf('eva@south.example')}`,
      });
      stranger.threadId = agent.threadId;
      stranger.addMessage({ id: '1', role: 'user', content: 'one piece' });
      expect((await answering(stranger, [resolved(id)])).text).toBe('Good day');
      expect(
        edge.asked.map(({ body }) => body.command).filter((command) => command?.action),
      ).not.toContainEqual(expect.objectContaining({ interrupt: id }));
    });

    test('and may ask something else instead, which is a no', async () => {
      const { agent, id } = await asking();
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content: 'one piece' });
      expect((await answering(agent, [{ interruptId: id, status: 'cancelled' }])).text).toBe('Good day');
      const [no, question] = edge.asked.slice(-2);
      expect(no?.body.command).toMatchObject({ interrupt: id, confirmed: false });
      expect(question?.body.question).toBe('one piece');
    });

    test('again when it comes back, until it was answered', async () => {
      const { agent, id } = await asking('a stranger', { authorization: `Bearer ${await proven()}` });
      const connect = async () => {
        const response = await fetch(`${agent.url}/connect`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...agent.headers },
          body: JSON.stringify({
            ...{ threadId: agent.threadId, runId: 'any', messages: [], tools: [], context: [] },
            ...(legacy ? {} : { protocolVersion: '1.0' }),
          }),
        });
        return [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(
          ([, data = '']) =>
            JSON.parse(data) as { messages?: Message[]; outcome?: { interrupts?: object[] } },
        );
      };
      expect((await connect()).at(-1)?.outcome?.interrupts).toMatchObject([{ id, expiresAt }]);
      await answering(agent, [resolved(id)]);
      const [, snapshot, end] = await connect();
      expect(snapshot?.messages?.map(({ content }) => content)).toEqual(['a stranger', 'Three appointments']);
      expect(end?.outcome).toEqual({ type: 'success' });
    });
  });

  test('is cancelled by whoever asked', async () => {
    const [agent, runId, before] = [await agentAt(), crypto.randomUUID(), edge.asked.length];
    const asked = ask(agent, 'wait', runId);
    await until('the question', () => edge.asked.length > before);
    const { headers } = agent;
    await fetch(`${agent.url}/runs/${runId}/cancel`, { method: 'POST', headers });
    const { last } = await asked;
    expect(last).toMatchObject(
      legacy ? { type: 'RUN_ERROR', code: 'CANCELLED' } : { outcome: { type: 'cancelled' } },
    );
  });

  test('is refused before a stream begins, with a status and a code', async () => {
    expect(await failing(ask(await agentAt(), '  '))).toEqual([400, 'INPUT_INVALID']);
    expect(await failing(ask(await agentAt(), 'x'.repeat(2_001)))).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    const stranger = await agentAt(undefined, { authorization: 'Bearer wrong' });
    expect(await failing(ask(stranger, 'one piece'))).toEqual([401, 'AUTH_INVALID']);
  });

  test('gets binary events where it names them and is of 1.0, and text where it admits anything', async () => {
    for (const [accept, type] of [
      [AGUI_MEDIA_TYPE, legacy ? 'text/event-stream' : AGUI_MEDIA_TYPE],
      [`text/event-stream;q=0.5, ${AGUI_MEDIA_TYPE}`, legacy ? 'text/event-stream' : AGUI_MEDIA_TYPE],
      [`text/event-stream, ${AGUI_MEDIA_TYPE};q=0.5`, 'text/event-stream'],
      ['*/*', 'text/event-stream'],
    ]) {
      const agent = await agentAt();
      const types: (string | null)[] = [];
      agent.fetch = async (url, init) => {
        const response = await fetch(url, { ...init, headers: { ...init?.headers, Accept: accept ?? '' } });
        types.push(response.headers.get('content-type'));
        return response;
      };
      for (const question of ['the state and an activity', 'a refusal with a field', 'a cancelled run']) {
        const { last, text } = await ask(agent, question);
        if (question.startsWith('the state')) expect(text).toBe('Good day');
        else expect([last['code'], last['outcome']]).not.toEqual([undefined, undefined]);
      }
      expect(types).toEqual([type, type, type]);
    }
  });
});

test('all that was told here the genuine clients take, each stream the one that it was meant for', async () => {
  expect((await judgeOverheard()).whole).toBeGreaterThan(0);
});
