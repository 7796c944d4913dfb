import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { longestSeconds, openSpaces, type Space } from './space.ts';

/**
 * Two tiers: memory of this process, then Redis. Redis gone means slower, never wrong: every failure is a miss.
 * What is in Redis is sealed, bound to its key, so that a copied or moved entry cannot be read.
 */

/** What an answer depends on. None of it can be left out, so one caller's entry is never another's. */
export interface Key {
  readonly tenant: string;
  /** Where it is kept, with others of its kind. */
  readonly space: Space;
  /** Whose rows and which fields, as the grant says. */
  readonly scope: string;
  /** The rules that decided, so that a new version starts afresh. */
  readonly rules: string;
  /** What was asked. */
  readonly plan: string;
}

export interface Through<T> {
  readonly value: T;
  readonly cached: boolean;
  readonly tier?: Tier;
}
type Tier = 'local' | 'redis';

export interface Cache extends AsyncDisposable {
  /**
   * The value of `key`, loaded at most once at a time. `cached` tells whether it was there, and `tier` where. It stays `ttlSeconds`, an hour
   * at most.
   */
  through<T>(key: Key, ttlSeconds: number, load: () => Promise<T>): Promise<Through<T>>;
  /** Loads the value of `key` though it is there, so that it stays for all of its time; neither a hit nor a miss. */
  renew<T>(key: Key, ttlSeconds: number, load: () => Promise<T>): Promise<Through<T>>;
  /** Forgets everything of a tenant, here and in Redis. */
  forget(tenant: string): Promise<void>;
  ping(): Promise<unknown>;
}

/** Longest that an entry stays in memory, where a lost invalidation would not reach it. */
export const memoryLimitSeconds = 300;
const memoryBytes = 32 * 1024 * 1024;

interface Entry {
  readonly value: unknown;
  /** When it expires, in ms since 1970. */
  readonly until: number;
  /** The tenant's generation when it was read; a later one makes it stale. */
  readonly generation: string;
}

