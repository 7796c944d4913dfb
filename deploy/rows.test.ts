import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Cache, openCache } from '@jangada/cache/cache.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Turn } from '@jangada/runtime/serve.ts';
import { startRedis } from '@jangada/servers/redis.ts';
import type { Server } from '@jangada/servers/server.ts';
import type { Store } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { type Grant, planHash } from '@jangada/trust/grant.ts';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { rowsOf } from '../services/data-access/rows.ts';
import { grantFor, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// What data-access reads for a granted plan, with a real cache before a real database.

const pack = packOf('aesthetic-clinic');
const plan: Plan = {
  source: 'clients',
  ask: 'list',
  joins: [],
  filter: {},
  fields: ['name', 'phone'],
  limit: 50,
};

let database: TestDatabase;
let redisServer: Server;
let redis: Redis;
let store: Store;
let cache: Cache;

beforeAll(async () => {
  database = await startDatabase();
  redisServer = await startRedis({ dir: join(database.dir, 'redis') });
  redis = new Redis(redisServer.url);
  store = await database.storeOf('data-access');
  const settings = { REDIS_URL: redisServer.url, ENCRYPTION_KEY: randomBytes(32) };
  cache = openCache(settings, openMetrics('data-access'));
  await vi.waitFor(() => cache.ping());
  await database.administer(`
    ${tenantSql('casa')} ${tenantSql('other')}
    insert into clients (tenant_id, id, name, name_search, phone)
      select tenant, 'c1', 'Ana of ' || tenant, 'ana', '+55 11 90000-0001' from unnest(array['casa', 'other']) tenant`);
}, 90_000);
afterAll(async () => {
  await cache[Symbol.asyncDispose]();
  redis.disconnect();
  await redisServer.stop();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.flushall();
  for (const tenant of ['casa', 'other']) await cache.forget(tenant);
});

interface Asked {
  readonly tenant?: string;
  readonly role?: string;
  readonly intent?: string;
  readonly plan?: Plan;
  readonly grant?: Partial<Grant>;
}

/** Reads as one run does, with a pass and a grant of its own. */
const read = async (asked: Asked = {}) => {
  const { tenant = 'casa', role = 'admin', intent = 'client_query' } = asked;
  const wanted = asked.plan ?? plan;
  const pass = passFor('clientes', { tid: tenant, rol: role });
  const named = { rid: pass.rid, tid: tenant, ph: planHash(plan), fields: plan.fields, limit: plan.limit };
  const grant = grantFor({ ...named, ...asked.grant });
  const end = vi.fn();
  const found = await rowsOf(
    {
      question: 'clientes',
      locale: 'pt-BR',
      plan: wanted,
      intent: { type: intent, confidence: 1, entities: [], requiredPermissions: [], dataSources: [] },
    },
    {
      pass,
      tenant,
      run: pass.rid,
      grant,
      grantStatement: await database.grant(grant),
      delivery: 1,
      signal: new AbortController().signal,
      span: () => ({ end }) as unknown as ReturnType<Turn['span']>,
    },
    { pack, store, cache },
  );
  return { ...found, names: found.rows.map((row) => row['name']), asked: end.mock.calls.length };
};

describe('a granted plan', () => {
  test('is read from the database once, and from the cache after it', async () => {
    const first = await read();
    expect(first).toMatchObject({ names: ['Ana of casa'], cached: false, asked: 1 });
    const second = await read();
    expect(second).toMatchObject({ names: ['Ana of casa'], cached: true, asked: 0, asOf: first.asOf });
  });

  test.each<[string, Asked]>([
    ['another reach', { grant: { reach: 'related', by: 'p1' } }],
    ['another tenant', { tenant: 'other' }],
  ])('is not answered from what was read under %s', async (_what, other) => {
    await read();
    expect(await read(other)).toMatchObject({ cached: false, asked: 1 });
    expect((await read(other)).names).toEqual(other.tenant ? ['Ana of other'] : []);
  });

  test.each(pack.intents.map(({ name, ttlSeconds }) => [name, ttlSeconds] as const))(
    'is kept in Redis as long as its intent says: %s, %i s',
    async (intent, ttlSeconds) => {
      await read({ intent });
      const ttl = await vi.waitFor(async () => {
        const [name = ''] = (await redis.keys('v1:casa:*')).filter((key) => !key.endsWith(':generation'));
        const seconds = await redis.ttl(name);
        expect(seconds).toBeGreaterThan(0);
        return seconds;
      });
      expect(ttl).toBeGreaterThan(ttlSeconds - 5);
      expect(ttl).toBeLessThanOrEqual(ttlSeconds);
    },
  );

  test('is read anew once the tenant’s data has changed', async () => {
    await read();
    await database.administer("update clients set name = 'Ana Lima' where tenant_id = 'casa'");
    expect((await read()).names).toEqual(['Ana of casa']);
    await cache.forget('casa');
    expect(await read()).toMatchObject({ names: ['Ana Lima'], cached: false });
    await database.administer("update clients set name = 'Ana of casa' where tenant_id = 'casa'");
  });

  test('is masked by role, whoever read it first', async () => {
    expect((await read()).masked).toEqual([]);
    expect(await read({ role: 'aesthetic_professional' })).toMatchObject({
      cached: true,
      masked: ['email', 'phone'],
    });
    expect((await read({ role: 'nobody' })).masked).toEqual(plan.fields);
  });
});

describe('nothing is read, and nothing told from the cache,', () => {
  test.each<[string, Asked]>([
    ['for another plan than the grant names', { plan: { ...plan, filter: { state: 'inactive' } } }],
    ['for a field that was not granted', { grant: { fields: ['name'] } }],
    ['for more rows than were granted', { grant: { limit: 49 } }],
  ])('%s', async (_what, asked) => {
    await read();
    await expect(read(asked)).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
  });

  test('when the grant expires before the database sees it, and nobody after it is told that there is nothing', async () => {
    await expect(read({ grant: { exp: Date.now() - 1 } })).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
    expect((await read()).names).toEqual(['Ana of casa']);
  });
});
