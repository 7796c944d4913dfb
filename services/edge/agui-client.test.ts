import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BaseEvent } from '@ag-ui/client';
import { WsAgent, type WsAgentConfig } from '@jangada/agui-client/agent.ts';
import { compare } from '@jangada/testkit/exactly.ts';
import { type Network, startNetwork } from '@jangada/testkit/network.ts';
import { judgeOverheard } from '@jangada/testkit/overheard.ts';
import { followToEnd, type Placed, readEvents } from '@jangada/testkit/sse.ts';
import { until } from '@jangada/testkit/until.ts';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { tokenKeys } from './test-broker.ts';
import { type Edges, end, logIn, type Replica, startEdges, text } from './test-replicas.ts';

/** Our own client against the edge, over networks as they are. */

let edges: Edges;
let one: Replica;
let two: Replica;
let network: Network;
let bearer: string;
beforeAll(async () => {
  edges = await startEdges(2, { RUN_DEADLINE_MS: 60_000 });
  [one, two] = edges.replicas as [Replica, Replica];
  bearer = (await logIn(one, 'ana@north.example')).token;
  network = await startNetwork(one.url);
});
afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  await edges?.[Symbol.asyncDispose]();
});

const agents: WsAgent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.close();
  network.cut();
  network.return();
  network.turnTo(one.url);
});

