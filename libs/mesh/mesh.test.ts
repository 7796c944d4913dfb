import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answering, register } from '@jangada/runtime/registration.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { balancer } from './balance.ts';
import { openCalls } from './call.ts';
import { discover, type Instance, openRegistry } from './registry.ts';

let dir: string;
let nats: NatsServer;
let asker: NatsConnection;
/** What a test has open. */
const opened: AsyncDisposable[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-mesh-'));
  nats = await startNats({ dir });
  asker = await connect({ servers: nats.url, inboxPrefix: '_INBOX_asker' });
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(async () => {
  await asker.close();
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

const well: Answering = { ready: true, breaker: 'closed', inFlight: 0 };

/** An instance with a connection and an HTTP port of its own, which answers by its port, or never. */
const start = async (
  name: string,
  own: { weight?: number; host?: string; doing?: () => Answering; never?: boolean } = {},
): Promise<{ port: number; nc: NatsConnection; calls(): number }> => {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    if (!own.never) response.end(String(port));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const nc = await connect({ servers: nats.url, reconnect: false });
  await register(nc, {
    ...{ name, version: '1.2.3', host: own.host ?? '127.0.0.1', port: String(port), weight: own.weight ?? 1 },
    doing: async () => own.doing?.() ?? well,
    status: { subject: 'status', answer: async () => JSON.stringify({ name }) },
  });
  await nc.flush();
  const close = async () => {
    await nc.close();
    server.closeAllConnections();
    server.close();
  };
  opened.push({ [Symbol.asyncDispose]: close });
  return { port, nc, calls: () => calls };
};

const found = (name?: string) => discover(asker, name, 300);

describe('the registry', () => {
  test('lists each instance with where it is, its release, weight and state', async () => {
    expect(await found()).toEqual([]);
    const one = await start('users', { weight: 3, doing: () => ({ ...well, inFlight: 7 }) });
    await start('orders', { host: '0.0.0.0' });
    expect(await found('users')).toEqual([
      {
        id: expect.stringMatching(/^\w{22}$/),
        ...{ name: 'users', version: '1.2.3', host: '127.0.0.1', port: one.port, weight: 3 },
        ...{ healthCheckPath: '/v1/health', url: `http://127.0.0.1:${one.port}` },
        startedAt: expect.stringMatching(/^\d{4}-/),
        ...{ ready: true, breaker: 'closed', inFlight: 7 },
      },
    ]);
    expect((await found()).map(({ name }) => name)).toEqual(['orders', 'users']);
    // Where it listens everywhere, it says where others reach it.
    expect((await found('orders'))[0]?.host).not.toBe('0.0.0.0');
  });

  test('is heard on the subject where everybody is asked, by inboxes only', async () => {
    const { nc } = await start('users');
    expect((await asker.request('status', '')).json()).toEqual({ name: 'users' });
    const overheard: string[] = [];
    asker.subscribe('meant.for.others', { callback: (_error, { subject }) => void overheard.push(subject) });
    asker.publish('status', '', { reply: 'meant.for.others' });
    await asker.request('status', '');
    await nc.flush();
    expect(overheard).toEqual([]);
  });

  test('loses who dies at once, and keeps in rotation who misses one look', async () => {
    const [one, two] = [await start('users'), await start('users')];
    using registry = await openRegistry(asker, { everyMs: 600_000, withinMs: 300 });
    const ports = () => registry.ready('users').map(({ port }) => port);
    expect(ports().toSorted()).toEqual([one.port, two.port].toSorted());
    await one.nc.close();
    expect((await found('users')).map(({ port }) => port)).toEqual([two.port]);
    await registry.look();
    expect(ports()).toHaveLength(2);
    await registry.look();
    expect(ports()).toEqual([two.port]);
  });

  test('gives no calls to who is not ready or whose breaker is open', async () => {
    const state: { -readonly [key in keyof Answering]: Answering[key] } = { ...well };
    await start('users', { doing: () => state });
    using registry = await openRegistry(asker, { everyMs: 600_000, withinMs: 300 });
    const count = async () => {
      await registry.look();
      return registry.ready('users').length;
    };
    expect(await count()).toBe(1);
    state.ready = false;
    expect(await count()).toBe(0);
    Object.assign(state, { ready: true, breaker: 'open' });
    expect(await count()).toBe(0);
  });
});

describe('balancing', () => {
  const instance = (id: string, own: Partial<Instance> = {}): Instance => ({
    ...{ id, name: 'users', version: '1.0.0', host: 'h', port: 1, healthCheckPath: '/', url: '', weight: 1 },
    ...{ startedAt: '', ready: true, breaker: 'closed', inFlight: 0 },
    ...own,
  });
  const chosen = (of: ReturnType<typeof balancer>, instances: readonly Instance[], times: number) =>
    Array.from({ length: times }, () => of.choose(instances)?.id).join('');

  test('round robin gives each as many, whoever comes or goes', () => {
    const of = balancer('round robin');
    const three = [instance('c'), instance('a'), instance('b')];
    expect(chosen(of, three, 6)).toBe('abcabc');
    expect(chosen(of, [...three, instance('d')], 2)).toBe('da');
    expect(chosen(of, [instance('a'), instance('c')], 3)).toBe('cac');
  });

  test('by weight 3 and 1 gives three of four, and not at the end', () => {
    expect(chosen(balancer('weighted'), [instance('a', { weight: 3 }), instance('b')], 8)).toBe('aabaaaba');
  });

  test('least connections avoids who is busy, by its own word or because of calls that are not back', () => {
    const of = balancer('least connections');
    const [a, b] = [instance('a', { inFlight: 2 }), instance('b')];
    expect(chosen(of, [a, b], 2)).toBe('bb');
    expect(chosen(of, [a, b], 2)).toBe('ab');
    of.release(b);
    of.release(b);
    expect(chosen(of, [a, b], 1)).toBe('b');
  });

  test.each(['round robin', 'weighted', 'least connections'] as const)(
    '%s chooses nobody of nobody',
    (strategy) => {
      expect(balancer(strategy).choose([])).toBeUndefined();
    },
  );
});

describe('a call', () => {
  const caller = async () => {
    const registry = await openRegistry(asker, { everyMs: 600_000, withinMs: 300 });
    opened.push({ [Symbol.asyncDispose]: async () => registry[Symbol.dispose]() });
    return openCalls(registry, openMetrics('test'));
  };
  const portAt = async (url: string, signal: AbortSignal): Promise<string> =>
    (await fetch(url, { signal })).text();

  test('goes to one instance after the other', async () => {
    const instances = [await start('users'), await start('users')];
    const call = await caller();
    const options = { timeoutMs: 5_000, retries: 0 };
    for (let n = 0; n < 4; n++) expect(await call('users', portAt, options)).toMatchObject({ stale: false });
    expect(instances.map((one) => one.calls())).toEqual([2, 2]);
  });

  test('that takes too long is tried again elsewhere', async () => {
    await start('users', { never: true });
    const { port } = await start('users');
    const call = await caller();
    const told = await Promise.all(
      [1, 2].map(() =>
        call('users', portAt, { timeoutMs: 2_000, retries: 3, strategy: 'least connections' }),
      ),
    );
    expect(told.map(({ value }) => value)).toEqual([String(port), String(port)]);
  });

  test('that fails each time ends after its retries with what is known from before, marked as stale', async () => {
    const slow = await start('users', { never: true });
    const call = await caller();
    const answered = await call('users', portAt, {
      timeoutMs: 50,
      retries: 3,
      fallback: () => 'from before',
    });
    expect(answered).toMatchObject({ value: 'from before', stale: true });
    expect(answered.asked).toHaveLength(4);
    await until('all four attempts', () => slow.calls() === 4);
    // The next failure opens the breaker, and the one after it asks nobody.
    const failing = { timeoutMs: 50, retries: 3 };
    await expect(call('users', portAt, failing)).rejects.toThrow();
    expect(await call('users', portAt, { ...failing, fallback: () => 'x' })).toMatchObject({ asked: [] });
  });

  test('of a service that nobody runs says which', async () => {
    const call = await caller();
    await expect(call('nobody', portAt, { timeoutMs: 50, retries: 0 })).rejects.toThrow(
      'nobody is not available',
    );
  });
});
