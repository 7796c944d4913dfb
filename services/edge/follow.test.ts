import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { headers } from '@jangada/proto/envelope.ts';
import type { Part } from '@jangada/proto/reply.ts';
import { type Bus, openBus } from '@jangada/runtime/bus.ts';
import { publishReply } from '@jangada/runtime/emit.ts';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Follower, openFollower, type Told } from './follow.ts';
import { bodies, openTeller, startBroker } from './test-broker.ts';

const tenant = 'clinic';
const onForeign = vi.fn();
let dir: string;
let broker: Awaited<ReturnType<typeof startBroker>>;
let edge: Bus;
let teller: Awaited<ReturnType<typeof openTeller>>;
let follower: Follower;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-follow-'));
  broker = await startBroker(dir);
  edge = await openBus('edge', { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed });
  teller = await openTeller(broker);
});
afterAll(async () => {
  await Promise.all([edge?.close(), teller?.bus.close()]);
  await broker?.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  follower = openFollower(edge.nc, bodies, onForeign);
});
afterEach(() => {
  follower.close();
  onForeign.mockClear();
});

const text = (words: string): Part => ({ type: 'text', attempt: 1, text: words });
const cancelled: Part = { type: 'cancelled' };
let count = 0;
const newRun = () => `run-${count++}-${crypto.randomUUID()}`;
const tell = (run: string, key: string, ...parts: Part[]) =>
  publishReply(teller, { tenant, id: run, pass: undefined, traceparent: '' }, key, parts);
const follow = (run: string, patienceMs = 30_000) =>
  follower.follow({ tenant, run, until: Date.now() + patienceMs, locale: 'en' });
const words = (told: readonly Told[]) =>
  told.flatMap(({ parts }) => parts.map((part) => (part.type === 'text' ? part.text : part.type)));

test('a fresh run is followed live to its end, and nothing of it stays', async () => {
  const run = newRun();
  const following = follow(run);
  const told = Array.fromAsync(following);
  await edge.nc.flush();
  await tell(run, '1', text('a'));
  await tell(run, '2', text('b'), cancelled);
  expect(words(await told)).toEqual(['a', 'b', 'cancelled']);
  expect([follower.count(), following.stopped()]).toEqual([0, false]);
});

test('what was told before is caught up with, and joined to what comes, each once and in order', async () => {
  const run = newRun();
  for (let index = 0; index < 150; index++) await tell(run, `${index}`, text(`${index}`));
  const following = follow(run);
  following.catchUp();
  const told = Array.fromAsync(following);
  for (let index = 150; index < 300; index++) await tell(run, `${index}`, text(`${index}`));
  await tell(run, 'end', cancelled);
  const expected = Array.from({ length: 300 }, (_, index) => `${index}`);
  expect(words(await told)).toEqual([...expected, 'cancelled']);
});

test('a follower that missed the first reply sees the gap at the second and fetches both', async () => {
  const run = newRun();
  await tell(run, '1', text('missed'));
  const told = Array.fromAsync(follow(run));
  await edge.nc.flush();
  await tell(run, '2', text('heard'), cancelled);
  expect(words(await told)).toEqual(['missed', 'heard', 'cancelled']);
});

test('a last reply that was missed leaves no gap to see, and is found by polling', async () => {
  const run = newRun();
  await tell(run, '1', text('all'), cancelled);
  expect(words(await Array.fromAsync(follow(run)))).toEqual(['all', 'cancelled']);
});

test('a slow reader gets everything although only a bounded number of replies waits for it', async () => {
  const run = newRun();
  const following = follow(run);
  await edge.nc.flush();
  for (let index = 0; index < 400; index++) await tell(run, `${index}`, text(`${index}`));
  await tell(run, 'end', cancelled);
  const told: Told[] = [];
  for await (const one of following) {
    told.push(one);
    await new Promise(setImmediate);
  }
  expect(words(told)).toEqual([...Array.from({ length: 400 }, (_, index) => `${index}`), 'cancelled']);
});