/** An agent that asks one question, and the events that its reader was told. */
const asking = (question: string, own: Partial<WsAgentConfig> = {}, Agent = WsAgent) => {
  const agent = new Agent({
    url: network.url,
    token: async () => bearer,
    threadId: crypto.randomUUID(),
    ...own,
  });
  agents.push(agent);
  return { agent, ...ask(agent, question) };
};
const ask = (agent: WsAgent, question: string) => {
  const events: Told[] = [];
  agent.addMessage({ id: crypto.randomUUID(), role: 'user', content: question });
  const runId = crypto.randomUUID();
  const known = edges.passes.length;
  const ended = agent.runAgent({ runId }, { onEvent: ({ event }) => void events.push(event) });
  ended.catch(() => undefined);
  return {
    runId,
    events,
    ended,
    /** Waits until the first words are here; gives the pass to tell more under. */
    begun: async () => {
      await until('the first words', () => events.some(({ delta }) => delta === 'Good day'));
      return until('the pass', () => edges.passes[known]);
    },
  };
};
type Told = BaseEvent & { delta?: string; code?: string; outcome?: { type: string } };
const typesOf = (events: readonly Told[]) => events.map(({ type }) => type as string);
const words = (events: readonly Told[]) => events.flatMap(({ delta }) => delta ?? []);
const whole = [
  ...['RUN_STARTED', 'TEXT_MESSAGE_START', 'TEXT_MESSAGE_CONTENT'],
  ...['TEXT_MESSAGE_END', 'RUN_FINISHED'],
];
/** What the edge keeps of a run, read without the client. */
const stored = async (runId: string, threadId: string): Promise<Told[]> => {
  const response = await fetch(`${two.url}/v1/agui/assistant/runs/${runId}/events?threadId=${threadId}`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  return [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
};

/** The client over another generation of what it stands on. */
const over = async (base: () => Promise<object>): Promise<typeof WsAgent> => {
  vi.resetModules();
  vi.doMock('@ag-ui/client', base);
  const loaded = await import('@jangada/agui-client/agent.ts');
  vi.doUnmock('@ag-ui/client');
  return loaded.WsAgent;
};

describe.each([
  ['1.0.0', async () => WsAgent],
  ['0.0.59', () => over(() => import('ag-ui-client-0'))],
])('over @ag-ui/client %s', (version, load) => {
  let Agent: typeof WsAgent;
  beforeAll(async () => {
    Agent = await load();
  });

  test('a run is told, and the client has nothing to complain about', async () => {
    using warn = vi.spyOn(console, 'warn');
    using error = vi.spyOn(console, 'error');
    const { agent, events, ended } = asking('hello', {}, Agent);
    const { newMessages } = await ended;
    expect(newMessages).toMatchObject([{ role: 'assistant', content: 'Good day' }]);
    expect(typesOf(events)).toEqual(whole);
    expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
    expect(await agent.getCapabilities()).toMatchObject({ transport: { websocket: true, resumable: true } });
    expect('maxProtocolVersion' in agent).toBe(version === '1.0.0');
  });

  test('a socket that drops amid an answer costs its reader no event and brings none twice', async () => {
    const { agent, runId, events, ended, begun } = asking('wait', {}, Agent);
    const pass = await begun();
    // What was told already, as an edge that takes the cursor wrongly would tell it.
    network.say({ run: runId, seq: 1, event: { type: 'RUN_STARTED' } });
    for (const hop of ['permission', 'data-access']) await edges.tell(pass, hop, { type: 'step', hop });
    await until('both steps', () => typesOf(events).filter((type) => type === 'STEP_STARTED').length === 2);
    for (const word of [' and', ' good', ' night']) {
      const sockets = network.taken();
      network.cut();
      await edges.tell(pass, word, text(word));
      await until('another socket', () => network.taken() > sockets);
      await until(`the word${word}`, () => words(events).includes(word));
    }
    network.cut();
    await edges.tell(pass, 'end', end);
    const { newMessages } = await ended;
    expect(newMessages).toMatchObject([{ content: 'Good day and good night' }]);
    expect(words(events)).toEqual(['Good day', ' and', ' good', ' night']);
    expect(typesOf(events).slice(-3)).toEqual(['STEP_FINISHED', 'TEXT_MESSAGE_END', 'RUN_FINISHED']);
    const kept = await stored(runId, agent.threadId);
    expect(events.map(({ type, delta }) => [type, delta])).toEqual(
      kept.map(({ type, delta }) => [type, delta]),
    );
  });

  test('who loads the page again amid an answer is told what stands in the thread, and the rest as it comes', async () => {
    const before = asking('hello', {}, Agent);
    await before.ended;
    const { agent } = before;
    const under = ask(agent, 'wait');
    const pass = await under.begun();
    agent.close();
    await edges.tell(pass, 'more', text(' and'));
    network.turnTo(two.url);
    const after = new Agent({ url: network.url, token: async () => bearer, threadId: agent.threadId });
    agents.push(after);
    const events: Told[] = [];
    const ended = after.connectAgent({}, { onEvent: ({ event }) => void events.push(event as Told) });
    await until('what was told meanwhile', () => words(events).includes(' and'));
    network.cut();
    await edges.tell(pass, 'last', text(' good night'), end);
    await ended;
    expect(after.messages.map(({ id, role, content }) => [id, role, content])).toEqual([
      [agent.messages[0]?.id, 'user', 'hello'],
      [`${before.runId}-1`, 'assistant', 'Good day'],
      [agent.messages[2]?.id, 'user', 'wait'],
      [`${under.runId}-1`, 'assistant', 'Good day and good night'],
    ]);
    expect(words(events)).toEqual(['Good day', ' and', ' good night']);
    // Nothing goes on any more: what stands there is all.
    const idle = new Agent({ url: network.url, token: async () => bearer, threadId: agent.threadId });
    agents.push(idle);
    await idle.connectAgent();
    expect(idle.messages).toEqual(after.messages);
    const empty = new Agent({ url: network.url, token: async () => bearer, threadId: 'nothing-yet' });
    agents.push(empty);
    await empty.connectAgent();
    expect(empty.messages).toEqual([]);
  });

  test('abortRun ends the run itself, with the last word of the edge, on a resumed socket too', async () => {
    const { agent, events, ended, begun } = asking('wait', {}, Agent);
    const pass = await begun();
    network.cut();
    await edges.tell(pass, 'more', text(', indeed'));
    await until('more words', () => words(events).length === 2);
    agent.abortRun();
    await ended;
    expect(typesOf(events).at(-2)).toBe('TEXT_MESSAGE_END');
    expect(events.at(-1)).toMatchObject(
      version === '1.0.0' ? { outcome: { type: 'cancelled' } } : { type: 'RUN_ERROR', code: 'CANCELLED' },
    );
  });

  test('what is refused before it began rejects as it does over HTTP', async () => {
    using _error = vi.spyOn(console, 'error').mockReturnValue();
    const { ended, events } = asking('', {}, Agent);
    await expect(ended).rejects.toMatchObject({
      status: 400,
      code: 'INPUT_INVALID',
      payload: { retryable: false },
    });
    expect(events).toEqual([]);
  });
});

test('nothing of it needs Node, so that a page can hold it', () => {
  const folder = dirname(fileURLToPath(import.meta.resolve('@jangada/agui-client/agent.ts')));
  const imported = globSync('*.ts', { cwd: folder, exclude: ['example.ts', '*.test.ts'] }).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/from '([^.'][^']*)'/g)].map(([, name]) => name),
  );
  expect([...new Set(imported)].sort()).toEqual(['@ag-ui/client', 'rxjs']);
});

