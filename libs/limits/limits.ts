import { createHmac, hkdfSync } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { LimitClass, LimitPolicy } from '@jangada/packs/pack.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type Claims, openClaims } from './claims.ts';
import { type Count, knownCounts, sharedCounts } from './counts.ts';
import { knownPlaces, sharedPlaces } from './places.ts';
import { type Change, type LimitSettings, openPolicies, type Who } from './policies.ts';
import { type Standing, type Verdict, verdictOf } from './verdict.ts';

/**
 * How much somebody may use. The count is in Redis and shared by all replicas; one request asks about all of its
 * limits in one round trip. While Redis is away each replica counts for itself, from what it knew, and no policy lets
 * through more than twice its maximum in all; one that fails closed no more than its maximum.
 */
export interface Limits extends AsyncDisposable, Claims {
  /** Uses the class once, if every limit allows it; what is refused uses up nothing. */
  admit(limited: LimitClass, who: Who): Promise<Verdict>;
  /** What the limits say now; uses nothing. */
  check(limited: LimitClass, who: Who): Promise<Verdict>;
  /** Uses the class, allowed or not: for what is known only afterwards, such as a failure or a length. */
  charge(limited: LimitClass, who: Who, points?: number): Promise<Verdict>;
  /** Takes a place of what may be held at once. `free` gives it back and may be called twice. */
  hold(limited: LimitClass, who: Who): Promise<Verdict & { free(): void }>;
  /** The policies of a class that hold for somebody, with the figures that hold now. */
  inForce(limited: LimitClass, who: Who): readonly LimitPolicy[];
  /** Takes a change of a policy's figures, from now on. */
  change(name: string, tenant: string | undefined, changed: Change): void;
  ping(): Promise<unknown>;
}

export interface Options {
  readonly settings: LimitSettings & { readonly REDIS_URL: string; readonly RATE_LIMIT_REPLICAS: number };
  /** Hides in Redis whom is counted. Who counts ids only, which tell nothing, needs none. */
  readonly secret?: Buffer;
  readonly metrics: Metrics;
  readonly now?: () => number;
}

/** Time that Redis is left alone after it failed, so that not every request waits for it. */
const restMs = 1_000;
/** A use is not given back so shortly before its window ends: it might be given back to the next. */
const tooLateMs = 1_000;
/** Leases are renewed three times before they end. */
const renewals = 3;

interface Asked {
  readonly policy: LimitPolicy;
  readonly key: string;
}

