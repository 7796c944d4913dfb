import type { Values } from '@jangada/config/settings.ts';
import type { LimitClass, LimitPolicy } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/** Which limits hold for whom: standing ones, a pack's, and what an operator has set since. */

/** Who uses something. What is not known here is not counted by. */
export interface Who {
  readonly ip?: string;
  /** The account, or before there is one the name under which somebody signs in. */
  readonly user?: string;
  readonly tenant?: string;
  readonly role?: string;
  readonly pack?: string;
}

/** What an operator may change of a policy while the system runs. Absent is as declared. */
export const change = z.strictObject({
  max: z.int().min(0).optional(),
  windowMs: z.int().min(1_000).multipleOf(1_000).optional(),
});
export type Change = z.output<typeof change>;

/** Settings that a service with limits of its own class reads for them; each is optional. */
export type LimitSettings = Partial<
  Values<
    | 'RATE_LIMIT_PROFILE'
    | 'AI_AGENT_MAX_SESSIONS_PER_IP'
    | 'PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS'
    | 'PUBLIC_AI_RATE_LIMIT_WINDOW_MS'
    | 'TENANT_AI_RATE_LIMIT_MAX_REQUESTS'
    | 'TENANT_AI_RATE_LIMIT_WINDOW_MS'
  >
>;

const minutes = (count: number): number => count * 60_000;

/** Limits that hold before a tenant is known, or whatever its pack says; a pack replaces one by its name. */
export const standing = (settings: LimitSettings = {}): readonly LimitPolicy[] => {
  const failures = { onlyFailures: true, failClosed: true, windowMs: minutes(15) } as const;
  // A client that comes back after a replica died waits no longer for its place.
  const held = { atOnce: true, windowMs: 15_000 } as const;
  return [
    { name: 'signin-ip', class: 'signin', key: 'ip', max: 10, ...failures },
    { name: 'signin-account', class: 'signin', key: 'user', max: 10, ...failures },
    // Those of an account are counted beside its factor, in PostgreSQL.
    { name: 'mfa-ip', class: 'mfa', key: 'ip', max: 10, ...failures },
    { name: 'privacy-user', class: 'privacy', key: 'user', max: 5, windowMs: minutes(60) },
    {
      name: 'sessions-ip',
      class: 'sessions',
      key: 'ip',
      max: settings.AI_AGENT_MAX_SESSIONS_PER_IP ?? 10,
      ...held,
    },
    {
      name: 'public-ip',
      class: 'public',
      key: 'ip',
      max: settings.PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS ?? 50,
      windowMs: settings.PUBLIC_AI_RATE_LIMIT_WINDOW_MS ?? minutes(15),
    },
    {
      name: 'tenant-user',
      class: 'tenant',
      key: 'user',
      max: settings.TENANT_AI_RATE_LIMIT_MAX_REQUESTS ?? 100,
      windowMs: settings.TENANT_AI_RATE_LIMIT_WINDOW_MS ?? minutes(5),
    },
    { name: 'model-calls', class: 'model-calls', key: 'tenant', max: 8, ...held },
    {
      name: 'model-tokens',
      class: 'model-tokens',
      key: 'tenant',
      max: 200_000,
      windowMs: minutes(60),
    },
  ];
};

const loadtestFactor = 10_000;

/** Every policy that holds for somebody of a pack, as declared. */
export const policiesOf = (
  pack: string | undefined,
  settings: LimitSettings = {},
): readonly LimitPolicy[] => {
  const own = pack === undefined ? [] : packOf(pack).limits;
  const names = new Set(own.map(({ name }) => name));
  return [...standing(settings).filter(({ name }) => !names.has(name)), ...own];
};

export interface Policies {
  /** The policies of a class that hold for somebody, with all that changes their figures applied. */
  of(limited: LimitClass, who: Who): readonly LimitPolicy[];
  /** Takes a change of one policy; for one tenant, or for all where none is named. */
  change(name: string, tenant: string | undefined, changed: Change): void;
}

export const openPolicies = (settings: LimitSettings): Policies => {
  const changes = new Map<string, Change>();
  const known = new LRUCache<string, readonly LimitPolicy[]>({ max: 5_000 });
  const isLoadtest = settings.RATE_LIMIT_PROFILE === 'loadtest';

  const figuresOf = (policy: LimitPolicy, { tenant, role }: Who): LimitPolicy => {
    // Guessing at an account ends under load too; a load test has one address for all its people.
    const factor = isLoadtest && (!policy.onlyFailures || policy.key === 'ip') ? loadtestFactor : 1;
    const changed = {
      ...changes.get(keyOf(policy.name, undefined)),
      ...(tenant === undefined ? {} : changes.get(keyOf(policy.name, tenant))),
    };
    const { max = policy.max * factor, windowMs = policy.windowMs } = changed;
    const share = (role !== undefined && policy.roles?.[role]) || 1;
    return { ...policy, max: Math.floor(max * share), windowMs };
  };

  return {
    of: (limited, who) => {
      const { pack = '', tenant = '', role = '', ip, user } = who;
      const key = [limited, pack, tenant, role, ip === undefined, user === undefined].join('|');
      const found = known.get(key);
      if (found) return found;
      const applying = policiesOf(who.pack, settings)
        .filter((policy) => policy.class === limited && who[policy.key] !== undefined)
        .map((policy) => figuresOf(policy, who));
      known.set(key, applying);
      return applying;
    },
    change: (name, tenant, changed) => {
      changes.set(keyOf(name, tenant), changed);
      known.clear();
    },
  };
};

const keyOf = (name: string, tenant: string | undefined): string => `${name}|${tenant ?? ''}`;
