import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@jangada/servers/redis.ts';
import type { Server } from '@jangada/servers/server.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keysMax, knownCounts, sharedCounts } from './counts.ts';
import { type Limits, openLimits } from './limits.ts';
import { sharedPlaces } from './places.ts';
import type { LimitSettings, Who } from './policies.ts';

const secret = randomBytes(32);
const ana: Who = {
  tenant: 'clinic',
  user: 'ana',
  role: 'client',
  ip: '203.0.113.7',
  pack: 'aesthetic-clinic',
};
const bia: Who = { ...ana, user: 'bia' };

let dir: string;
let server: Server;
let redis: Redis;
const opened: Limits[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-limits-'));
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
  await until('Redis', () => redis.ping().catch(() => undefined));
  await redis.flushall();
});
afterEach(async () => {
  for (const limits of opened.splice(0)) await limits[Symbol.asyncDispose]();
});

/** One replica of a service. */
const replica = async (
  own: { settings?: LimitSettings; replicas?: number; clock?: { now: number } } = {},
) => {
  const metrics = openMetrics('test');
  const { clock } = own;
  const limits = openLimits({
    settings: { REDIS_URL: server.url, RATE_LIMIT_REPLICAS: own.replicas ?? 1, ...own.settings },
    secret,
    metrics,
    ...(clock ? { now: () => clock.now } : {}),
  });
  opened.push(limits);
  await until('the connection', () => limits.ping().catch(() => undefined));
  return Object.assign(limits, { metrics });
};

/** How many of so many uses at once are allowed. */
const allowedOf = async (count: number, use: () => Promise<{ allowed: boolean }>): Promise<number> =>
  (await Promise.all(Array.from({ length: count }, use))).filter(({ allowed }) => allowed).length;

describe('a name', () => {
  test('has one holder among all replicas, until it is given back, taken over or its lease is over', async () => {
    const [one, other] = [await replica(), await replica()];
    const claims = await Promise.all([one.claim('n', 'a', 60_000), other.claim('n', 'b', 60_000)]);
    expect(new Set(claims).size).toBe(1);
    const [holder = ''] = claims;
    const rival = holder === 'a' ? 'b' : 'a';
    expect(await one.claim('n', holder, 60_000)).toBe(holder);
    expect(await other.claim('n', rival, 60_000, 'nobody')).toBe(holder);
    await other.release('n', rival);
    expect(await other.holderOf('n')).toBe(holder);
    expect(await other.claim('n', rival, 60_000, holder)).toBe(rival);
    await other.release('n', rival);
    expect(await one.holderOf('n')).toBeUndefined();
    await one.claim('n', 'a', 1);
    await until('the lease to be over', async () => (await other.claim('n', 'b', 60_000)) === 'b');
    expect((await redis.keys('claim:*')).join()).not.toContain(':n');
  });

  test('has one holder at each replica while Redis is away', async () => {
    const clock = { now: 1_000_000 };
    const limits = openLimits({
      settings: { REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_REPLICAS: 1 },
      secret,
      metrics: openMetrics('test'),
      now: () => clock.now,
    });
    opened.push(limits);
    expect(await limits.claim('n', 'a', 1_000)).toBe('a');
    expect(await limits.claim('n', 'b', 1_000)).toBe('a');
    expect(await limits.holderOf('n')).toBe('a');
    expect(await limits.claim('n', 'b', 1_000, 'a')).toBe('b');
    await limits.release('n', 'b');
    expect(await limits.claim('n', 'c', 1_000)).toBe('c');
    clock.now += 1_001;
    expect(await limits.holderOf('n')).toBeUndefined();
  });
});

