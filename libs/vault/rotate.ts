import { Unprocessable } from '@jangada/hop/outcome.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type RawBuilder, sql } from 'kysely';
import * as keys from './keys.ts';
import type { SealedTable } from './rows.ts';
import { countStale, sweep, takeTime } from './sweep.ts';
import type { Vault } from './vault.ts';

/**
 * Rotation, the same in every kind: a new version, everything moved to it in batches, what is left counted, and only
 * then the old version put out of use. How far it came is seen in the rows, so one that died is started again and goes
 * on: it makes no further version while an older one is still in use.
 */

export type Kind = 'root' | 'tenant' | 'subject' | 'index';

export interface Rotation {
  readonly kind: Kind;
  readonly tenant: string;
  /** The version of now; of the subject kind, how many keys have a new one. */
  readonly version: string;
  /** Keys wrapped anew, or rows sealed anew. */
  readonly moved: number;
  /** What is still under an older version. */
  readonly left: number;
  /** Versions that are out of use now. */
  readonly retired: number;
}

export interface Rotating {
  readonly store: Pick<Store, 'within'>;
  readonly vault: Vault;
  readonly tenant: string;
  /** Tables of the tenant that hold sealed fields. */
  readonly tables: readonly SealedTable[];
  /** Tells every service that keys of the tenant changed; resolves when the broker has it. */
  readonly announce: () => Promise<void>;
  readonly progress?: (what: string, count: number) => void;
  readonly signal?: AbortSignal;
}

/** Keys wrapped anew in one transaction. */
const batch = 500;

const db = queries<CoreTables>();

/** @throws Unavailable, Unprocessable */
export const rotate = (kind: Kind, of: Rotating): Promise<Rotation> => rotations[kind](of);

const rotations: Record<Kind, (of: Rotating) => Promise<Rotation>> = {
  root: async ({ store, vault, tenant, progress }) => {
    const version = await vault.root.current();
    const old = await store.within({ tenant }, (transaction) =>
      wrappedOtherwise(transaction, tenant, version),
    );
    let moved = 0;
    for (const key of old) {
      const { root, wrapped } = await vault.rewrapped(key);
      await store.within({ tenant }, (transaction) =>
        transaction.rows(
          db
            .updateTable('tenant_keys')
            .set({ root, wrapped })
            .where('tenant_id', '=', tenant)
            .where('id', '=', key.id)
            .where('retired_at', 'is', null),
        ),
      );
      moved++;
      progress?.('keys wrapped anew', moved);
    }
    const left = await store.within({ tenant }, (transaction) =>
      wrappedOtherwise(transaction, tenant, version),
    );
    // Root versions are put out of use where the root is kept; here nothing names them any more.
    return { kind: 'root', tenant, version, moved, left: left.length, retired: 0 };
  },

  tenant: async (of) => {
    const newest = await nextTenantKey(of, 'tenant');
    const done = await moveAll('tenant', of, () => rewrapSubjectKeys(of, newest));
    return { kind: 'tenant', tenant: of.tenant, version: String(newest.version), ...done };
  },

  index: async (of) => {
    const newest = await nextTenantKey(of, 'index');
    const done = await moveAll('index', of, () => sweepAll(of));
    return { kind: 'index', tenant: of.tenant, version: String(newest.version), ...done };
  },

  subject: async (of) => {
    const made = await nextSubjectKeys(of);
    await of.announce();
    const done = await moveAll('subject', of, () => sweepAll(of));
    return { kind: 'subject', tenant: of.tenant, version: String(made), ...done };
  },
};

/** Whoever began to write before the new version was known finishes under the old one, so a few may come after. */
const rounds = 3;

const moveAll = async (
  kind: Exclude<Kind, 'root'>,
  of: Rotating,
  move: () => Promise<number>,
): Promise<Pick<Rotation, 'moved' | 'left' | 'retired'>> => {
  let moved = 0;
  for (let round = 1; ; round++) {
    moved += await move();
    const done = await retire(kind, of);
    if (done.left === 0 || round === rounds) return { moved, ...done };
  }
};

const wrappedOtherwise = async (
  transaction: Transaction,
  tenant: string,
  root: string,
): Promise<keys.TenantKey[]> =>
  (await keys.tenantKeysInUse(transaction, tenant)).filter((key) => key.root !== root);

/** The newest key of a kind; a new one, unless an earlier rotation is not finished. */
const nextTenantKey = async (
  { store, vault, tenant, announce }: Rotating,
  kind: keys.TenantKey['kind'],
): Promise<keys.TenantKey> => {
  const inUse = () =>
    store.within({ tenant }, async (transaction) =>
      (await keys.tenantKeysInUse(transaction, tenant)).filter((key) => key.kind === kind),
    );
  const known = await inUse();
  if (known.length < 2) {
    // Retired versions count too: none is given twice.
    const version =
      1 + (await store.within({ tenant }, (transaction) => lastVersion(transaction, tenant, kind)));
    const made = await vault.newTenantKey(tenant, kind, version);
    await store.within({ tenant }, (transaction) => keys.addTenantKeys(transaction, [made]));
    await announce();
  }
  const newest = (await inUse()).at(-1);
  if (!newest) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the tenant’s keys are gone');
  return newest;
};

const lastVersion = async (transaction: Transaction, tenant: string, kind: string): Promise<number> => {
  const statement = sql<{ version: number }>`
    select coalesce(max(version), 0)::int as version from tenant_keys where tenant_id = ${tenant} and kind = ${kind}`;
  return (await transaction.rows(written(statement)))[0]?.version ?? 0;
};

