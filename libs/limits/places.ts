import type { Redis } from 'ioredis';

/** Places that are held at once, shared by all replicas; one whose holder died is free after its lease. */

declare module 'ioredis' {
  interface RedisCommander {
    holdPlace(key: string, holder: string, max: number, leaseMs: number): Promise<number>;
  }
}

/** Takes a place or renews one that is held. By the clock of Redis, so that replicas need not agree on the time. */
const hold = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if not redis.call('zscore', KEYS[1], ARGV[1]) and redis.call('zcard', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[3])
return redis.call('zcard', KEYS[1])`;

export const sharedPlaces = (redis: Redis) => {
  redis.defineCommand('holdPlace', { numberOfKeys: 1, lua: hold });
  const nameOf = (key: string): string => `limit:held:${key}`;
  return {
    /** How many are held with this one; 0 when there is none left. @throws when Redis is away */
    hold: (key: string, holder: string, max: number, leaseMs: number): Promise<number> =>
      redis.holdPlace(nameOf(key), holder, max, leaseMs),
    /** @throws when Redis is away; the lease then ends by itself */
    free: (key: string, holder: string): Promise<unknown> => redis.zrem(nameOf(key), holder),
  };
};

/** Holders in this process, by key. */
export const knownPlaces = () => {
  const holders = new Map<string, number>();
  return {
    count: (key: string): number => holders.get(key) ?? 0,
    add: (key: string): void => {
      holders.set(key, (holders.get(key) ?? 0) + 1);
    },
    remove: (key: string): void => {
      const left = (holders.get(key) ?? 0) - 1;
      if (left > 0) holders.set(key, left);
      else holders.delete(key);
    },
  };
};