describe('shared by replicas', () => {
  test('the first use that a process counts is asked of Redis together with whatever else is', async () => {
    const together = new Redis(server.url, { enableAutoPipelining: true });
    const counts = sharedCounts(together);
    const [, count] = await Promise.all([together.get('else'), counts.add('first', 1_000, 1)]);
    expect(count.used).toBe(1);
    together.disconnect();
  });

  test('ten questions at one and ten at the other are all there is, and the next is refused at either', async () => {
    const [one, other] = [await replica(), await replica()];
    expect(await allowedOf(10, () => one.admit('ai', ana))).toBe(10);
    expect(await allowedOf(10, () => other.admit('ai', ana))).toBe(10);
    for (const limits of [one, other]) expect((await limits.admit('ai', ana)).allowed).toBe(false);
  });

  test('a crowd at once gets no more than the limit', async () => {
    const replicas = [await replica(), await replica(), await replica()];
    const round = async (user: string): Promise<number | undefined> => {
      const who = { ...ana, user };
      const allowed = await Promise.all(
        replicas.map((limits) => allowedOf(30, () => limits.admit('ai', who))),
      );
      // A process that is held up for a quarter of a second takes Redis for away, and counts alone.
      const figures = await Promise.all(replicas.map(({ metrics }) => metrics.text()));
      if (figures.some((text) => /^limits_local.* 1$/m.test(text))) return undefined;
      return allowed.reduce((sum, count) => sum + count, 0);
    };
    let user = 0;
    expect(await until('a crowd that Redis counts', () => round(`ana-${user++}`))).toBe(20);
  });

  test('one person at their limit costs nobody else anything', async () => {
    const limits = await replica();
    limits.change('ai-tenant', undefined, { max: 40 });
    const leftTo = async (who: Who): Promise<number | undefined> => {
      const { standings } = await limits.check('ai', who);
      return standings.find(({ policy }) => policy === 'ai-tenant')?.remaining;
    };
    // While the process is held up it takes Redis for away, and what it cannot give back stays counted: another tenant
    // is asked about then.
    const round = async (tenant: string): Promise<Who | undefined> => {
      await allowedOf(500, () => limits.admit('ai', { ...ana, tenant }));
      const who = { ...bia, tenant };
      await until('what was refused to be given back', async () => (await leftTo(who)) === 20, 2_000).catch(
        () => undefined,
      );
      return (await leftTo(who)) === 20 ? who : undefined;
    };
    let clinic = 0;
    const who = await until('a flood that Redis counts', () => round(`clinic-${clinic++}`));
    expect(await allowedOf(20, () => limits.admit('ai', who))).toBe(20);
  });

  test('all of a tenant together meet its cap, and another tenant does not', async () => {
    const limits = await replica();
    limits.change('ai-tenant', undefined, { max: 30 });
    expect(await allowedOf(20, () => limits.admit('ai', ana))).toBe(20);
    expect(await allowedOf(20, () => limits.admit('ai', bia))).toBe(10);
    expect((await limits.admit('ai', { ...ana, tenant: 'other' })).allowed).toBe(true);
  });

  test('a role has a budget of its own, multiplied as its pack says', async () => {
    const limits = await replica();
    limits.change('ai-role', undefined, { max: 30 });
    expect(await allowedOf(20, () => limits.admit('ai', ana))).toBe(15);
    expect(await allowedOf(20, () => limits.admit('ai', { ...bia, role: 'admin' }))).toBe(20);
  });

  test.each([
    ['ai', 20, 60],
    ['data', 50, 900],
    ['api', 100, 900],
  ] as const)('%s is %i in %i s for each person of the clinic', async (limited, max, windowSeconds) => {
    const limits = await replica();
    expect(await allowedOf(max, () => limits.admit(limited, ana))).toBe(max);
    const refused = await limits.admit(limited, ana);
    expect(refused.allowed).toBe(false);
    expect(refused.standings[0]).toMatchObject({ max, windowMs: windowSeconds * 1_000, remaining: 0 });
  });

  test('the public agent is limited by address and a tenant’s by person, as the settings say', async () => {
    const limits = await replica({
      settings: { PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS: 3, TENANT_AI_RATE_LIMIT_MAX_REQUESTS: 4 },
    });
    expect(await allowedOf(10, () => limits.admit('public', { ip: '198.51.100.1' }))).toBe(3);
    expect(await allowedOf(10, () => limits.admit('public', { ip: '198.51.100.2' }))).toBe(3);
    expect(await allowedOf(10, () => limits.admit('tenant', ana))).toBe(4);
    expect(await allowedOf(10, () => limits.admit('tenant', { ...ana, tenant: 'other' }))).toBe(4);
  });

  test('addresses of one IPv6 network are one, however they are written', async () => {
    const limits = await replica({ settings: { PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS: 1 } });
    const allowed = async (ip: string) => (await limits.admit('public', { ip })).allowed;
    expect(await allowed('2001:db8::1')).toBe(true);
    expect(await allowed('2001:0DB8:0:0:ffff::2')).toBe(false);
    expect(await allowed('2001:db8:0:1::1')).toBe(true);
    expect(await allowed('192.0.2.1')).toBe(true);
    expect(await allowed('::ffff:192.0.2.1')).toBe(false);
  });
});

