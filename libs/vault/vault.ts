import { randomBytes } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Transaction } from '@jangada/store/store.ts';
import type { Sealed } from '@jangada/store/tables.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { LRUCache } from 'lru-cache';
import { blindIndex, type IndexKind, type IndexPlace, pseudonym } from './blind.ts';
import { type FieldKey, type Head, headOf, openField, type Place, sealField } from './field.ts';
import type { Holder, KeyClass } from './keys.ts';
import * as table from './keys.ts';
import type { Root } from './root.ts';
import { keyBytes, unwrapKey, wrapKey } from './wrap.ts';

/**
 * Seals and opens fields: root → tenant's key → subject's key → field. Keys are read from the database of the caller,
 * under the caller's claim, and remembered for a while; a page of fields costs one query at most and usually none.
 */

/** Opens fields with keys that are at hand. Disposing of it wipes them. */
export interface Opener extends Disposable {
  /**
   * @throws Unprocessable CRYPTO_FORMAT, CRYPTO_AAD, CRYPTO_KEY_RETIRED for a version that was put out of use,
   * CRYPTO_KEY_SHREDDED where the person's key is frozen or gone
   */
  open(place: Place, of: KeyClass, bytes: Buffer): string;
}

/** Seals fields with the newest keys. Disposing of it wipes them. */
export interface Sealer extends Disposable {
  /** False for a person whose data were erased: nothing may be sealed for them any more. */
  accepts(holder: Holder): boolean;
  /** @throws Unprocessable CRYPTO_KEY_SHREDDED */
  seal(place: Place, of: KeyClass, text: string): Sealed<string>;
  index(place: IndexPlace, kind: IndexKind, value: string): Buffer | null;
}

export interface Vault {
  /** Keys that open fields with these heads. @throws Unavailable, Unprocessable */
  opener(tenant: string, fields: readonly (Holder & Head)[], read: Transaction): Promise<Opener>;
  /**
   * Keys to write with, made where they are missing. Until the transaction ends no version is put out of use, so what
   * is sealed here cannot be stranded. @throws Unavailable, Unprocessable
   */
  sealer(tenant: string, holders: readonly Holder[], transaction: Transaction): Promise<Sealer>;
  /** What equal values have as index, under every version in use. @throws Unavailable, Unprocessable */
  indexesOf(place: IndexPlace, kind: IndexKind, value: string, read: Transaction): Promise<readonly Buffer[]>;
  /**
   * What stands for ids where they must not be, in their order: the same for the same id as long as the tenant's index key
   * is. None where the tenant has no key yet. @throws Unavailable, Unprocessable
   */
  pseudonyms(tenant: string, ids: readonly string[], read: Transaction): Promise<readonly string[]>;
  /** What stands for an id under every key in use. @throws Unavailable, Unprocessable */
  pseudonymsOf(tenant: string, id: string, read: Transaction): Promise<readonly string[]>;
  /** Wraps a tenant's key anew with the root of now. */
  rewrapped(key: table.TenantKey): Promise<{ root: string; wrapped: Buffer }>;
  /** Wraps a subject's key anew with another version of the tenant's. */
  rewrappedUnder(to: table.TenantKey, key: table.SubjectKey): Promise<Buffer>;
  /** Whether the root opens a tenant's key. @throws Unavailable, Unprocessable */
  prove(key: table.TenantKey): Promise<void>;
  /** A key for a new version, wrapped. */
  newTenantKey(tenant: string, kind: table.TenantKey['kind'], version: number): Promise<table.NewTenantKey>;
  newSubjectKey(under: table.TenantKey, holder: Holder, version: number): Promise<table.NewSubjectKey>;
  readonly root: Root;
  /** Forgets a tenant's keys, or all. */
  forget(tenant?: string): void;
  /** While changes of keys cannot be heard, none is remembered. */
  hearing(hears: boolean): void;
}

/** How long a key is remembered, and how many are. */
const rememberMs = 5 * 60_000;
const rememberCount = 10_000;

/** All versions of a person's key of one class. */
interface Ring {
  readonly tenant: string;
  readonly erased: boolean;
  /** The newest version there is. */
  readonly newest: number;
  readonly keys: readonly FieldKey[];
}

const wipe = (keys: Iterable<{ readonly key: Buffer }>): void => {
  for (const { key } of keys) key.fill(0);
};
const copyOf = (ring: Ring): Ring => ({
  ...ring,
  keys: ring.keys.map((known) => ({ ...known, key: Buffer.from(known.key) })),
});
const nameOf = (tenant: string, { subject, class: of }: Holder): string =>
  JSON.stringify([tenant, of, subject]);