const rewrapSubjectKeys = async (
  { store, vault, tenant, progress, signal }: Rotating,
  to: keys.TenantKey,
): Promise<number> => {
  let moved = 0;
  for (;;) {
    signal?.throwIfAborted();
    const count = await store.within({ tenant }, async (transaction) => {
      const some = await keys.keysUnderOlder(transaction, tenant, to.version, batch);
      const wrapped = await Promise.all(some.map((key) => vault.rewrappedUnder(to, key)));
      const statement = sql<never>`
        update subject_keys s set wrapped = fresh.wrapped, tenant_key_version = ${to.version}
        from unnest(${some.map(({ id }) => id)}::text[], ${wrapped}::bytea[]) as fresh (id, wrapped)
        where s.tenant_id = ${tenant} and s.id = fresh.id and s.wrapped is not null`;
      if (some.length > 0) await transaction.rows(written(statement));
      return some.length;
    });
    moved += count;
    progress?.('keys wrapped anew', moved);
    if (count < batch) return moved;
  }
};

/** A further version for everybody who has one only. Returns how many were made. */
const nextSubjectKeys = async ({ store, vault, tenant, progress, signal }: Rotating): Promise<number> => {
  let made = 0;
  let after: readonly [string, string] = ['', ''];
  for (;;) {
    signal?.throwIfAborted();
    const holders = await store.within({ tenant }, async (transaction) => {
      const under = (await keys.tenantKeysInUse(transaction, tenant)).findLast(
        (key) => key.kind === 'tenant',
      );
      if (!under) return [];
      await keys.holdVersions(transaction, tenant);
      const some = await transaction.rows(
        written(sql<{ subject: string; class: keys.KeyClass; version: number; live: number }>`
          select subject_id as subject, class, max(version)::int as version, count(wrapped)::int as live
          from subject_keys where tenant_id = ${tenant} and (subject_id, class) > (${after[0]}, ${after[1]})
          group by subject_id, class having bool_and(state = 'active') order by subject_id, class limit ${batch}`),
      );
      const due = some.filter(({ live }) => live === 1);
      const fresh = await Promise.all(
        due.map(({ version, ...holder }) => vault.newSubjectKey(under, holder, version + 1)),
      );
      if (fresh.length > 0) await keys.addSubjectKeys(transaction, fresh);
      made += fresh.length;
      return some;
    });
    progress?.('keys made', made);
    const last = holders.at(-1);
    if (holders.length < batch || !last) return made;
    after = [last.subject, last.class];
  }
};

const sweepAll = async ({ store, vault, tenant, tables, progress, signal }: Rotating): Promise<number> => {
  let moved = 0;
  for (const table of tables) {
    const told = { progress: (rows: number) => progress?.(`rows of ${table.name} sealed anew`, rows) };
    moved += await sweep(store, vault, {
      tenant,
      table,
      ...told,
      ...(signal ? { signal } : {}),
    });
  }
  return moved;
};

/**
 * Puts every version but the newest out of use, if nothing is left under one. Counted while nobody seals. The key
 * itself is deleted: what a restored copy holds under it stays closed.
 */
export const retire = (
  kind: Exclude<Kind, 'root'>,
  { store, vault, tenant, tables, announce }: Rotating,
): Promise<Pick<Rotation, 'left' | 'retired'>> =>
  store
    .within({ tenant }, async (transaction) => {
      await keys.settleVersions(transaction, tenant);
      await takeTime(transaction);
      const left =
        kind === 'tenant'
          ? await underOlder(transaction, tenant)
          : (await Promise.all(tables.map((table) => countStale(transaction, tenant, table)))).reduce(
              (sum, count) => sum + count,
              0,
            );
      const retired = left > 0 ? [] : await transaction.rows(written(retiring[kind](tenant)));
      return { left, retired: retired.length };
    })
    .then(async (done) => {
      if (done.retired > 0) {
        vault.forget(tenant);
        await announce();
      }
      return done;
    });

const underOlder = async (transaction: Transaction, tenant: string): Promise<number> => {
  const statement = sql<{ count: number }>`
    select count(*)::int as count from subject_keys where tenant_id = ${tenant} and wrapped is not null
      and tenant_key_version < (select max(version) from tenant_keys where tenant_id = ${tenant} and kind = 'tenant')`;
  return (await transaction.rows(written(statement)))[0]?.count ?? 0;
};

const retireTenantKeys = (tenant: string, kind: string) => sql`
  update tenant_keys set wrapped = null, retired_at = now()
  where tenant_id = ${tenant} and kind = ${kind} and retired_at is null
    and version < (select max(version) from tenant_keys where tenant_id = ${tenant} and kind = ${kind})
  returning version`;

const retiring: Record<Exclude<Kind, 'root'>, (tenant: string) => RawBuilder<unknown>> = {
  tenant: (tenant) => retireTenantKeys(tenant, 'tenant'),
  index: (tenant) => retireTenantKeys(tenant, 'index'),
  subject: (tenant) => sql`
    update subject_keys k set wrapped = null, retired_at = now()
    where tenant_id = ${tenant} and retired_at is null and state = 'active'
      and version < (select max(n.version) from subject_keys n
        where n.tenant_id = k.tenant_id and n.subject_id = k.subject_id and n.class = k.class)
    returning version`,
};

/** Makes a tenant's keys where there are none. True when they were made. */
export const makeTenantKeys = ({
  store,
  vault,
  tenant,
}: Pick<Rotating, 'store' | 'vault' | 'tenant'>): Promise<boolean> =>
  store.within({ tenant }, async (transaction) => {
    if ((await lastVersion(transaction, tenant, 'tenant')) > 0) return false;
    using _ = await vault.sealer(tenant, [], transaction);
    return true;
  });