describe('failures', () => {
  test('ten make the next attempt refused, and a hundred successes none', async () => {
    const limits = await replica();
    for (let attempt = 0; attempt < 100; attempt++)
      expect((await limits.check('signin', ana)).allowed).toBe(true);
    for (let attempt = 0; attempt < 10; attempt++) await limits.charge('signin', ana);
    const refused = await limits.check('signin', ana);
    expect(refused.standings.filter(({ allowed }) => !allowed).map(({ policy }) => policy)).toEqual([
      'signin-ip',
      'signin-account',
    ]);
    expect((await limits.check('signin', { ...bia, ip: '198.51.100.9' })).allowed).toBe(true);
    expect((await limits.check('signin', { ...bia, ip: ana.ip ?? '' })).allowed).toBe(false);
  });

  test('ten wrong second factors close the door for an address, whosever they were', async () => {
    const limits = await replica();
    for (let attempt = 0; attempt < 10; attempt++)
      await limits.charge('mfa', { ...ana, user: `user-${attempt}` });
    expect((await limits.check('mfa', ana)).allowed).toBe(false);
    expect((await limits.check('mfa', { ...ana, ip: '198.51.100.9' })).allowed).toBe(true);
  });

  test('stay counted when Redis goes away and when it comes back with nothing', async () => {
    const limits = await replica();
    for (let attempt = 0; attempt < 10; attempt++) await limits.charge('signin', ana);
    await server.stop();
    expect((await limits.check('signin', ana)).allowed).toBe(false);
    await server.restart();
    await until('Redis', () => limits.ping().catch(() => undefined));
    expect((await limits.check('signin', ana)).allowed).toBe(false);
  });
});

