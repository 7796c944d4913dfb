import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@jangada/servers/redis.ts';
import type { Server } from '@jangada/servers/server.ts';
import { type Metrics, openMetrics } from '@jangada/telemetry/metrics.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Cache, type Key, openCache } from './cache.ts';

const encryptionKey = randomBytes(32);
const space = { name: 'rows', maxBytes: 1_000_000 };
const asked: Key = { tenant: 'casa', space, scope: 'tenant:', rules: 'clinic@1.0.0', plan: 'clients' };
const rows = [{ name: 'Ana Lima', phone: '+55 11 90000-0010' }];

let dir: string;
let server: Server;
let redis: Redis;
const opened: Cache[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-cache-'));
  server = await startRedis({ dir });
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await redis.flushall();
});
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache[Symbol.asyncDispose]();
});

/** One instance of a service: its own memory, the shared Redis, a clock that the test moves. */
const instance = async (own: { key?: Buffer; clock?: { now: number } } = {}) => {
  const metrics = openMetrics('test');
  const clock = own.clock ?? { now: Date.now() };
  const cache = openCache(
    { REDIS_URL: server.url, ENCRYPTION_KEY: own.key ?? encryptionKey },
    metrics,
    () => clock.now,
  );
  opened.push(cache);
  await vi.waitFor(() => cache.ping());
  const load = vi.fn(() => Promise.resolve(rows as unknown));
  const ask = async (key: Partial<Key> = {}, ttl = 3_600) =>
    (await cache.through({ ...asked, ...key }, ttl, load)).cached;
  return { cache, metrics, clock, load, ask, found: () => found(metrics) };
};