export const openCache = (
  settings: { REDIS_URL: string; ENCRYPTION_KEY: Buffer },
  metrics: Metrics,
  now: () => number = Date.now,
): Cache => {
  const redis = new Redis(settings.REDIS_URL, {
    enableOfflineQueue: false,
    // What one turn of the event loop asks goes out together.
    enableAutoPipelining: true,
    maxRetriesPerRequest: 1,
    commandTimeout: 250,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
  });
  redis.on('error', () => undefined);
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', settings.ENCRYPTION_KEY, '', purpose, 32));
  const sealKey = derive('cache-value');
  const nameKey = derive('cache-name');
  const hits = metrics.counter('cache_hits_total', 'Values found, by tier', ['tier']);
  const misses = metrics.counter('cache_misses_total', 'Values that had to be loaded');
  const altered = metrics.counter('cache_altered_total', 'Values in Redis that were not what was put there');
  altered.inc(0);
  const evicted = metrics.counter(
    'cache_evicted_total',
    'Values that had to go from Redis before their time, because their space was full',
    ['space'],
  );
  const spaces = openSpaces(redis, now);

  const memory = new LRUCache<string, Entry>({
    maxSize: memoryBytes,
    ttl: 1,
    ttlResolution: 0,
    ttlAutopurge: false,
    perf: { now },
  });
  const generations = new LRUCache<string, string>({ max: 10_000 });
  const loading = new Map<string, Promise<Through<unknown>>>();
  /** Generations that could not be written because Redis was away. */
  const unwritten = new Map<string, string>();
  let forgets = 0;

  const idOf = ({ scope, rules, plan }: Key): string =>
    createHmac('sha256', nameKey)
      .update(JSON.stringify([scope, rules, plan]))
      .digest('base64url');
  const generationName = (tenant: string): string => `tenant:${tenant}:generation`;
  const newGeneration = (): string => `${now()}.${randomBytes(3).toString('hex')}`;
  const writeGeneration = async (tenant: string, generation: string): Promise<void> => {
    unwritten.set(tenant, generation);
    await redis.set(generationName(tenant), generation);
    unwritten.delete(tenant);
  };
  /** What Redis has lost is replaced and never repeated: an old generation would bring its entries back. */
  const replaceGeneration = async (tenant: string): Promise<string> => {
    const generation = newGeneration();
    return (await redis.set(generationName(tenant), generation, 'NX', 'GET')) ?? generation;
  };

  const seal = (name: string, text: string): Buffer => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', sealKey, iv).setAAD(Buffer.from(name));
    return Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  };
  const open = (name: string, sealed: Buffer): string => {
    const decipher = createDecipheriv('aes-256-gcm', sealKey, sealed.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(name))
      .setAuthTag(sealed.subarray(-16));
    return decipher.update(sealed.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
  };

  /** An entry that does not open is a miss like any other, and somebody should know of it. */
  const openCounted = (name: string, sealed: Buffer): string => {
    try {
      return open(name, sealed);
    } catch (error) {
      altered.inc();
      throw error;
    }
  };

  const remember = (name: string, entry: Entry, bytes: number): void => {
    const ttl = Math.min(entry.until - now(), memoryLimitSeconds * 1_000);
    if (ttl > 0) memory.set(name, entry, { ttl, size: Math.max(1, bytes) });
  };

  /** The entry and the tenant's generation in one round trip; nothing at all when Redis is away. */
  const fromRedis = async (key: Key, name: string): Promise<Entry | undefined> => {
    try {
      const before = forgets;
      const late = unwritten.get(key.tenant);
      if (late) await writeGeneration(key.tenant, late);
      const [sealed, generation] = await redis.mgetBuffer(name, generationName(key.tenant));
      const current = generation?.toString() ?? (await replaceGeneration(key.tenant));
      // Forgotten while Redis was answering: what it answered is from before.
      if (forgets !== before) return undefined;
      generations.set(key.tenant, current);
      if (!sealed) return undefined;
      const text = openCounted(name, sealed);
      const entry = JSON.parse(text) as Entry;
      if (entry.generation !== current || entry.until <= now()) return undefined;
      remember(name, entry, text.length);
      spaces.use(key.tenant, key.space, idOf(key)).catch(() => undefined);
      return entry;
    } catch {
      return undefined;
    }
  };

  const hit = <T>(tier: Tier, value: T): Through<T> => {
    hits.inc({ tier });
    return { value, cached: true, tier };
  };

  const load = async (
    key: Key,
    name: string,
    ttlSeconds: number,
    source: () => Promise<unknown>,
  ): Promise<Through<unknown>> => {
    const found = await fromRedis(key, name);
    if (found) return hit('redis', found.value);
    misses.inc();
    return { value: await loadAnew(key, name, ttlSeconds, source), cached: false };
  };

  /** What is loaded is of the generation that was known before. */
  const loadAnew = async <T>(
    key: Key,
    name: string,
    ttlSeconds: number,
    source: () => Promise<T>,
  ): Promise<T> => {
    const generation = generations.get(key.tenant) ?? '0';
    const value = await source();
    const entry: Entry = { value, until: now() + ttlSeconds * 1_000, generation };
    const text = JSON.stringify(entry);
    if (generations.get(key.tenant) === generation) remember(name, entry, text.length);
    spaces.put(key.tenant, key.space, { id: idOf(key), value: seal(name, text), ttlSeconds }).then(
      (gone) => evicted.inc({ space: key.space.name }, gone),
      () => undefined,
    );
    return value;
  };

  const nameOf = (key: Key): string => spaces.prefixOf(key.tenant, key.space) + idOf(key);

  return {
    through: async <T>(key: Key, wantedSeconds: number, source: () => Promise<T>) => {
      const ttlSeconds = Math.min(wantedSeconds, longestSeconds);
      const name = nameOf(key);
      const near = memory.get(name);
      if (near && near.until > now() && near.generation === generations.get(key.tenant))
        return hit('local', near.value as T);
      let pending = loading.get(name);
      if (!pending) {
        const started = load(key, name, ttlSeconds, source).finally(() => {
          if (loading.get(name) === started) loading.delete(name);
        });
        loading.set(name, started);
        pending = started;
      }
      return (await pending) as Through<T>;
    },
    renew: async (key, wantedSeconds, source) => {
      const ttlSeconds = Math.min(wantedSeconds, longestSeconds);
      const name = nameOf(key);
      // For the generation, which comes with it.
      await fromRedis(key, name);
      return { value: await loadAnew(key, name, ttlSeconds, source), cached: false };
    },
    forget: async (tenant) => {
      const generation = newGeneration();
      forgets++;
      generations.set(tenant, generation);
      // Who asks from now on must not be handed what was begun before.
      for (const name of loading.keys()) if (name.startsWith(`tenant:${tenant}:`)) loading.delete(name);
      await writeGeneration(tenant, generation).catch(() => undefined);
    },
    ping: () => redis.ping(),
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
    },
  };
};
