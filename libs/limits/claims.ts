import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';

/** Names that one holder has at a time, shared by all replicas; one that is not given back is free after its lease. */
export interface Claims {
  /** Who holds the name now: `holder`, unless somebody else does who is not `instead`. Its lease begins anew. */
  claim(name: string, holder: string, leaseMs: number, instead?: string): Promise<string>;
  /** Who holds the name. */
  holderOf(name: string): Promise<string | undefined>;
  /** Gives the name back, if this is still its holder. */
  release(name: string, holder: string): Promise<void>;
}

declare module 'ioredis' {
  interface RedisCommander {
    claimName(key: string, holder: string, leaseMs: number, instead: string): Promise<string>;
    releaseName(key: string, holder: string): Promise<number>;
  }
}

const claim = `
local held = redis.call('get', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[3] then return held end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return ARGV[1]`;
const release = `
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`;

/** Names that a process remembers while Redis is away; who finds none is let in. */
const namesMax = 20_000;

/**
 * `fromRedis` gives what it is asked for, or undefined while Redis is away; then each replica knows of its own claims only.
 * `tagOf` hides the name.
 */
export const openClaims = (
  redis: Redis,
  fromRedis: <T>(ask: () => Promise<T>) => Promise<T | undefined>,
  tagOf: (name: string) => string,
  now: () => number,
): Claims => {
  redis.defineCommand('claimName', { numberOfKeys: 1, lua: claim });
  redis.defineCommand('releaseName', { numberOfKeys: 1, lua: release });
  const here = new LRUCache<string, { holder: string; until: number }>({ max: namesMax });
  const keyOf = (name: string): string => `claim:${tagOf(name)}`;
  const known = (key: string): string | undefined => {
    const held = here.get(key);
    return held && held.until > now() ? held.holder : undefined;
  };

  return {
    claim: async (name, holder, leaseMs, instead = '') => {
      const key = keyOf(name);
      const before = known(key);
      const alone = before === undefined || before === instead ? holder : before;
      const held = (await fromRedis(() => redis.claimName(key, holder, leaseMs, instead))) ?? alone;
      if (held === holder) here.set(key, { holder, until: now() + leaseMs });
      return held;
    },
    holderOf: async (name) => {
      const key = keyOf(name);
      const held = await fromRedis(() => redis.get(key));
      return held === undefined ? known(key) : (held ?? undefined);
    },
    release: async (name, holder) => {
      const key = keyOf(name);
      if (known(key) === holder) here.delete(key);
      await fromRedis(() => redis.releaseName(key, holder));
    },
  };
};