export const openLimits = ({
  settings,
  secret = Buffer.alloc(0),
  metrics,
  now = Date.now,
}: Options): Limits => {
  const redis = new Redis(settings.REDIS_URL, {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 1,
    commandTimeout: 250,
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
  });
  redis.on('error', () => undefined);
  const policies = openPolicies(settings);
  const shared = sharedCounts(redis);
  const known = knownCounts(now);
  const places = sharedPlaces(redis);
  const here = knownPlaces();
  const held = new Set<() => void>();
  const nameKey = Buffer.from(hkdfSync('sha256', secret, '', 'limit-name', 32));
  const tags = new LRUCache<string, string>({ max: 10_000 });
  const refusals = metrics.counter('limits_refused_total', 'Uses refused, by policy', ['policy']);
  let restUntil = 0;
  const isAway = (): boolean => redis.status !== 'ready' || now() < restUntil;
  metrics.gauge('limits_local', '1 while Redis is away and limits are counted here alone', [], () =>
    Number(isAway()),
  );
  metrics.gauge('limits_known_keys', 'Counts that this process remembers', [], () => known.size());

  /** The answer of Redis, or undefined while it is away. */
  const fromRedis = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    if (isAway()) return undefined;
    try {
      return await ask();
    } catch {
      restUntil = now() + restMs;
      return undefined;
    }
  };

  const tagOf = (value: string): string => {
    const found = tags.get(value);
    if (found) return found;
    const tag = createHmac('sha256', nameKey).update(value).digest('base64url').slice(0, 22);
    tags.set(value, tag);
    return tag;
  };
  const ask = (limited: LimitClass, who: Who): Asked[] =>
    policies.of(limited, who).map((policy) => ({
      policy,
      key: `${policy.name}:${policy.windowMs}:${tagOf(`${policy.key}|${countedBy(policy, who)}`)}`,
    }));

  /** What this replica may let through by itself. */
  const shareOf = ({ max, failClosed }: LimitPolicy): number => {
    const replicas = settings.RATE_LIMIT_REPLICAS;
    return failClosed
      ? Math.max(1, Math.floor(max / replicas))
      : Math.min(max, Math.ceil((2 * max) / replicas));
  };

  /** A failure that is known here counts even if Redis has lost it. */
  const learn = ({ policy, key }: Asked, count: Count): Count => {
    const before = policy.failClosed ? known.read(key, policy.windowMs) : undefined;
    const learnt = before && before.used > count.used ? before : count;
    known.learn(key, learnt);
    return learnt;
  };

  /** The count of each, after `points` were added to it, and whether it is shared. */
  const count = async (
    asked: readonly Asked[],
    points: number,
  ): Promise<{ counts: Count[]; alone: boolean }> => {
    const counts = await fromRedis(() =>
      Promise.all(
        asked.map(({ policy, key }) =>
          points === 0 ? shared.read(key, policy.windowMs) : shared.add(key, policy.windowMs, points),
        ),
      ),
    );
    if (counts) return { counts: counts.map((one, at) => learn(asked[at] as Asked, one)), alone: false };
    return {
      counts: asked.map(({ policy, key }) =>
        points === 0 ? known.read(key, policy.windowMs) : known.add(key, policy.windowMs, points),
      ),
      alone: true,
    };
  };

  const standingOf = (
    { name, max, windowMs }: LimitPolicy,
    { used, resetMs }: Count,
    most: number,
    allowed: boolean,
  ): Standing => ({ policy: name, max, windowMs, remaining: Math.max(0, most - used), resetMs, allowed });

  const told = (verdict: Verdict): Verdict => {
    for (const { policy, allowed } of verdict.standings) if (!allowed) refusals.inc({ policy });
    return verdict;
  };

  /** What is known here to be used up needs no asking, and a flood does not reach Redis. */
  const usedUp = (asked: readonly Asked[]): Verdict | undefined => {
    const counts = asked.map(({ policy, key }) => known.read(key, policy.windowMs));
    if (asked.every(({ policy: { max } }, at) => (counts[at]?.used ?? 0) < max)) return undefined;
    return verdictOf(
      asked.map(({ policy }, at) => {
        const known = counts[at] as Count;
        return standingOf(policy, known, policy.max, known.used < policy.max);
      }),
    );
  };

  const giveBack = (asked: readonly Asked[], counts: readonly Count[], alone: boolean): void => {
    for (const [at, { policy, key }] of asked.entries()) {
      if ((counts[at]?.resetMs ?? 0) < tooLateMs) continue;
      if (alone) known.add(key, policy.windowMs, -1);
      else
        shared.add(key, policy.windowMs, -1).then(
          (left) => known.learn(key, left),
          // Whether it was given back is for Redis to say when it is asked next.
          () => known.forget(key),
        );
    }
  };

  const admit = async (limited: LimitClass, who: Who): Promise<Verdict> => {
    const asked = ask(limited, who);
    if (asked.length === 0) return verdictOf([]);
    const spent = usedUp(asked);
    if (spent) return told(spent);
    const { counts, alone } = await count(asked, 1);
    const verdict = verdictOf(
      asked.map(({ policy }, at) => {
        const most = alone ? shareOf(policy) : policy.max;
        const one = counts[at] as Count;
        return standingOf(policy, one, most, one.used <= most);
      }),
    );
    if (!verdict.allowed) giveBack(asked, counts, alone);
    return told(verdict);
  };

  const weigh = async (limited: LimitClass, who: Who, points: number): Promise<Verdict> => {
    const asked = ask(limited, who);
    if (asked.length === 0) return verdictOf([]);
    const spent = points === 0 ? usedUp(asked) : undefined;
    if (spent) return spent;
    const { counts, alone } = await count(asked, points);
    return verdictOf(
      asked.map(({ policy }, at) => {
        const most = alone ? shareOf(policy) : policy.max;
        const one = counts[at] as Count;
        return standingOf(policy, one, most, points === 0 ? one.used < most : one.used <= most);
      }),
    );
  };

  const hold: Limits['hold'] = async (limited, who) => {
    const asked = ask(limited, who);
    const holder = crypto.randomUUID();
    const ends: (() => void)[] = [];
    const standings: Standing[] = [];
    for (const { policy, key } of asked) {
      const renew = () => fromRedis(() => places.hold(key, holder, policy.max, policy.windowMs));
      const most = shareOf(policy);
      const all = await renew();
      const used = all ?? (here.count(key) < most ? here.count(key) + 1 : 0);
      const remaining = used === 0 ? 0 : Math.max(0, policy.max - used);
      standings.push({
        policy: policy.name,
        max: policy.max,
        windowMs: policy.windowMs,
        remaining,
        // Somebody has to leave first; nobody knows when, so it is worth trying again soon.
        resetMs: restMs,
        allowed: used > 0,
      });
      if (used === 0) break;
      here.add(key);
      const timer = setInterval(() => void renew(), policy.windowMs / renewals).unref();
      ends.push(() => {
        clearInterval(timer);
        here.remove(key);
        places.free(key, holder).catch(() => undefined);
      });
    }
    const free = (): void => {
      held.delete(free);
      for (const end of ends.splice(0)) end();
    };
    held.add(free);
    const verdict = told(verdictOf(standings));
    if (!verdict.allowed) free();
    return { ...verdict, free };
  };

  return {
    admit,
    check: async (limited, who) => told(await weigh(limited, who, 0)),
    charge: (limited, who, points = 1) => weigh(limited, who, points),
    hold,
    ...openClaims(redis, fromRedis, tagOf, now),
    inForce: policies.of,
    change: policies.change,
    ping: () => redis.ping(),
    [Symbol.asyncDispose]: async () => {
      for (const free of held) free();
      // What a turn asks leaves at its end; a Redis that is away has nothing to be told.
      await new Promise(setImmediate);
      await redis.quit().catch(() => redis.disconnect());
    },
  };
};

/** An IPv6 customer holds a whole /64 (RFC 6177), so that is what is counted. */
const networkOf = (ip: string): string => {
  if (!isIPv6(ip) || ip.includes('.')) return ip.replace(/^::ffff:/i, '');
  const { hostname } = new URL(`http://[${ip.split('%')[0]}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = head.split(':').filter(Boolean);
  const rest = (tail ?? '').split(':').filter(Boolean);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - rest.length }, () => '0');
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':');
};

const countedBy = ({ key }: LimitPolicy, { ip = '', user = '', tenant = '', role = '' }: Who): string => {
  switch (key) {
    case 'ip':
      return networkOf(ip);
    case 'user':
      return `${tenant}|${user}`;
    case 'tenant':
      return tenant;
    case 'role':
      return `${tenant}|${role}`;
  }
};