describe('without Redis', () => {
  test('each replica allows its share: twice the limit in all at most, and of failures no more than the limit', async () => {
    const replicas = [await replica({ replicas: 4 }), await replica({ replicas: 4 })];
    await server.stop();
    for (const limits of replicas) {
      expect(await allowedOf(50, () => limits.admit('ai', ana))).toBe(10);
      for (let attempt = 0; attempt < 2; attempt++) await limits.charge('signin', ana);
      expect((await limits.check('signin', ana)).allowed).toBe(false);
    }
    await server.restart();
  });

  test('a replica alone keeps to the limit, goes on from what it knew, and says that it counts alone', async () => {
    const limits = await replica();
    await allowedOf(15, () => limits.admit('ai', ana));
    expect(await limits.metrics.text()).toMatch(/^limits_local\{.*\} 0$/m);
    await server.stop();
    expect(await allowedOf(10, () => limits.admit('ai', ana))).toBe(5);
    const text = await limits.metrics.text();
    expect(text).toMatch(/^limits_local\{.*\} 1$/m);
    expect(text).toMatch(/^limits_refused_total\{policy="ai-user".*\} 5$/m);
    await server.restart();
    await until('Redis', () => limits.ping().catch(() => undefined));
    expect((await limits.admit('ai', bia)).allowed).toBe(true);
  });

  test('a Redis that does not answer is waited for once, not by every request', async () => {
    const limits = await replica();
    process.kill(server.pid, 'SIGSTOP');
    try {
      expect((await limits.admit('ai', ana)).allowed).toBe(true);
      const began = performance.now();
      expect(await allowedOf(10, () => limits.admit('ai', ana))).toBe(10);
      // Ten waits of 250 ms would be ten times as long as one.
      expect(performance.now() - began).toBeLessThan(250);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  test('a hundred thousand made-up keys take no more room than twenty thousand', async () => {
    const known = knownCounts();
    for (let key = 0; key < 100_000; key++) known.add(`key-${key}`, 60_000, 1);
    expect(known.size()).toBe(keysMax);
    expect(known.read('key-99999', 60_000).used).toBe(1);
  });
});

test('a window that ends gives everything back', async () => {
  const clock = { now: 1_000_000 };
  const limits = await replica({ clock });
  await server.stop();
  expect(await allowedOf(30, () => limits.admit('ai', ana))).toBe(20);
  clock.now += 60_000;
  expect(await allowedOf(30, () => limits.admit('ai', ana))).toBe(20);
  await server.restart();
});

test('Redis holds neither address nor account nor tenant, and forgets each key with its window', async () => {
  const limits = await replica();
  const who = { ...ana, user: 'ana@clinic.example' };
  await limits.admit('ai', who);
  await limits.charge('signin', who);
  await using place = Object.assign(await limits.hold('sessions', who), {
    [Symbol.asyncDispose]: async () => undefined,
  });
  expect(place.allowed).toBe(true);
  const keys = await redis.keys('*');
  expect(keys).toHaveLength(6);
  expect(keys.filter((key) => /ana|clinic|203|client/.test(key))).toEqual([]);
  expect(keys.filter((key) => !key.startsWith('limit:'))).toEqual([]);
  for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
});

describe('places', () => {
  const settings = { AI_AGENT_MAX_SESSIONS_PER_IP: 3 };

  test('are shared by replicas, given back, and counted by address', async () => {
    const [one, other] = [await replica({ settings }), await replica({ settings })];
    const first = await one.hold('sessions', ana);
    await one.hold('sessions', ana);
    expect((await other.hold('sessions', bia)).allowed).toBe(true);
    expect((await other.hold('sessions', ana)).allowed).toBe(false);
    expect((await other.hold('sessions', { ...ana, ip: '198.51.100.9' })).allowed).toBe(true);
    first.free();
    first.free();
    await until('a place', async () => {
      const place = await other.hold('sessions', ana);
      return place.allowed;
    });
    expect((await one.hold('sessions', ana)).allowed).toBe(false);
  });

  test('of a replica that died are free after their lease, and others were held by those who live', async () => {
    const places = sharedPlaces(redis);
    const dead = [1, 2].map((holder) => places.hold('key', `dead-${holder}`, 3, 1_000));
    expect(await Promise.all(dead)).toEqual([1, 2]);
    const alive = setInterval(() => void places.hold('key', 'alive', 3, 1_000), 200);
    expect(await places.hold('key', 'alive', 3, 1_000)).toBe(3);
    expect(await places.hold('key', 'new', 3, 1_000)).toBe(0);
    await until('a place', () => places.hold('key', 'new', 3, 5_000));
    expect(await until('the other place', () => places.hold('key', 'newer', 3, 5_000))).toBe(3);
    expect(await places.hold('key', 'newest', 3, 5_000)).toBe(0);
    clearInterval(alive);
  });

  test('of a replica that goes in order are free at once', async () => {
    const going = await replica({ settings });
    for (const _ of [1, 2, 3]) await going.hold('sessions', ana);
    opened.splice(opened.indexOf(going), 1);
    await going[Symbol.asyncDispose]();
    expect((await (await replica({ settings })).hold('sessions', ana)).standings[0]?.remaining).toBe(2);
  });

  test('are counted here while Redis is away', async () => {
    const limits = await replica({ settings });
    await server.stop();
    const held = [1, 2, 3].map(() => limits.hold('sessions', ana));
    expect((await Promise.all(held)).every(({ allowed }) => allowed)).toBe(true);
    expect((await limits.hold('sessions', ana)).allowed).toBe(false);
    (await held[0])?.free();
    expect((await limits.hold('sessions', ana)).allowed).toBe(true);
    await server.restart();
  });
});

describe('changed while it runs', () => {
  test('a limit that is raised lets those on who were refused, and one that is lowered does not', async () => {
    const limits = await replica();
    expect(await allowedOf(30, () => limits.admit('ai', ana))).toBe(20);
    limits.change('ai-user', undefined, { max: 25 });
    await until('what was refused to be given back', async () => {
      return (await limits.check('ai', ana)).standings[0]?.remaining === 5;
    });
    expect(await allowedOf(30, () => limits.admit('ai', ana))).toBe(5);
    limits.change('ai-user', undefined, { max: 5 });
    expect((await limits.admit('ai', ana)).allowed).toBe(false);
    limits.change('ai-user', undefined, {});
    expect(await allowedOf(30, () => limits.admit('ai', bia))).toBe(20);
  });

  test('one tenant’s figures come before everybody’s', async () => {
    const limits = await replica();
    limits.change('ai-user', undefined, { max: 1 });
    limits.change('ai-user', 'clinic', { max: 3 });
    expect(await allowedOf(5, () => limits.admit('ai', ana))).toBe(3);
    expect(await allowedOf(5, () => limits.admit('ai', { ...ana, tenant: 'other' }))).toBe(1);
  });

  test('the profile for load tests raises all but failures', async () => {
    const limits = await replica({ settings: { RATE_LIMIT_PROFILE: 'loadtest' } });
    expect(await allowedOf(2_000, () => limits.admit('ai', ana))).toBe(2_000);
    for (let attempt = 0; attempt < 10; attempt++) await limits.charge('signin', ana);
    expect((await limits.check('signin', ana)).allowed).toBe(false);
  });
});