test('clones share one socket while it is needed, and each is told its own run', async () => {
  const { agent, begun, ended, events } = asking('wait', { idleMs: 10 });
  const pass = await begun();
  const sockets = network.taken();
  const others = await Promise.all(
    ['first', 'second'].map(async (question) => {
      const clone = agent.clone();
      clone.threadId = crypto.randomUUID();
      clone.messages = [];
      const asked = ask(clone, question);
      await asked.ended;
      return asked;
    }),
  );
  expect(others.map((other) => typesOf(other.events))).toEqual([whole, whole]);
  await edges.tell(pass, 'end', end);
  await ended;
  expect(typesOf(events)).toEqual(whole);
  expect(network.taken()).toBe(sockets);
  await until('the socket that nobody needs to be closed', () => network.open() === 0);
  const { newMessages } = await ask(agent, 'hello').ended;
  expect(newMessages).toMatchObject([{ content: 'Good day' }]);
});

test('a long conversation is no frame too long, and what is one is refused by name', async () => {
  using _error = vi.spyOn(console, 'error').mockReturnValue();
  const initialMessages = Array.from({ length: 100 }, (_, index) => ({
    id: `m-${index}`,
    role: index % 2 ? ('assistant' as const) : ('user' as const),
    content: 'x'.repeat(1_000),
  }));
  const { ended, agent } = asking('hello', { initialMessages });
  expect((await ended).newMessages).toMatchObject([{ content: 'Good day' }]);
  const running = ask(agent.clone(), 'wait');
  await running.begun();
  await expect(asking('x'.repeat(70_000)).ended).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
  await expect(ask(agent, 'x'.repeat(70_000)).ended).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
});

test('an agent that there cannot be is refused', async () => {
  using _error = vi.spyOn(console, 'error').mockReturnValue();
  const { agent, ended } = asking('hello', { agent: 'a'.repeat(41) });
  await expect(ended).rejects.toMatchObject({ status: 400, code: 'INVALID_MESSAGE' });
  await expect(agent.getCapabilities()).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
});

test('detachActiveRun stops listening and lets the run go on', async () => {
  const { agent, runId, begun, ended, events } = asking('wait');
  const pass = await begun();
  await agent.detachActiveRun();
  await ended;
  await edges.tell(pass, 'end', text(' and good night'), end);
  expect(typesOf(events)).toEqual(whole.slice(0, 3));
  expect(words(await stored(runId, agent.threadId))).toEqual(['Good day', ' and good night']);
});

test('a run that was never sent ends without the edge', async () => {
  network.leave();
  const { agent, events, ended } = asking('hello');
  await until('it to run', () => agent.isRunning);
  await vi.waitFor(() => {
    agent.abortRun();
    expect(events.at(-1)).toMatchObject({ outcome: { type: 'cancelled' } });
  });
  await ended;
});

