import type { Locale } from '@jangada/proto/errors.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import { crowd } from './crowd.ts';

/** Accounts and tenants: what the edge looks up before there is a pass. */

export interface Account {
  readonly id: string;
  readonly tenant: string;
  readonly email: string;
  readonly role: string;
  readonly person: string | undefined;
  readonly passwordHash: string;
}

/** What a tenant chose, for the pass: hops need it and must not look it up. */
export interface Tenant {
  readonly pack: string;
  readonly zone: string;
  readonly locale: Locale;
  readonly currency: string;
}

export interface Accounts {
  byEmail(email: string): Promise<Account | undefined>;
  byId(id: string): Promise<Account | undefined>;
  /** Remembered for a minute, and beyond it while the database is away. @throws Unavailable */
  tenant(id: string): Promise<Tenant | undefined>;
}

const db = queries<CoreTables>();
const selection = db
  .selectFrom('accounts')
  .select(['id', 'tenant_id', 'email', 'role', 'person_id', 'password_hash']);
const never = new AbortController().signal;

export const openAccounts = (store: Store, policy: Service['policy']): Accounts => {
  const one = async (query: typeof selection): Promise<Account | undefined> => {
    const [row] = await policy.call(() => store.rows(query), never);
    if (!row) return undefined;
    const { id, tenant_id: tenant, email, role, person_id, password_hash: passwordHash } = row;
    return { id, tenant, email, role, person: person_id ?? undefined, passwordHash };
  };
  const tenantOf = crowd(async (ids: readonly string[]) => {
    const query = db
      .selectFrom('tenants')
      .select(['id', 'pack', 'time_zone as zone', 'locale', 'currency'])
      .where('id', '=', sql<string>`any (${ids}::text[])`);
    const found = await policy.call(() => store.rows(query), never);
    const byId = new Map(found.map(({ id, ...tenant }) => [id, tenant]));
    return ids.map((id) => byId.get(id));
  });
  const tenants = new LRUCache<string, Tenant>({
    max: 1_000,
    ttl: 60_000,
    allowStaleOnFetchRejection: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: (id) => tenantOf(id),
  });
  return {
    byEmail: (email) => one(selection.where('email', '=', email.toLowerCase())),
    byId: (id) => one(selection.where('id', '=', id)),
    tenant: (id) => tenants.fetch(id),
  };
};