const distinct = <H extends Holder>(holders: readonly H[]): H[] => [
  ...new Map(holders.map((holder) => [`${holder.class} ${holder.subject}`, holder])).values(),
];

export const openVault = (root: Root, metrics: Metrics, now: () => number = Date.now): Vault => {
  const queries = metrics.counter('vault_key_queries_total', 'Queries for keys that were not remembered');
  const fields = metrics.counter('vault_fields_total', 'Fields by what was done and how it ended', [
    'operation',
    'outcome',
  ]);
  const rootCalls = metrics.counter('vault_root_calls_total', 'Keys that the root wrapped or unwrapped', [
    'operation',
    'outcome',
  ]);
  const remembering = { ttl: rememberMs, ttlResolution: 0, perf: { now } } as const;
  const rings = new LRUCache<string, Ring>({
    max: rememberCount,
    ...remembering,
    dispose: (ring) => wipe(ring.keys),
  });
  const tenantKeys = new LRUCache<string, { readonly tenant: string; readonly key: Buffer }>({
    max: rememberCount,
    ...remembering,
    dispose: (known) => wipe([known]),
  });
  /** By tenant: the newest key of indexes, so that a page of pseudonyms usually costs no query. */
  const pseudonymKeys = new LRUCache<string, { readonly tenant: string; readonly key: Buffer }>({
    max: rememberCount,
    ...remembering,
    dispose: (known) => wipe([known]),
  });
  metrics.gauge('vault_keys', 'Keys that are remembered', [], () => rings.size + tenantKeys.size);
  const loading = new Map<string, Promise<ReadonlyMap<string, Ring>>>();
  let hears = true;
  /** Raised when keys are forgotten: what was asked for before must not be remembered after. */
  let generation = 0;

  const counted = async <T>(operation: 'wrap' | 'unwrap', call: Promise<T>): Promise<T> => {
    try {
      const result = await call;
      rootCalls.inc({ operation, outcome: 'done' });
      return result;
    } catch (error) {
      rootCalls.inc({ operation, outcome: 'failed' });
      throw error;
    }
  };

  /** The key itself, a copy. */
  const tenantKey = async (key: table.TenantKey): Promise<Buffer> => {
    const name = `${key.tenant_id} ${key.id}`;
    const known = tenantKeys.get(name);
    if (known) return Buffer.from(known.key);
    if (!key.wrapped) throw new Unprocessable('CRYPTO_KEY_RETIRED', 'the tenant’s key is out of use');
    const began = generation;
    const wrapped = { root: key.root, bytes: key.wrapped };
    const opened = await counted('unwrap', root.unwrap(wrapped, purposeOf(key)));
    if (opened.length !== keyBytes) throw new Unprocessable('CRYPTO_FORMAT', 'the root gave no key');
    if (hears && began === generation)
      tenantKeys.set(name, { tenant: key.tenant_id, key: Buffer.from(opened) });
    return opened;
  };

  const subjectKey = async (row: table.SubjectKey): Promise<FieldKey | undefined> => {
    if (!row.wrapped || row.state !== 'active') return undefined;
    if (!row.under) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the tenant’s key is gone');
    const under = await tenantKey(row.under);
    try {
      const key = unwrapKey(under, row.wrapped, purposeOfSubject(row));
      return { version: row.version, tenantKeyVersion: row.tenant_key_version, key };
    } finally {
      under.fill(0);
    }
  };

  const ringsOf = async (
    tenant: string,
    holders: readonly Holder[],
    rows: readonly table.SubjectKey[],
  ): Promise<Map<string, Ring>> => {
    const byName = Map.groupBy(rows, (row) => nameOf(tenant, { subject: row.subject_id, class: row.class }));
    const found = new Map<string, Ring>();
    for (const holder of holders) {
      const own = byName.get(nameOf(tenant, holder)) ?? [];
      const keys = await Promise.all(own.map(subjectKey));
      found.set(nameOf(tenant, holder), {
        tenant,
        // Whose key is nowhere had one that was destroyed: fields come after keys.
        erased: own.length === 0 || own.some(({ state }) => state !== 'active'),
        newest: Math.max(0, ...own.map(({ version }) => version)),
        keys: keys.filter((key) => key !== undefined),
      });
    }
    return found;
  };

  /** Starts reading rings that nobody is reading yet, in one query. */
  const startLoading = (tenant: string, holders: readonly Holder[], read: Transaction): void => {
    const missing = holders.filter((holder) => !loading.has(nameOf(tenant, holder)));
    if (missing.length === 0) return;
    const began = generation;
    queries.inc();
    const pending = table.keysOf(read, tenant, missing).then((rows) => ringsOf(tenant, missing, rows));
    const finished = pending.then((found) => {
      for (const [name, ring] of found)
        if (hears && began === generation && ring.newest > 0) rings.set(name, copyOf(ring));
      // Whoever waits has copied by then.
      setImmediate(() => {
        for (const ring of found.values()) wipe(ring.keys);
      });
      return found;
    });
    for (const holder of missing) loading.set(nameOf(tenant, holder), finished);
    const end = () => {
      for (const holder of missing) loading.delete(nameOf(tenant, holder));
    };
    finished.then(end, end);
  };

  const openerOf = (held: ReadonlyMap<string, Ring>): Opener => {
    const open = (place: Place, of: KeyClass, bytes: Buffer): string => {
      const { version } = headOf(bytes);
      const ring = held.get(nameOf(place.tenant, { subject: place.subject, class: of }));
      if (!ring || ring.erased) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the person’s key is gone');
      const known = ring.keys.find((key) => key.version === version);
      if (known) return openField(known.key, place, bytes);
      throw version < ring.newest
        ? new Unprocessable('CRYPTO_KEY_RETIRED', 'the field’s key is out of use')
        : new Unprocessable('CRYPTO_AAD', 'the field is sealed with a key that this person never had');
    };
    return {
      open: (place, of, bytes) => {
        try {
          const text = open(place, of, bytes);
          fields.inc({ operation: 'open', outcome: 'done' });
          return text;
        } catch (error) {
          fields.inc({
            operation: 'open',
            outcome: error instanceof Unprocessable ? error.code : 'INTERNAL',
          });
          throw error;
        }
      },
      [Symbol.dispose]: () => {
        for (const ring of held.values()) wipe(ring.keys);
      },
    };
  };

  const newTenantKey: Vault['newTenantKey'] = async (tenant, kind, version) => {
    const key = randomBytes(keyBytes);
    const about = { tenant_id: tenant, kind, version };
    const { root: name, bytes } = await counted('wrap', root.wrap(key, purposeOf(about)));
    key.fill(0);
    return { ...about, id: table.newId(), wrapped: bytes, root: name };
  };

  const newSubjectKey: Vault['newSubjectKey'] = async (under, holder, version) => {
    const about = {
      tenant_id: under.tenant_id,
      subject_id: holder.subject,
      class: holder.class,
      version,
      tenant_key_version: under.version,
    };
    const above = await tenantKey(under);
    const key = randomBytes(keyBytes);
    const wrapped = wrapKey(above, key, purposeOfSubject(about));
    wipe([{ key }, { key: above }]);
    return { ...about, id: table.newId(), wrapped };
  };

  /** The newest keys of a tenant of both kinds, made at their first use. */
  const tenantKeysOf = async (tenant: string, transaction: Transaction) => {
    const newest = async () => {
      const inUse = await table.tenantKeysInUse(transaction, tenant);
      const [wraps, indexes] = (['tenant', 'index'] as const).map((kind) =>
        inUse.findLast((key) => key.kind === kind),
      );
      return wraps && indexes && { wraps, indexes };
    };
    const known = await newest();
    if (known) return known;
    const made = (['tenant', 'index'] as const).map((kind) => newTenantKey(tenant, kind, 1));
    await table.addTenantKeys(transaction, await Promise.all(made));
    const created = await newest();
    if (!created) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the tenant’s keys are gone');
    return created;
  };

  return {
    root,
    opener: async (tenant, wanted, read) => {
      const held = new Map<string, Ring>();
      const newest = new Map<string, Holder & Head>();
      for (const field of wanted) {
        const name = nameOf(tenant, field);
        if (field.version >= (newest.get(name)?.version ?? 0)) newest.set(name, field);
      }
      for (const [name] of newest) {
        const known = rings.get(name);
        if (known) held.set(name, copyOf(known));
      }
      // A field may name a version that was made after its ring was read, or while it was: then it is read once more.
      for (let attempt = 0; attempt < 2; attempt++) {
        const missing = [...newest].filter(
          ([name, { version }]) => !((held.get(name)?.newest ?? -1) >= version),
        );
        startLoading(
          tenant,
          missing.map(([, holder]) => holder),
          read,
        );
        await Promise.all(
          missing.map(([name]) =>
            loading.get(name)?.then((found) => {
              const ring = found.get(name);
              if (ring) held.set(name, copyOf(ring));
            }),
          ),
        );
      }
      return openerOf(held);
    },
    sealer: async (tenant, holders, transaction) => {
      const wanted = distinct(holders);
      const [, { wraps, indexes }, found] = await Promise.all([
        table.holdVersions(transaction, tenant),
        tenantKeysOf(tenant, transaction),
        table.newestKeysOf(transaction, tenant, wanted),
      ]);
      let rows = found;
      const known = new Set(rows.map((row) => nameOf(tenant, { subject: row.subject_id, class: row.class })));
      const missing = wanted.filter((holder) => !known.has(nameOf(tenant, holder)));
      if (missing.length > 0) {
        const made = await Promise.all(missing.map((holder) => newSubjectKey(wraps, holder, 1)));
        await table.addSubjectKeys(transaction, made);
        rows = await table.newestKeysOf(transaction, tenant, wanted);
      }
      const held = await ringsOf(tenant, wanted, rows);
      const indexKey = { version: indexes.version, key: await tenantKey(indexes) };
      return {
        accepts: (holder) => held.get(nameOf(tenant, holder))?.erased === false,
        seal: (place, of, text) => {
          const [key] = held.get(nameOf(place.tenant, { subject: place.subject, class: of }))?.keys ?? [];
          if (!key) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the person’s key is gone');
          fields.inc({ operation: 'seal', outcome: 'done' });
          return sealField(key, place, text);
        },
        index: (place, kind, value) => blindIndex(indexKey, place, kind, value),
        [Symbol.dispose]: () => {
          for (const ring of held.values()) wipe(ring.keys);
          wipe([indexKey]);
        },
      };
    },
    indexesOf: async (place, kind, value, read) => {
      const keys = await Promise.all(
        (await indexKeysOf(place.tenant, read)).map(async (row) => ({
          version: row.version,
          key: await tenantKey(row),
        })),
      );
      const indexes = keys.map((key) => blindIndex(key, place, kind, value));
      wipe(keys);
      return indexes.filter((index) => index !== null);
    },
    pseudonyms: async (tenant, ids, read) => {
      const began = generation;
      const known = pseudonymKeys.get(tenant);
      const newest = known ? undefined : (await indexKeysOf(tenant, read)).at(-1);
      const key = known ? Buffer.from(known.key) : newest && (await tenantKey(newest));
      if (!key) return [];
      if (!known && hears && began === generation)
        pseudonymKeys.set(tenant, { tenant, key: Buffer.from(key) });
      const found = ids.map((id) => pseudonym(key, tenant, id));
      wipe([{ key }]);
      return found;
    },
    pseudonymsOf: async (tenant, id, read) => {
      const keys = await Promise.all((await indexKeysOf(tenant, read)).map(tenantKey));
      const found = keys.map((key) => pseudonym(key, tenant, id));
      wipe(keys.map((key) => ({ key })));
      return found;
    },
    rewrapped: async (row) => {
      const key = await tenantKey(row);
      const { root: name, bytes } = await counted('wrap', root.wrap(key, purposeOf(row)));
      key.fill(0);
      return { root: name, wrapped: bytes };
    },
    rewrappedUnder: async (to, row) => {
      const opened = await subjectKey(row);
      if (!opened) throw new Unprocessable('CRYPTO_KEY_SHREDDED', 'the person’s key is gone');
      const above = await tenantKey(to);
      const wrapped = wrapKey(
        above,
        opened.key,
        purposeOfSubject({ ...row, tenant_key_version: to.version }),
      );
      wipe([opened, { key: above }]);
      return wrapped;
    },
    prove: async (row) => void (await tenantKey(row)).fill(0),
    newTenantKey,
    newSubjectKey,
    forget: (tenant) => {
      generation++;
      for (const cache of [rings, tenantKeys, pseudonymKeys])
        for (const [name, known] of cache.entries())
          if (tenant === undefined || known.tenant === tenant) cache.delete(name);
      loading.clear();
    },
    hearing: (is) => {
      hears = is;
      if (is) return;
      generation++;
      rings.clear();
      tenantKeys.clear();
      pseudonymKeys.clear();
      loading.clear();
    },
  };
};

/** Oldest first. */
const indexKeysOf = async (tenant: string, read: Transaction): Promise<table.TenantKey[]> =>
  (await table.tenantKeysInUse(read, tenant)).filter(({ kind }) => kind === 'index');

/** What a wrapped key is for; it opens for nothing else. */
const purposeOf = ({
  tenant_id,
  kind,
  version,
}: Pick<table.TenantKey, 'tenant_id' | 'kind' | 'version'>): string =>
  JSON.stringify(['tenant-key', tenant_id, kind, version]);

const purposeOfSubject = (
  row: Pick<table.SubjectKey, 'tenant_id' | 'subject_id' | 'class' | 'version' | 'tenant_key_version'>,
): string =>
  JSON.stringify([
    'subject-key',
    row.tenant_id,
    row.subject_id,
    row.class,
    row.version,
    row.tenant_key_version,
  ]);