test('an edge that is away is waited for, and not for ever', async () => {
  using _error = vi.spyOn(console, 'error').mockReturnValue();
  const begunBefore = asking('wait');
  const pass = await begunBefore.begun();
  network.leave();
  await edges.tell(pass, 'end', end);
  await expect(asking('hello', { connectWithinMs: 300 }).ended).rejects.toMatchObject({
    status: 503,
    code: 'UPSTREAM_UNAVAILABLE',
  });
  const patient = asking('hello');
  const impatient = asking('wait', { resumeWithinMs: 1 });
  network.return();
  await Promise.all([begunBefore.ended, patient.ended]);
  expect([typesOf(begunBefore.events), typesOf(patient.events)]).toEqual([whole, whole]);
  await impatient.begun();
  network.leave();
  await impatient.ended;
  expect(impatient.events.at(-1)).toMatchObject({ type: 'RUN_ERROR', code: 'UPSTREAM_UNAVAILABLE' });
});

test('a socket that falls silent is left for another', async () => {
  const { events, ended, begun } = asking('wait', { silenceMs: 100 });
  const pass = await begun();
  network.freeze();
  await edges.tell(pass, 'end', end);
  await ended;
  expect(typesOf(events)).toEqual(whole);
});

test('a token that is about to end is replaced on the socket, whose runs go on past its end', async () => {
  const endsAt = Math.floor(Date.now() / 1_000) + 6;
  const brief = await new SignJWT({ ...decodeJwt(bearer), exp: endsAt, jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: tokenKeys.kid })
    .sign(tokenKeys.signer().key);
  const token = vi.fn(async (refused?: string) => (refused === 'AUTH_EXPIRED' ? bearer : brief));
  const { events, ended, begun } = asking('wait', { token });
  const pass = await begun();
  const sockets = network.taken();
  await until('a fresh token to be asked for', () => token.mock.calls.length === 2);
  await until('the end of the first', () => Date.now() > endsAt * 1_000 + 1_500, 10_000);
  await edges.tell(pass, 'end', text(', indeed'), end);
  await ended;
  expect(network.taken()).toBe(sockets);
  expect(typesOf(events)).toEqual([...whole.slice(0, 3), ...whole.slice(2)]);
});

test('who is refused with a fresh token too is told so', async () => {
  using _error = vi.spyOn(console, 'error').mockReturnValue();
  const token = vi.fn(async (_refused?: string) => 'no token');
  await expect(asking('hello', { token }).ended).rejects.toMatchObject({ status: 401, code: 'AUTH_INVALID' });
  expect(token.mock.calls).toEqual([[undefined], ['AUTH_INVALID']]);

  const { agent } = asking('hello', { token: async (refused) => (refused ? bearer : 'wrong') });
  expect(await agent.getCapabilities()).toMatchObject({ identity: { name: 'jangada' } });
});

test('who has no token is told why, but for a run that has begun it is asked for again', async () => {
  using _error = vi.spyOn(console, 'error').mockReturnValue();
  const token = vi.fn(async () => bearer);
  const { agent, ended, events, begun } = asking('wait', { token });
  const pass = await begun();
  token.mockClear();
  token.mockRejectedValueOnce(new Error('signed out'));
  network.cut();
  await until('two more tokens to be asked for', () => token.mock.calls.length === 2);
  await edges.tell(pass, 'end', end);
  await ended;
  expect(typesOf(events)).toEqual(whole);
  agent.close();
  token.mockClear();
  token.mockRejectedValueOnce(new Error('signed out'));
  await expect(ask(agent, 'hello').ended).rejects.toThrow('signed out');
  expect(token).toHaveBeenCalledTimes(1);
});

test('a run of which nothing was told yet is resumed at another edge and not given up', async () => {
  const known = edges.passes.length;
  const { events, ended } = asking('later');
  await until('it to begin', () => typesOf(events).includes('RUN_STARTED'));
  const pass = await until('the pass', () => edges.passes[known]);
  network.turnTo(two.url);
  const sockets = network.taken();
  network.cut();
  await until('another socket', () => network.taken() > sockets);
  // Longer than an edge waits for a run that it has not heard of.
  await sleep(1_500);
  await edges.tell(pass, '1', text('Good day'), end);
  await ended;
  expect(typesOf(events)).toEqual(whole);
});

