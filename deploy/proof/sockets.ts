import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '@jangada/servers/server.ts';
import { until } from '@jangada/testkit/until.ts';
import { WebSocket } from 'ws';
import { remark, table } from '../cli/output.ts';
import { anotherEdge, openQuestions, startGround } from './ground.ts';
import { inspect, inspectable } from './inspect.ts';
import { numbersIn } from './model.ts';

/**
 * `npm run proof:sockets`: sockets on one edge that say nothing, what each of them costs and that nothing of them stays;
 * and readers that stop reading, which must cost no more than the edge allows them and lose nothing.
 */

const { values: options } = parseArgs({
  options: {
    sockets: { type: 'string', default: '5000' },
    readers: { type: 'string', default: '5' },
  },
});
const count = Number(options.sockets);
const readers = Number(options.readers);
/** Two pings of the edge. */
const idleMs = 45_000;
/** More than kernels keep between two processes of one machine. */
const pace = { words: 160, everyMs: 30, characters: 100_000 };

/** What a process of either side has open beside the sockets. */
const otherFiles = 200;
const filesMax = (): number => {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
};
if (filesMax() < count + otherFiles) {
  remark(
    `${count} sockets take ${count + otherFiles} open files on either side, and a process may have ${filesMax()} here.
Raise it before (\`ulimit -n ${count + otherFiles}\`, as root or by LimitNOFILE= and the like where it is refused), or
ask for fewer: npm run proof:sockets -- --sockets ${Math.max(1, filesMax() - otherFiles)}`,
  );
  process.exit(2);
}

type Frame = { op?: string; seq?: number; event?: { type: string; delta?: string } };

const questions = openQuestions();
await using ground = await startGround({ ...pace, question: questions.beginning });
const { journey, person } = ground;
const healthPort = await freePort();
const edge = await anotherEdge(journey, { ...inspectable, HEALTH_PORT: String(healthPort) });
using inside = await inspect(join(journey.home, 'logs', `${edge.process.name}.log`));

