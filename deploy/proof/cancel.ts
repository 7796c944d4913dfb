import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { until } from '@jangada/testkit/until.ts';
import { WebSocket } from 'ws';
import { remark, table } from '../cli/output.ts';
import { openQuestions, startGround } from './ground.ts';

/**
 * `npm run proof:cancel`: from the moment at which somebody asks one edge to cancel a run until its last event is at the
 * socket of another, while the database does not answer or the model does not go on.
 */

const { values: options } = parseArgs({ options: { runs: { type: 'string', default: '100' } } });
const runs = Number(options.runs);
const p95MaxMs = 200;

interface Frame {
  readonly op?: string;
  readonly code?: string;
  readonly run?: string;
  readonly seq?: number;
  readonly event?: { readonly type: string; readonly outcome?: { readonly type: string } };
}
interface Cancelled {
  readonly ms: number;
  /** True when it ended as cancelled, and not as something else. */
  readonly cancelled: boolean;
}

const questions = openQuestions();
// A word, and then silence for as long as a model may be silent.
await using ground = await startGround({ question: questions.beginning, words: 2, everyMs: 4_500 });
const { journey, edges, model, person } = ground;
const [holder, other] = edges;
const headers = { authorization: `Bearer ${person.token}` };
const socket = new WebSocket(`${holder.url.replace('http', 'ws')}/v1/agent`, ['agui.v1'], { headers });
await once(socket, 'open');

/** Asks over the socket, waits until the run is where it should be, and cancels it at the other edge. */
const cancelWhen = async (isThere: (frames: readonly Frame[]) => Promise<unknown>): Promise<Cancelled> => {
  const runId = crypto.randomUUID();
  const frames: Frame[] = [];
  const ended = Promise.withResolvers<Cancelled>();
  let askedAt = 0;
  const hear = (data: unknown): void => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.op === 'error') ended.reject(new Error(`the edge refused: ${frame.code}`));
    if (frame.run !== runId) return;
    frames.push(frame);
    const { type = '', outcome } = frame.event ?? {};
    if (['RUN_FINISHED', 'RUN_ERROR'].includes(type))
      ended.resolve({ ms: performance.now() - askedAt, cancelled: outcome?.type === 'cancelled' });
  };
  socket.on('message', hear);
  const messages = [{ id: 'question', role: 'user', content: questions.next() }];
  const input = { threadId: runId, runId, messages, tools: [], context: [], protocolVersion: '1.0' };
  socket.send(JSON.stringify({ op: 'run', input }));
  await Promise.race([isThere(frames), ended.promise]);
  askedAt = performance.now();
  const response = await fetch(`${other.url}/v1/agui/assistant/runs/${runId}/cancel`, {
    method: 'POST',
    headers,
  });
  if (response.status !== 202) throw new Error(`cancel: HTTP ${response.status}`);
  const cancelled = await ended.promise;
  socket.off('message', hear);
  return cancelled;
};

const whileDatabaseWaits = async (): Promise<Cancelled> => {
  await using lock = await journey.lock('appointments');
  // Awaited here: the lock is held until then.
  return await cancelWhen(() => lock.caught('data-access'));
};
const whileModelIsSilent = (): Promise<Cancelled> =>
  cancelWhen((frames) => until('the first word', () => frames.some(({ seq }) => seq === 3)));

const measure = async (what: string, once: () => Promise<Cancelled>) => {
  remark(`${runs} runs are cancelled ${what}`);
  await once();
  const all: Cancelled[] = [];
  while (all.length < runs) all.push(await once());
  const times = all.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    what,
    p50: at(0.5),
    p95: at(0.95),
    most: at(1),
    cancelled: all.filter((one) => one.cancelled).length,
  };
};

const measured = [
  await measure('while the database does not answer', whileDatabaseWaits),
  await measure('while the model does not go on', whileModelIsSilent),
];
await until('the model to be let go', () => model.open() === 0);
socket.close();

const rows = measured.map(({ what, p50, p95, most, cancelled }) => [
  what,
  runs,
  cancelled,
  ...[p50, p95, most].map((ms) => ms.toFixed(1)),
]);
const heads = ['cancelled at another edge', 'runs', 'ended as cancelled', 'p50 ms', 'p95 ms', 'most ms'];
process.stdout.write(`\n${table(heads, rows)}\n`);
process.exitCode = measured.every(({ p95, cancelled }) => p95 <= p95MaxMs && cancelled === runs) ? 0 : 1;
