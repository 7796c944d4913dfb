import type { Redis } from 'ioredis';

/** A part of what is remembered of a tenant in Redis, and how much of it there may be. */
export interface Space {
  /** `[a-z-]+`; stands in the names of its entries. */
  readonly name: string;
  /** Bytes of all its entries together, as they are stored. The least recently used go first. */
  readonly maxBytes: number;
}

/** Longest that an entry may stay. What was not used for so long is not there any more. */
export const longestSeconds = 3_600;

/**
 * Puts an entry and takes out as many of its space as are too much, in one step, so that replicas need not agree. Redis may
 * lose of the count, as of anything. Where nothing but the entry itself could go for it, it began to count anew: what
 * that misses is gone within the hour.
 */
const put = `
local entry, used, sizes = KEYS[1], KEYS[2], KEYS[3]
local id, value, ttl, now, max, prefix, gone = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
local function forget(one)
  redis.call('UNLINK', prefix .. one)
  local size = tonumber(redis.call('HGET', sizes, one) or 0)
  redis.call('HDEL', sizes, one)
  return redis.call('HINCRBY', sizes, 'total', -size)
end
for _, one in ipairs(redis.call('ZRANGEBYSCORE', used, '-inf', gone, 'LIMIT', 0, 100)) do
  redis.call('ZREM', used, one)
  forget(one)
end
local before = tonumber(redis.call('HGET', sizes, id) or 0)
redis.call('SET', entry, value, 'EX', ttl)
redis.call('HSET', sizes, id, #value)
redis.call('ZADD', used, now, id)
local total = redis.call('HINCRBY', sizes, 'total', #value - before)
local evicted = 0
while total > max do
  local oldest = redis.call('ZPOPMIN', used)[1]
  if not oldest or oldest == id then
    redis.call('DEL', sizes)
    redis.call('HSET', sizes, id, #value, 'total', #value)
    redis.call('ZADD', used, now, id)
    break
  end
  total = forget(oldest)
  evicted = evicted + 1
end
return evicted`;

/** The entries of spaces in Redis. Everything rejects where Redis is away. */
export const openSpaces = (redis: Redis, now: () => number) => {
  const prefixOf = (tenant: string, { name }: Space): string => `tenant:${tenant}:${name}:`;
  const usedOf = (tenant: string, { name }: Space): string => `space:${tenant}:${name}:used`;
  return {
    prefixOf,
    /** Resolves to how many entries had to go for it. One that is larger than its space is not kept. */
    put: async (
      tenant: string,
      space: Space,
      entry: { id: string; value: Buffer; ttlSeconds: number },
    ): Promise<number> => {
      const { id, value, ttlSeconds } = entry;
      if (value.length > space.maxBytes) return 0;
      const prefix = prefixOf(tenant, space);
      const keys = [prefix + id, usedOf(tenant, space), `space:${tenant}:${space.name}:sizes`];
      const at = now();
      const gone = at - longestSeconds * 1_000;
      return Number(
        await redis.eval(put, keys.length, ...keys, id, value, ttlSeconds, at, space.maxBytes, prefix, gone),
      );
    },
    /** Says that an entry was of use. */
    use: (tenant: string, space: Space, id: string): Promise<unknown> =>
      redis.zadd(usedOf(tenant, space), 'XX', now(), id),
  };
};