test('a run is cancelled at another edge than the one that tells it', async () => {
  const { runId, events, ended, begun } = asking('wait');
  await begun();
  const cancel = `${two.url}/v1/agui/assistant/runs/${runId}/cancel`;
  const response = await fetch(cancel, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } });
  expect([response.status, await response.json()]).toEqual([202, { cancelled: true }]);
  await ended;
  expect(events.at(-1)).toMatchObject({ outcome: { type: 'cancelled' } });
});

test('edges that die and connections that break cost no reader an event and bring none twice', async () => {
  const known = edges.passes.length;
  let mortal = await edges.open();
  await using balanced = await startNetwork(one.url, mortal.url);
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const throughSocket = async () => {
    const { agent, runId, events, ended } = asking('wait', { url: balanced.url });
    await ended;
    return { runId, threadId: agent.threadId, events: events as object[], resumed: 0 };
  };
  const throughStream = async () => {
    const seen = { runId: crypto.randomUUID(), threadId: crypto.randomUUID(), resumed: 0 };
    const messages = [{ id: '1', role: 'user', content: 'wait' }];
    const body = JSON.stringify({ ...seen, messages, tools: [], context: [], protocolVersion: '1.0' });
    const address = `${balanced.url}/v1/agui/assistant`;
    const placed: Placed[] = [];
    async function* open(last: string | undefined): AsyncGenerator<Placed> {
      const events = `${address}/runs/${seen.runId}/events?threadId=${seen.threadId}`;
      yield* readEvents(
        last === undefined
          ? await fetch(address, { method: 'POST', headers, body })
          : await fetch(events, { headers: { ...headers, 'last-event-id': last } }),
      );
    }
    await followToEnd(placed, open, { withinMs: 25_000, onResume: () => seen.resumed++ });
    expect(placed.map(({ id }) => id)).toEqual(placed.map((_, index) => `${seen.runId}:${index + 1}`));
    return { ...seen, events: placed.map(({ event }): object => event) };
  };
  const following = Promise.all(
    Array.from({ length: 24 }, (_, index) => (index % 2 ? throughSocket : throughStream)()),
  );
  following.catch(() => undefined);
  await until('every question', () => edges.passes.length === known + 24);
  const passes = edges.passes.slice(known);
  for (let word = 1; word <= 18; word++) {
    await Promise.all(passes.map((pass) => edges.tell(pass, `${word}`, text(` ${word}`))));
    balanced.drop();
    if (word % 6) continue;
    const next = await edges.open();
    balanced.turnTo(one.url, next.url);
    balanced.cut();
    await mortal.service[Symbol.asyncDispose]();
    mortal = next;
  }
  await Promise.all(passes.map((pass) => edges.tell(pass, 'end', end)));
  const seen = await following;
  for (const { runId, threadId, events } of seen)
    expect(compare(events, await stored(runId, threadId))).toEqual({ lost: 0, twice: 0, same: true });
  expect(seen.reduce((sum, { resumed }) => sum + resumed, 0)).toBeGreaterThan(12);
});

test('an edge that restarts is left for another at once, announced or not', async () => {
  const { events, ended, begun } = asking('wait');
  const pass = await begun();
  network.turnTo(two.url);
  const sockets = network.taken();
  network.say({ op: 'drain' });
  await until('another socket', () => network.taken() > sockets);
  await edges.tell(pass, 'more', text(', indeed'));
  await until('more words', () => words(events).length === 2);
  network.turnTo(one.url);
  await two.service[Symbol.asyncDispose]();
  await edges.tell(pass, 'end', end);
  await ended;
  expect(typesOf(events)).toEqual([...whole.slice(0, 3), ...whole.slice(2)]);
});

test('all that was told here the genuine clients take, each stream the one that it was meant for', async () => {
  const { whole, cut, pieced } = await judgeOverheard();
  expect(Math.min(whole, cut, pieced)).toBeGreaterThan(0);
});
