import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WsAgent } from '@jangada/agui-client/agent.ts';
import { filterOf, streamOf } from '@jangada/proto/message.ts';
import { isEnd, reply } from '@jangada/proto/reply.ts';
import { compare } from '@jangada/testkit/exactly.ts';
import { type Network, startNetwork } from '@jangada/testkit/network.ts';
import { followToEnd, type Placed, readEvents } from '@jangada/testkit/sse.ts';
import { until } from '@jangada/testkit/until.ts';
import { remark, table } from '../cli/output.ts';
import type { Journey } from '../journeys/journey.ts';
import type { Person } from '../journeys/person.ts';
import { type Edge, isReady, openQuestions, startGround } from './ground.ts';

/**
 * `npm run proof:resume`: answers that are told word by word over two edges, of which one or the other dies every few
 * seconds, to clients whose connections break at any moment. Each client must end with exactly what is stored of its run.
 */

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    'kill-every': { type: 'string', default: '3' },
    'drop-after': { type: 'string', default: '10' },
  },
});
const runs = Number(options.runs);
const killEveryMs = Number(options['kill-every']) * 1_000;
/** A connection lives so long on average. */
const dropAfterMs = Number(options['drop-after']) * 1_000;
const withinMs = 120_000;
const pace = { words: 40, everyMs: 250 };

/** A run as its client saw it. */
interface Seen {
  readonly over: 'WebSocket' | 'SSE';
  readonly run: string;
  readonly events: object[];
  /** Connections beyond the first. */
  resumed: number;
}

const questions = openQuestions();

const throughSocket = async ({ url }: Network, { token }: Person): Promise<Seen> => {
  const seen: Seen = { over: 'WebSocket', run: crypto.randomUUID(), events: [], resumed: -1 };
  class Counted extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols);
      seen.resumed++;
    }
  }
  const threadId = seen.run;
  const agent = new WsAgent({
    ...{ url, threadId, token: async () => token, WebSocket: Counted },
    connectWithinMs: withinMs,
  });
  agent.addMessage({ id: 'question', role: 'user', content: questions.next() });
  const ended = agent.runAgent({ runId: seen.run }, { onEvent: ({ event }) => void seen.events.push(event) });
  // What is missing then is lost, and counted.
  await Promise.race([ended.catch(() => undefined), sleep(withinMs, undefined, { ref: false })]);
  agent.close();
  return seen;
};

const throughStream = async ({ url }: Network, { agent }: Person): Promise<Seen> => {
  const seen: Seen = { over: 'SSE', run: crypto.randomUUID(), events: [], resumed: 0 };
  const address = `${url}${new URL(agent.url).pathname}`;
  const messages = [{ id: 'question', role: 'user', content: questions.next() }];
  const input = {
    threadId: seen.run,
    runId: seen.run,
    messages,
    tools: [],
    context: [],
    protocolVersion: '1.0',
  };
  const placed: Placed[] = [];
  async function* open(last: string | undefined): AsyncGenerator<Placed> {
    const headers = { ...agent.headers, 'content-type': 'application/json' };
    const body = JSON.stringify(input);
    yield* readEvents(
      last === undefined
        ? await fetch(address, { method: 'POST', headers, body })
        : await fetch(`${address}/runs/${seen.run}/events`, {
            headers: { ...agent.headers, 'last-event-id': last },
          }),
    );
  }
  await followToEnd(placed, open, { withinMs, onResume: () => seen.resumed++ }).catch(() => undefined);
  // The place is part of what has to be right.
  for (const [index, { id, event }] of placed.entries())
    seen.events.push(id === `${seen.run}:${index + 1}` ? event : { ...event, id });
  return seen;
};

/** Kills the edges in turn, by a crash and by a restart in turn, and never while the other is away. */
const killEdges = async (edges: readonly Edge[], over: AbortSignal): Promise<readonly NodeJS.Signals[]> => {
  const kills: NodeJS.Signals[] = [];
  for (let turn = 0; !over.aborted; turn++) {
    await sleep(killEveryMs, undefined, { signal: over }).catch(() => undefined);
    const edge = edges[turn % edges.length];
    if (over.aborted || !edge) break;
    const signal = turn % 4 < 2 ? 'SIGKILL' : 'SIGTERM';
    const { pid } = edge.process;
    edge.process.kill(signal);
    kills.push(signal);
    await until('the edge to be back', async () => edge.process.pid !== pid && isReady(edge), withinMs);
  }
  return kills;
};

const dropConnections = async (network: Network, over: AbortSignal): Promise<number> => {
  let drops = 0;
  while (!over.aborted) {
    // However many are left: the last ones are cut no more often than each of many.
    await sleep((dropAfterMs / Math.max(1, network.open())) * 2 * Math.random());
    network.drop();
    drops++;
  }
  return drops;
};