test('a slow reader is not told that its run failed because it reads longer than a run may take', async () => {
  const run = newRun();
  const long = 'x'.repeat(300_000);
  for (let index = 0; index < 8; index++) await tell(run, `${index}`, text(long));
  await tell(run, 'end', cancelled);
  const following = follow(run, 1);
  following.catchUp();
  // Two looks of the follower, at both of which there is no room: four of these are more than may wait.
  await sleep(2_500);
  expect(words(await Array.fromAsync(following))).toEqual([...Array(8).fill(long), 'cancelled']);
});

test('a run without an end is ended with a failure when its time is over', async () => {
  const [told] = await Array.fromAsync(follow(newRun(), 0));
  expect(told?.parts).toMatchObject([{ type: 'failed', code: 'UPSTREAM_UNAVAILABLE' }]);
});

const place = { tenant, message: 'reply', version: '1', head: '' };
test.each<[string, number, (run: string) => string | Uint8Array]>([
  [
    'says what is no part',
    0,
    (id) => bodies.seal({ ...place, id, subject: `reply.${tenant}.${id}` }, '{"parts":[{"type":"shout"}]}'),
  ],
  ['is not sealed', 1, () => JSON.stringify({ parts: [text('anybody'), cancelled] })],
  [
    'was sealed for another run',
    1,
    (id) =>
      bodies.seal(
        { ...place, id: 'other', subject: `reply.${tenant}.other` },
        JSON.stringify({ parts: [text(id), cancelled] }),
      ),
  ],
  [
    'was sealed for another tenant',
    1,
    (id) =>
      bodies.seal(
        { ...place, id, tenant: 'other', subject: `reply.other.${id}` },
        JSON.stringify({ parts: [text('somebody else’s'), cancelled] }),
      ),
  ],
])(
  'a reply that %s ends the run with a failure instead of going on without it',
  async (_what, foreign, write) => {
    const run = newRun();
    const told = Array.fromAsync(follow(run));
    await edge.nc.flush();
    await teller.bus.publish(`reply.${tenant}.${run}`, write(run), { [headers.schema]: '1' });
    expect((await told)[0]?.parts).toMatchObject([{ type: 'failed', code: 'INTERNAL' }]);
    // What is foreign is counted, by its ids; what is merely wrong is not.
    expect(onForeign.mock.calls).toEqual(Array(foreign).fill([{ id: run, tenant }]));
  },
);

test('what the broker was made to put among the replies is passed over', async () => {
  const run = newRun();
  const told = Array.fromAsync(follow(run));
  await edge.nc.flush();
  await tell(run, '1', text('one '));
  teller.bus.nc.publish(`run.refused.${tenant}.${run}`, '', { reply: `reply.${tenant}.${run}` });
  await teller.bus.nc.flush();
  await tell(run, '2', text('two'), cancelled);
  expect(words(await told)).toEqual(['one ', 'two', 'cancelled']);
});

test('stopping ends the wait of a reader at once', async () => {
  const following = follow(newRun());
  const told = Array.fromAsync(following);
  following.stop();
  expect([await told, following.stopped()]).toEqual([[], true]);
  expect(follower.count()).toBe(0);
});

test('closing gives every run that is still followed a last word, as one of its own', async () => {
  const told = Promise.all([1, 2, 3].map(() => Array.fromAsync(follow(newRun()))));
  follower.close();
  const failed = { type: 'failed', code: 'DRAINING' };
  expect((await told).flat()).toMatchObject(Array(3).fill({ parts: [failed], ours: true }));
});

test('the end of a run arrives although the broker died before it was told', async () => {
  const run = newRun();
  const told = Array.fromAsync(follow(run));
  await edge.nc.flush();
  await tell(run, '1', text('before '));
  await broker.kill();
  await broker.restart();
  await tell(run, '2', text('after'), cancelled);
  expect(words(await told)).toEqual(['before ', 'after', 'cancelled']);
  await until('the follower to let go', () => follower.count() === 0);
});