const open = async (): Promise<{ socket: WebSocket; frames: Frame[]; send(frame: object): void }> => {
  const headers = { authorization: `Bearer ${person.token}` };
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/v1/agent`, ['agui.v1'], { headers });
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return { socket, frames, send: (frame) => socket.send(JSON.stringify(frame)) };
};
type Opened = Awaited<ReturnType<typeof open>>;
/** A hundred at a time, as fast as they are let in. */
const openMany = async (wanted: number): Promise<Opened[]> => {
  const all: Opened[] = [];
  while (all.length < wanted)
    all.push(...(await Promise.all(Array.from({ length: Math.min(100, wanted - all.length) }, open))));
  return all;
};
const gauge = async (name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};
const close = async (sockets: readonly Opened[]): Promise<void> => {
  const closed = sockets.map(({ socket }) => once(socket, 'close'));
  for (const { socket } of sockets) socket.close();
  await Promise.all(closed);
  await until('the gauge to be back', async () => (await gauge('ws_connections')) === 0, 30_000);
};

const idle = async () => {
  // What is compiled once, and tables that grew to hold as many, are not what sockets cost; what stays each time is.
  await close(await openMany(count));
  const before = await inside.memory();
  const sockets = await openMany(count);
  const during = await inside.memory();
  remark(`${count} sockets are open; they are left alone for ${idleMs / 1_000} s`);
  await sleep(idleMs);
  const left = await gauge('ws_connections');
  const asked = performance.now();
  for (const { send } of sockets) send({ op: 'ping' });
  const answered = () => sockets.filter(({ frames }) => frames.some(({ op }) => op === 'pong')).length;
  await until('every pong', () => answered() === sockets.length, 60_000).catch(() => undefined);
  const pongMs = performance.now() - asked;
  const pongs = answered();
  await close(sockets);
  const after = await inside.memory();
  return { before, during, after, left, pongs, pongMs };
};

/** Asks, reads nothing for as long as it takes to be sent away, and then comes back for the rest. */
const stall = async (): Promise<{ lost: number; twice: number }> => {
  const runId = crypto.randomUUID();
  const first = await open();
  // Of those that are not back soon after, the edge ends the connection: then no code comes.
  const closed = once(first.socket, 'close');
  first.socket.pause();
  const messages = [{ id: 'question', role: 'user', content: questions.next() }];
  const input = { threadId: runId, runId, messages, tools: [], context: [], protocolVersion: '1.0' };
  first.send({ op: 'run', input });
  await released;
  first.socket.resume();
  await closed;
  const told = first.frames.filter(({ event }) => event);
  const next = await open();
  next.send({ op: 'resume', runId, threadId: runId, after: told.at(-1)?.seq ?? 0 });
  const isEnd = ({ event }: Frame): boolean => ['RUN_FINISHED', 'RUN_ERROR'].includes(event?.type ?? '');
  await until('the end of a run', () => next.frames.some(isEnd), 60_000);
  next.socket.close();
  const all = [...told, ...next.frames.filter(({ event }) => event)];
  const text = all.map(({ event }) => event?.delta ?? '').join('');
  const words = new Set(numbersIn(text));
  return {
    lost: pace.words - words.size,
    twice: all.length - new Set(all.map(({ seq }) => seq)).size,
  };
};
const { promise: released, resolve: release } = Promise.withResolvers<void>();

const slow = async () => {
  const before = await inside.memory();
  const stalling = Array.from({ length: readers }, stall);
  let [heap, rss, unread, sentAway] = [0, 0, 0, 0];
  await until(
    'every reader to be sent away',
    async () => {
      const { heapUsed, rss: resident } = await inside.memory();
      heap = Math.max(heap, heapUsed - before.heapUsed);
      rss = Math.max(rss, resident - before.rss);
      unread = Math.max(unread, await gauge('ws_unread_bytes'));
      sentAway = await gauge('ws_closes_total{code="1013"');
      return sentAway >= readers;
    },
    120_000,
  );
  release();
  return { heap, rss, unread, sentAway, ended: await Promise.all(stalling) };
};

const kib = (bytes: number): string => `${(bytes / 1_024).toFixed(1)} KiB`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const { before, during, after, left, pongs, pongMs } = await idle();
const growth = after.heapUsed / before.heapUsed - 1;
remark(`${readers} readers ask for ${mib(pace.words * pace.characters)} each and read none of it`);
const { heap, rss, unread, sentAway, ended } = await slow();
const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);
const lost = sum(ended.map((one) => one.lost));
const twice = sum(ended.map((one) => one.twice));

process.stdout.write(
  `\n${table(
    ['sockets that say nothing', ''],
    [
      ['open at once', String(count)],
      ['heap of the edge for each', kib((during.heapUsed - before.heapUsed) / count)],
      ['resident memory of the edge for each', kib((during.rss - before.rss) / count)],
      [`still open after ${idleMs / 1_000} s and two pings of the edge`, String(left)],
      ['pings of theirs answered', `${pongs}, the last after ${pongMs.toFixed(0)} ms`],
      ['gauge after they closed', '0'],
      ['heap after they closed, beside before', `${growth < 0 ? '' : '+'}${(growth * 100).toFixed(1)} %`],
    ],
  )}\n\n${table(
    ['readers that stop reading', ''],
    [
      ['at once', String(readers)],
      ['told to each', mib(pace.words * pace.characters)],
      ['waiting in their sockets, at most, for each', mib(unread / readers)],
      ['heap of the edge for each, at most', mib(heap / readers)],
      ['resident memory of the edge for each, at most', mib(rss / readers)],
      ['sent away with 1013', String(sentAway)],
      ['words lost, events told twice, once they came back', `${lost}, ${twice}`],
    ],
  )}\n`,
);
const fine = left === count && pongs === count && Math.abs(growth) < 0.1;
process.exitCode = fine && sentAway === readers && lost === 0 && twice === 0 ? 0 : 1;