/** What is stored of a run: its text is what of it is told. */
interface Kept {
  readonly events: readonly object[];
  readonly text: string;
  /** How often its answer was begun. */
  readonly tellings: number;
}

/** What is stored of runs, by the client's names of them, as an edge tells it and as the broker holds it. */
const storedOf = async (
  { journey, person, edge }: { journey: Journey; person: Person; edge: Edge },
  names: readonly string[],
): Promise<Map<string, Kept>> => {
  const texts = new Map<string, { latest: number; told: string; over: boolean }>();
  for (const message of await journey.stored(streamOf.reply, filterOf(reply))) {
    const run = message.subject.split('.').at(-1)?.split('_')[0] ?? '';
    let { latest, told, over } = texts.get(run) ?? { latest: 0, told: '', over: false };
    for (const part of journey.opened(reply, message).parts) {
      over ||= isEnd(part);
      // Of a telling that another has taken over from, and of one that goes on after the end, nobody is told the rest.
      if (over || part.type !== 'text' || part.attempt < latest) continue;
      latest = part.attempt;
      told += part.text;
    }
    texts.set(run, { latest, told, over });
  }
  const stored = new Map<string, Kept>();
  for (const run of names) {
    const address = `${edge.url}${new URL(person.agent.url).pathname}/runs/${run}/events?threadId=${run}`;
    const placed = await Array.fromAsync(readEvents(await fetch(address, { headers: person.agent.headers })));
    const { told: text, latest } = texts.get(run) ?? { told: '', latest: 0 };
    stored.set(run, { events: placed.map(({ event }) => event), text, tellings: latest });
  }
  return stored;
};

const textIn = (events: readonly object[]): string =>
  events.map((event) => ('delta' in event ? String(event.delta) : '')).join('');

/** The last event, as far as it says how a run ended. */
const endOf = (events: readonly object[]): string => {
  const { type, code } = { type: 'none', code: undefined, ...events.at(-1) };
  return code === undefined ? type : `${type} ${code}`;
};

await using ground = await startGround({ ...pace, question: questions.beginning });
const { journey, edges, person } = ground;
await using network = await startNetwork(...edges.map(({ url }) => url));
const over = new AbortController();
let ended = 0;
remark(`${runs} runs, of which half follow over WebSocket and half over server-sent events`);
const startedAt = performance.now();
const progress = setInterval(() => remark(`${ended} have ended`), 10_000);
const trouble = [killEdges(edges, over.signal), dropConnections(network, over.signal)] as const;
const seen = await Promise.all(
  Array.from({ length: runs }, async (_, index) => {
    const one = await (index % 2 ? throughSocket : throughStream)(network, person);
    ended++;
    return one;
  }),
);
clearInterval(progress);
const seconds = (performance.now() - startedAt) / 1_000;
over.abort();
const [kills, drops] = await Promise.all(trouble);

const stored = await storedOf(
  { journey, person, edge: edges[0] },
  seen.map(({ run }) => run),
);
const judged = seen.map(({ run, events, ...rest }) => {
  const kept = stored.get(run) ?? { events: [], text: '', tellings: 0 };
  const exactness = compare(events, kept.events);
  const exact = exactness.same && kept.events.length > 0 && textIn(events) === kept.text;
  if (!exact)
    remark(
      `${rest.over} ${run}: ${events.length} of ${kept.events.length} events, the last ${endOf(events)}`,
    );
  return {
    ...rest,
    ...exactness,
    exact,
    answered: endOf(kept.events) === 'RUN_FINISHED',
    count: kept.events.length,
  };
});
const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);
const rows = (['WebSocket', 'SSE'] as const).map((way) => {
  const mine = judged.filter((one) => one.over === way);
  return [
    way,
    mine.length,
    mine.filter(({ answered }) => answered).length,
    sum(mine.map(({ resumed }) => resumed)),
    Math.max(...mine.map(({ resumed }) => resumed)),
    sum(mine.map(({ count }) => count)),
    sum(mine.map(({ lost }) => lost)),
    sum(mine.map(({ twice }) => twice)),
    mine.filter(({ exact }) => !exact).length,
  ];
});
const heads = [
  'over',
  'runs',
  'answered',
  'resumed',
  'at most',
  'events stored',
  'lost',
  'twice',
  'runs not exact',
];
const anew = [...stored.values()].filter(({ tellings }) => tellings > 1).length;
const crashes = kills.filter((signal) => signal === 'SIGKILL').length;
process.stdout.write(`\n${table(heads, rows)}\n
${seconds.toFixed(0)} s; edges killed ${crashes} times and restarted ${kills.length - crashes}; ${drops} connections dropped; ${anew} answers begun anew\n`);
process.exitCode = judged.every(({ exact }) => exact) && kills.length > 0 ? 0 : 1;
