import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { RateLimiterRedis } from 'rate-limiter-flexible';

/** How often something was used in its window: in Redis, shared by all replicas, and as far as this process knows. */

export interface Count {
  readonly used: number;
  /** Until the window ends, in ms. */
  readonly resetMs: number;
}

export interface Counts {
  /** Adds to the shared count of a key and returns it. @throws when Redis is away */
  add(key: string, windowMs: number, points: number): Promise<Count>;
  /** The shared count of a key. @throws when Redis is away */
  read(key: string, windowMs: number): Promise<Count>;
}

/** Counts in Redis: fixed windows that begin with the first use. What one turn of the event loop asks is one round trip. */
export const sharedCounts = (redis: Redis): Counts => {
  const limiters = new Map<number, RateLimiterRedis>();
  const limiterOf = (windowMs: number): RateLimiterRedis => {
    const known = limiters.get(windowMs);
    if (known) return known;
    const duration = windowMs / 1_000;
    // What is too much is decided by the policy, whose figures may change while a window lasts.
    const made = new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: `limit:${duration}`,
      points: Number.MAX_SAFE_INTEGER,
      duration,
    });
    limiters.set(windowMs, made);
    return made;
  };
  // It defines a command, which what is collected for a round trip before does not know: its answers would go to the wrong
  // askers, and the last of them would end the process (https://github.com/redis/ioredis/issues/1931).
  limiterOf(60_000);
  return {
    add: async (key, windowMs, points) => {
      const { consumedPoints, msBeforeNext } = await limiterOf(windowMs).penalty(key, points);
      return { used: consumedPoints, resetMs: msBeforeNext };
    },
    read: async (key, windowMs) => {
      const found = await limiterOf(windowMs).get(key);
      return found
        ? { used: found.consumedPoints, resetMs: found.msBeforeNext }
        : { used: 0, resetMs: windowMs };
    },
  };
};

/** Keys that are remembered here at most; the least recently used are forgotten first. */
export const keysMax = 20_000;

/**
 * What this process knows of counts: the last that Redis said, and what was counted here while it was away. Bounded,
 * so that whoever makes keys up costs no memory.
 */
export const knownCounts = (now: () => number = Date.now) => {
  const known = new LRUCache<string, { used: number; until: number }>({ max: keysMax });
  const read = (key: string, windowMs: number): Count => {
    const found = known.get(key);
    const left = found ? found.until - now() : 0;
    return found && left > 0 ? { used: found.used, resetMs: left } : { used: 0, resetMs: windowMs };
  };
  const learn = (key: string, { used, resetMs }: Count): void => {
    known.set(key, { used, until: now() + resetMs });
  };
  return {
    read,
    learn,
    forget: (key: string): void => void known.delete(key),
    add: (key: string, windowMs: number, points: number): Count => {
      const { used, resetMs } = read(key, windowMs);
      const count = { used: Math.max(0, used + points), resetMs };
      learn(key, count);
      return count;
    },
    size: () => known.size,
  };
};
