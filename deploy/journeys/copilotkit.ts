import { CopilotKitCore, CopilotKitCoreRuntimeConnectionStatus } from '@copilotkit/core';
import { until } from '@jangada/testkit/until.ts';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';

/** CopilotKit's own frontend talks to the edge, without any runtime of its own between them. */

let journey: Journey;
let professional: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  professional = await journey.as('professional');
});

describe('the CopilotKit frontend', () => {
  // It asks for the runtime only where there is a page.
  beforeEach(() => vi.stubGlobal('window', {}));
  afterEach(() => vi.unstubAllGlobals());

  const connect = async () => {
    const core = new CopilotKitCore({
      runtimeUrl: `${journey.system.local.edgeUrl}/copilotkit`,
      headers: { ...professional.agent.headers },
    });
    core.connect();
    const { Connected } = CopilotKitCoreRuntimeConnectionStatus;
    await until('the runtime', () => core.runtimeConnectionStatus === Connected);
    return core;
  };
  const agentOf = (core: CopilotKitCore, name: string) => {
    const agent = core.getAgent(name);
    if (!agent) throw new Error(`there is no agent ${name}`);
    return agent;
  };

  test('finds the agents and what they can do, and a run is answered', async () => {
    using warn = vi.spyOn(console, 'warn');
    using error = vi.spyOn(console, 'error');
    const core = await connect();
    expect(Object.keys(core.agents)).toEqual(['default', 'assistant']);
    const agent = agentOf(core, 'assistant');
    expect(await agent.getCapabilities?.()).toMatchObject({ transport: { streaming: true } });
    agent.addMessage({ id: 'question', role: 'user', content: 'lista de clientes' });
    const { newMessages } = await core.runAgent({ agent });
    expect(newMessages).toMatchObject([{ role: 'assistant', content: expect.stringContaining('Ana Lima') }]);
    expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
  });

  test('finds its thread again, and nothing in one that it has just opened', async () => {
    const ask = async (threadId: string, question?: string) => {
      const core = await connect();
      const agent = agentOf(core, 'default');
      agent.threadId = threadId;
      if (question) {
        agent.addMessage({ id: 'question', role: 'user', content: question });
        await core.runAgent({ agent });
      } else await core.connectAgent({ agent });
      return agent.messages.map(({ role, content }) => [role, content]);
    };
    const [known, fresh] = [crypto.randomUUID(), crypto.randomUUID()];
    const told = await ask(known, 'lista de clientes');
    expect(told).toMatchObject([
      ['user', 'lista de clientes'],
      ['assistant', expect.stringContaining('Ana Lima')],
    ]);
    expect(await ask(known)).toEqual(told);
    expect(await ask(fresh)).toEqual([]);
  });

  test('shows an answer by a tool of the page, once, also when it comes back', async () => {
    using error = vi.spyOn(console, 'error');
    const shown: unknown[] = [];
    const [open, threadId] = [
      async () => {
        const core = await connect();
        core.addTool({
          name: 'show_table',
          description: 'Draws a table',
          parameters: z.looseObject({}),
          handler: async (table) => {
            shown.push(table);
            return 'drawn';
          },
        });
        const agent = agentOf(core, 'default');
        agent.threadId = threadId;
        return { core, agent };
      },
      crypto.randomUUID(),
    ];
    const { core, agent } = await open();
    agent.addMessage({ id: 'question', role: 'user', content: 'lista de clientes' });
    await core.runAgent({ agent });
    expect(agent.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(shown).toMatchObject([{ source: 'clients', rows: expect.any(Array) }]);
    expect(JSON.stringify(shown)).toContain('Ana Lima');
    const back = await open();
    await back.core.connectAgent({ agent: back.agent });
    expect(back.agent.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(shown).toHaveLength(1);
    expect(error).not.toHaveBeenCalled();
  });

  test('stops what it asked', async () => {
    const core = await connect();
    const agent = agentOf(core, 'default');
    agent.threadId = crypto.randomUUID();
    const ends: (string | undefined)[] = [];
    agent.subscribe({ onRunErrorEvent: ({ event }) => void ends.push(event.code) });
    await using lock = await journey.lock('appointments');
    agent.addMessage({ id: 'question', role: 'user', content: 'quantas consultas no ano de 2001?' });
    const run = core.runAgent({ agent });
    await lock.caught('data-access');
    core.stopAgent({ agent });
    await run;
    expect(ends).toEqual(['CANCELLED']);
  });
});

test('the stop of a thread stops what is active in it, once, and nobody else’s', async () => {
  const { edgeUrl } = journey.system.local;
  const { headers } = professional.agent;
  const threadId = crypto.randomUUID();
  const stop = async (person: Person, agent = 'default') => {
    const response = await fetch(`${edgeUrl}/copilotkit/agent/${agent}/stop/${threadId}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...person.agent.headers },
    });
    return [response.status, await response.json()];
  };
  await using lock = await journey.lock('appointments');
  const asked = fetch(`${edgeUrl}/copilotkit/agent/default/run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ...{ threadId, runId: crypto.randomUUID(), tools: [], context: [], protocolVersion: '1.0' },
      messages: [{ id: '1', role: 'user', content: 'quantas consultas no ano de 2002?' }],
    }),
  });
  await lock.caught('data-access');
  expect(await stop(await journey.as('professional2'))).toEqual([200, { stopped: false }]);
  expect(await stop(professional, 'somebody')).toMatchObject([404, { code: 'NOT_FOUND' }]);
  expect(await stop(professional)).toEqual([200, { stopped: true }]);
  expect(await (await asked).text()).toContain('"outcome":{"type":"cancelled"}');
  expect(await stop(professional)).toEqual([200, { stopped: false }]);
});