const found = async (metrics: Metrics) => {
  const text = await metrics.text();
  const count = (name: string) =>
    Number(new RegExp(`^${name}(?:,|\\{)[^}]*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    local: Number(/^cache_hits_total\{tier="local",service="test"\} (\d+)$/m.exec(text)?.[1] ?? 0),
    redis: Number(/^cache_hits_total\{tier="redis",service="test"\} (\d+)$/m.exec(text)?.[1] ?? 0),
    misses: count('cache_misses_total'),
  };
};

/** Names of the entries in Redis; what is written there is written after the answer was given. */
const entries = async (count: number): Promise<string[]> =>
  vi.waitFor(async () => {
    const names = (await redis.keys('tenant:*')).filter((name) => !name.endsWith(':generation'));
    expect(names).toHaveLength(count);
    return names;
  });

describe('three reads', () => {
  test('miss, then hit memory, then hit Redis from another instance, and are counted so', async () => {
    const one = await instance();
    expect(await one.ask()).toBe(false);
    expect(await one.found()).toEqual({ local: 0, redis: 0, misses: 1 });
    expect(await one.ask()).toBe(true);
    expect(await one.found()).toEqual({ local: 1, redis: 0, misses: 1 });
    await entries(1);

    const other = await instance();
    expect(await other.ask()).toBe(true);
    expect(await other.found()).toEqual({ local: 0, redis: 1, misses: 0 });
    expect(other.load).not.toHaveBeenCalled();
    expect(await other.ask()).toBe(true);
    expect(await other.found()).toEqual({ local: 1, redis: 1, misses: 0 });
  });

  test('give what was loaded, from each tier alike', async () => {
    const one = await instance();
    await one.ask();
    await entries(1);
    const other = await instance();
    for (const { cache, load } of [one, other, other])
      expect((await cache.through(asked, 60, load)).value).toEqual(rows);
  });
});

describe('time', () => {
  const hour = 3_600;

  test('in Redis is the whole of what was asked for', async () => {
    const one = await instance();
    await one.ask({}, hour);
    const [name = ''] = await entries(1);
    expect(await redis.ttl(name)).toBeGreaterThan(hour - 5);
    expect(await redis.ttl(name)).toBeLessThanOrEqual(hour);
  });

  test('in memory ends after 300 s, while Redis still has it', async () => {
    const one = await instance();
    await one.ask({}, hour);
    await entries(1);
    one.clock.now += 299_000;
    await one.ask({}, hour);
    expect(await one.found()).toEqual({ local: 1, redis: 0, misses: 1 });
    one.clock.now += 2_000;
    await one.ask({}, hour);
    expect(await one.found()).toEqual({ local: 1, redis: 1, misses: 1 });
  });

  test('in memory ends after 300 s again for what came back from Redis', async () => {
    const one = await instance();
    await one.ask({}, hour);
    await entries(1);
    const other = await instance();
    await other.ask({}, hour);
    other.clock.now += 301_000;
    await other.ask({}, hour);
    expect(await other.found()).toEqual({ local: 0, redis: 2, misses: 0 });
  });

  test('is over in both when it is shorter, also for what came back from Redis late', async () => {
    const one = await instance();
    await one.ask({}, 60);
    await entries(1);
    const other = await instance({ clock: { now: one.clock.now + 50_000 } });
    expect(await other.ask({}, 60)).toBe(true);
    other.clock.now += 11_000;
    expect(await other.ask({}, 60)).toBe(false);
  });
});

test('what is loaded anew though it is there stays for all of its time, and is neither a hit nor a miss', async () => {
  const { cache, clock, ask, found, load } = await instance();
  expect(await ask()).toBe(false);
  clock.now += 1_800_000;
  const before = await found();
  const anew = [{ name: 'Ana Lima', phone: null }];
  expect(await cache.renew(asked, 3_600, () => Promise.resolve(anew))).toEqual({
    value: anew,
    cached: false,
  });
  expect(await found()).toEqual(before);
  clock.now += 3_500_000;
  const other = await instance({ clock });
  expect(await cache.through(asked, 3_600, load)).toMatchObject({ value: anew, cached: true });
  expect(await other.ask()).toBe(true);
});

describe('an entry', () => {
  test.each<[string, Partial<Key>]>([
    ['tenant', { tenant: 'other' }],
    ['scope', { scope: 'own:cli-1' }],
    ['rules', { rules: 'clinic@1.0.1' }],
    ['plan', { plan: 'appointments' }],
  ])('is not found under another %s', async (_part, other) => {
    const one = await instance();
    await one.ask();
    expect(await one.ask(other)).toBe(false);
    expect(await one.ask()).toBe(true);
    await entries(2);
  });

  test('is not found by shifting text from one part of the key to the next', async () => {
    const one = await instance();
    await one.ask({ scope: 'a', rules: 'bc' });
    expect(await one.ask({ scope: 'ab', rules: 'c' })).toBe(false);
  });

  test('is loaded once however many ask for it at once', async () => {
    const one = await instance();
    const gate = Promise.withResolvers<unknown>();
    one.load.mockReturnValueOnce(gate.promise);
    const answers = Array.from({ length: 50 }, () => one.ask());
    await vi.waitFor(() => expect(one.load).toHaveBeenCalled());
    gate.resolve(rows);
    await Promise.all(answers);
    expect(one.load).toHaveBeenCalledOnce();
  });

  test('that fails to load fails for who asked, and is loaded again for the next', async () => {
    const one = await instance();
    one.load.mockRejectedValueOnce(new Error('database is away'));
    await expect(one.ask()).rejects.toThrow('database is away');
    expect(await one.ask()).toBe(false);
    expect(await one.ask()).toBe(true);
  });
});

describe('forgetting a tenant', () => {
  test('empties both tiers of it, and nobody else’s', async () => {
    const one = await instance();
    await one.ask();
    await one.ask({ tenant: 'other' });
    await entries(2);
    await one.cache.forget('casa');
    expect(await one.ask()).toBe(false);
    expect(await one.ask({ tenant: 'other' })).toBe(true);
  });

  test('reaches the memory of another instance with its next look into Redis', async () => {
    const [one, other] = [await instance(), await instance()];
    await one.ask();
    await entries(1);
    await other.ask();
    await one.cache.forget('casa');
    await other.ask({ plan: 'anything else' });
    expect(await other.ask()).toBe(false);
  });

  test('reaches every instance that hears of the change, whoever tells Redis last', async () => {
    const [one, other] = [await instance(), await instance()];
    await one.ask();
    await entries(1);
    await other.ask();
    await Promise.all([one.cache.forget('casa'), other.cache.forget('casa')]);
    for (const { cache, load } of [one, other]) {
      load.mockResolvedValue(['new rows']);
      expect((await cache.through(asked, 60, load)).value).toEqual(['new rows']);
    }
  });

  test('is not undone by an answer that was being loaded meanwhile', async () => {
    const one = await instance();
    const gate = Promise.withResolvers<unknown>();
    one.load.mockReturnValueOnce(gate.promise);
    const before = one.ask();
    await vi.waitFor(() => expect(one.load).toHaveBeenCalled());
    await one.cache.forget('casa');
    // Who asks now is not handed what was begun before the change.
    expect(await one.ask({}, 60)).toBe(false);
    gate.resolve(['old rows']);
    await before;
    expect((await one.cache.through(asked, 60, one.load)).value).toEqual(rows);
    const other = await instance();
    expect((await other.cache.through(asked, 60, other.load)).value).toEqual(rows);
  });

  test('is not undone by what Redis was answering meanwhile', async () => {
    const one = await instance();
    await one.ask();
    await entries(1);
    const other = await instance();
    const asking = other.ask();
    await other.cache.forget('casa');
    expect(await asking).toBe(false);
  });

  test('is not undone when Redis loses what it knew', async () => {
    const one = await instance();
    await one.ask();
    await entries(1);
    await one.cache.forget('casa');
    await redis.flushall();
    await one.ask({ plan: 'anything else' });
    expect(await one.ask()).toBe(false);
  });
});

describe('without Redis', () => {
  afterEach(async () => {
    await server.restart();
    await vi.waitFor(() => redis.ping());
  });

  test('an answer is a miss, given within 300 ms, and never a fault', async () => {
    const one = await instance();
    await server.stop();
    for (const plan of ['first', 'second', 'third']) {
      const started = performance.now();
      expect(await one.ask({ plan })).toBe(false);
      expect(performance.now() - started).toBeLessThan(300);
    }
  });

  test('a server that accepts and never answers costs no more', async () => {
    const one = await instance();
    process.kill(server.pid, 'SIGSTOP');
    const started = performance.now();
    expect(await one.ask()).toBe(false);
    expect(performance.now() - started).toBeLessThan(400);
    process.kill(server.pid, 'SIGCONT');
  });

  test('it is used again once it is back', async () => {
    const one = await instance();
    await server.stop();
    await one.ask();
    await server.restart();
    await vi.waitFor(() => one.cache.ping());
    await one.ask();
    await entries(1);
    const other = await instance();
    expect(await other.ask()).toBe(true);
  });

  test('a tenant is forgotten all the same, and stays so when Redis with its old entries is back', async () => {
    const one = await instance();
    await one.ask();
    await entries(1);
    await redis.config('SET', 'min-replicas-to-write', '1');
    await one.cache.forget('casa');
    await redis.config('SET', 'min-replicas-to-write', '0');
    one.load.mockResolvedValue(['new rows']);
    expect(await one.cache.through(asked, 60, one.load)).toEqual({ value: ['new rows'], cached: false });
    await one.cache.ping();
    const other = await instance();
    expect(await other.cache.through(asked, 60, other.load)).toMatchObject({
      value: ['new rows'],
      tier: 'redis',
    });
  });
});

describe('a space', () => {
  const small = { name: 'small', maxBytes: 5_000 };
  const text = randomBytes(375).toString('hex');
  const fill = async (cache: Cache, plan: string, own: Partial<Key> = {}, value: unknown = text) => {
    await cache.through({ ...asked, space: small, ...own, plan }, 3_600, () => Promise.resolve(value));
    // What is put goes out before what is asked after it.
    await cache.ping();
  };
  const bytesIn = async (pattern: string): Promise<number> => {
    const names = await redis.keys(pattern);
    return (await Promise.all(names.map((name) => redis.strlen(name)))).reduce((sum, one) => sum + one, 0);
  };

  test('is bounded in bytes: the least recently used go first, of no other space and no other tenant', async () => {
    const { cache, clock, metrics } = await instance();
    await cache.through(asked, 60, () => Promise.resolve(text));
    await fill(cache, 'theirs', { tenant: 'other' });
    for (const plan of ['first', 'second', 'third', 'fourth', 'fifth']) {
      clock.now += 1;
      await fill(cache, plan);
    }
    expect(await redis.keys('tenant:casa:small:*')).toHaveLength(5);
    clock.now += 1;
    const reader = await instance({ clock });
    await fill(reader.cache, 'first');
    expect((await reader.found()).redis).toBe(1);
    clock.now += 1;
    for (const plan of ['sixth', 'seventh']) await fill(cache, plan);
    expect(await bytesIn('tenant:casa:small:*')).toBeLessThanOrEqual(small.maxBytes);
    expect(await redis.keys('tenant:casa:small:*')).toHaveLength(5);
    expect(await metrics.text()).toMatch(/^cache_evicted_total\{space="small",service="test"\} 2$/m);
    const found: boolean[] = [];
    const later = await instance({ clock });
    for (const plan of ['first', 'second', 'third'])
      found.push((await later.cache.through({ ...asked, space: small, plan }, 60, later.load)).cached);
    expect(found).toEqual([true, false, false]);
    expect(await redis.keys('tenant:casa:rows:*')).toHaveLength(1);
    expect(await redis.keys('tenant:other:small:*')).toHaveLength(1);
  });

  test('keeps nothing that is larger than all of it', async () => {
    const { cache } = await instance();
    await fill(cache, 'first');
    await fill(cache, 'huge', {}, randomBytes(3_000).toString('hex'));
    expect(await redis.keys('tenant:casa:small:*')).toHaveLength(1);
  });

  test('does not count what is replaced twice, nor what is over', async () => {
    const { cache, clock } = await instance();
    const sizes = 'space:casa:small:sizes';
    await fill(cache, 'first');
    const once = Number(await redis.hget(sizes, 'total'));
    await redis.del(...(await redis.keys('tenant:casa:small:*')));
    await fill((await instance({ clock })).cache, 'first');
    expect(Number(await redis.hget(sizes, 'total'))).toBe(once);
    clock.now += 3_601_000;
    await fill(cache, 'second');
    expect(Number(await redis.hget(sizes, 'total'))).toBe(once);
  });

  test('goes on where Redis has lost what it counted', async () => {
    const { cache } = await instance();
    for (const plan of ['first', 'second', 'third', 'fourth', 'fifth']) await fill(cache, plan);
    await redis.del('space:casa:small:used');
    await fill(cache, 'sixth');
    await fill(cache, 'seventh');
    expect(Number(await redis.hget('space:casa:small:sizes', 'total'))).toBeLessThan(2_000);
  });
});

describe('in Redis', () => {
  test('nothing can be read of a value, nor of what was asked', async () => {
    const one = await instance();
    await one.ask({ scope: 'own:cli-1', plan: 'clients named Ana' });
    const [name = ''] = await entries(1);
    const value = (await redis.getBuffer(name))?.toString('latin1') ?? '';
    expect(value.length).toBeGreaterThan(28);
    expect(value).not.toMatch(/Ana|Lima|9000|name/);
    expect(name).not.toMatch(/cli-1|Ana|clients/);
  });

  test('the same value is never sealed twice alike', async () => {
    const one = await instance();
    await one.ask();
    const [name = ''] = await entries(1);
    const first = await redis.getBuffer(name);
    await one.cache.forget('casa');
    await redis.del(name);
    await one.ask();
    await entries(1);
    expect(await redis.getBuffer(name)).not.toEqual(first);
  });

  test('a value that was altered is a miss, at every place', async () => {
    const one = await instance();
    await one.ask();
    const [name = ''] = await entries(1);
    const sealed = (await redis.getBuffer(name)) ?? Buffer.alloc(0);
    for (const place of [0, 12, sealed.length >> 1, sealed.length - 1]) {
      const altered = Buffer.from(sealed);
      altered[place] = (altered[place] ?? 0) ^ 1;
      await redis.set(name, altered);
      const reader = await instance();
      expect(await reader.ask()).toBe(false);
      // What it loaded instead is written by now.
      await reader.cache.ping();
    }
    await redis.set(name, sealed);
    expect(await (await instance()).ask()).toBe(true);
  });

  test('a value that was moved to another name is a miss, and counted', async () => {
    const one = await instance();
    await one.ask({ scope: 'tenant:' });
    const [from = ''] = await entries(1);
    await one.ask({ scope: 'own:cli-1' });
    const to = (await entries(2)).find((name) => name !== from) ?? '';
    await redis.copy(from, to, 'REPLACE');
    const reader = await instance();
    expect(await reader.ask({ scope: 'own:cli-1' })).toBe(false);
    expect(await reader.metrics.text()).toMatch(/^cache_altered_total\S* 1$/m);
  });

  test('a value is a miss to who has another root key', async () => {
    const one = await instance();
    await one.ask();
    await entries(1);
    expect(await (await instance({ key: randomBytes(32) })).ask()).toBe(false);
  });
});
