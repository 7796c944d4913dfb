import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '@jangada/config/config.ts';
import { core } from '@jangada/proto/envelope.ts';
import { destroyed, rotated } from '@jangada/proto/keys.ts';
import { connect, queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { KeyClass } from '@jangada/vault/keys.ts';
import {
  type Kind,
  makeTenantKeys,
  type Rotating,
  type Rotation,
  retire,
  rotate,
} from '@jangada/vault/rotate.ts';
import type { SealedTable } from '@jangada/vault/rows.ts';
import { shred } from '@jangada/vault/shred.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { nextRootKey, ownKeys, swapRootKeys } from '../keys.ts';
import { home, readLocal } from '../local.ts';
import { operatorVault, rootEnv, sealedTenants, vaultFrom } from '../vault.ts';
import { Failure } from './failure.ts';
import { type Operator, openOperator, say } from './operator.ts';
import { remark } from './output.ts';

/** Keys of sealed fields, as the command line lists, rotates and destroys them. See libs/vault. */

export const vaultKinds: Readonly<Record<Kind, string>> = {
  root: 'wraps the keys of tenants',
  tenant: 'wraps the keys of people, one for each tenant',
  subject: 'seals the fields of a person, one for each class',
  index: 'makes blind indexes, one for each tenant',
};

/** A version of a key, or of many alike; never the key itself. */
export interface VaultKey {
  readonly kind: Kind;
  readonly tenant: string;
  readonly version: string;
  /** Absent where the line stands for many. */
  readonly id?: string;
  readonly state: 'current' | 'previous' | 'ended' | 'frozen' | 'destroyed';
  readonly since: string;
  /** Keys or fields' keys that it protects. */
  readonly protects: number;
}

const db = queries<CoreTables>();
const file = (): string => join(home(), 'keys.json');
/** True where the root key is this folder's own. */
const isOwn = (): boolean =>
  !(process.env['ENCRYPTION_KEY'] ?? process.env['ENCRYPTION_KEY_FILE']) && existsSync(file());

interface Context {
  readonly store: Store;
  readonly vault: Vault;
  readonly operator: Operator;
}

const openOperatorStore = (): Store =>
  connect('operator', { DATABASE_URL: readLocal(['databaseUrl']).databaseUrl, DATABASE_POOL_SIZE: 2 });

const within = async <T>(
  work: (context: Context) => Promise<T>,
  openVault: () => Promise<Vault> = operatorVault,
): Promise<T> => {
  await using operator = await openOperator();
  await using store = openOperatorStore();
  return await work({ store, operator, vault: await openVault() });
};

interface Tenant {
  readonly tenant: string;
  readonly tables: readonly SealedTable[];
}

/** @throws Failure for a tenant that is not there */
const tenantsOf = async (store: Store, wanted: string | undefined): Promise<readonly Tenant[]> => {
  const all = await sealedTenants(store);
  const some = wanted === undefined ? all : all.filter(({ tenant }) => tenant === wanted);
  if (wanted !== undefined && some.length === 0) throw new Failure(`there is no tenant ${wanted}`);
  return some;
};

/** Tells every service that keys changed, and that what was read under them may be gone. */
const announceTo =
  ({ nc }: Operator, tenant: string) =>
  async (): Promise<void> => {
    nc.publish(core.keysChanged(tenant));
    nc.publish(core.changed(tenant));
    await nc.flush();
  };

/** Every version of the tenants' keys, and how many people's keys there are of each class. */
export const listVaultKeys = async (tenant?: string): Promise<readonly VaultKey[]> => {
  await using store = openOperatorStore();
  const statement = sql<VaultKey>`
    select kind, tenant, version, id, state, to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since, protects
    from (
      select t.kind, t.tenant_id as tenant, t.version::text, t.id, t.created_at as since,
        case when t.retired_at is not null then 'ended'
          when t.version = max(t.version) over (partition by t.tenant_id, t.kind) then 'current' else 'previous' end as state,
        case when t.kind = 'tenant' then (select count(*)::int from subject_keys s
          where s.tenant_id = t.tenant_id and s.wrapped is not null and s.tenant_key_version = t.version) else 0 end as protects
      from tenant_keys t
      union all
      select 'root', tenant_id, root, null, min(created_at), 'current', count(*)::int
      from tenant_keys where wrapped is not null group by 2, 3
      union all
      select 'subject', tenant_id, class, null, min(created_at), case state when 'active' then 'current' else state end, count(*)::int
      from subject_keys where wrapped is not null or state <> 'active' group by 2, 3, 6) as keys
    where ${tenant ?? null}::text is null or tenant = ${tenant ?? null}
    order by tenant, kind, since`;
  return await store.rows<VaultKey>(written(statement));
};

interface RotateOptions {
  readonly tenant?: string;
  /** Only what is older than the settings allow. */
  readonly due?: boolean;
}

/** What became of one tenant's keys; `notDue` where they are too young. */
export type Rotated = Rotation | { readonly kind: Kind; readonly tenant: string; readonly notDue: true };

/** @throws Failure, NotRunning, Unavailable */
export const rotateVaultKeys = async (
  kind: Kind,
  { tenant, due = false }: RotateOptions,
): Promise<readonly Rotated[]> => {
  const age = readConfig(['AI_ENCRYPTION_KEY_ROTATION_ENABLED', 'AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS']);
  if (due && kind !== 'tenant') throw new Failure(`only keys of tenants rotate by their age, not ${kind}`);
  if (due && !age.AI_ENCRYPTION_KEY_ROTATION_ENABLED) {
    remark('rotation by age is switched off (AI_ENCRYPTION_KEY_ROTATION_ENABLED)');
    return [];
  }
  const youngest = Date.now() - age.AI_AGENT_ENCRYPTION_KEY_ROTATION_HOURS * 3_600_000;
  const isLocalRoot = kind === 'root' && isOwn();
  const done = await within(
    async (context) => {
      const all: Rotated[] = [];
      for (const one of await tenantsOf(context.store, isLocalRoot ? undefined : tenant)) {
        const made = due ? await madeAt(context.store, one.tenant) : undefined;
        if (due && (made === undefined || made > youngest)) {
          all.push({ kind, tenant: one.tenant, notDue: true });
          continue;
        }
        const rotation = await rotate(kind, rotatingOf(context, one));
        const { tenant: of, ...body } = rotation;
        await say(context.operator, rotated, of, body);
        all.push(rotation);
      }
      return all;
    },
    // The new root is one that every service knows already, beside the one of now.
    isLocalRoot ? () => vaultFrom(rootEnv(swapRootKeys(ownKeys(file())))) : operatorVault,
  );
  if (isLocalRoot) {
    nextRootKey(file(), 'swap');
    remark('services use the new root key from their next start; then `npx jangada keys retire root`');
  }
  return done;
};

const rotatingOf = ({ store, vault, operator }: Context, { tenant, tables }: Tenant): Rotating => ({
  store,
  vault,
  tenant,
  tables,
  announce: announceTo(operator, tenant),
  progress: (what, count) => remark(`${tenant}: ${count} ${what}`),
});

/** When the tenant's key of now was made, in ms since 1970. */
const madeAt = async (store: Store, tenant: string): Promise<number | undefined> => {
  const newest = db
    .selectFrom('tenant_keys')
    .select('created_at')
    .where('tenant_id', '=', tenant)
    .where('kind', '=', 'tenant')
    .orderBy('version', 'desc')
    .limit(1);
  const [row] = await store.rows(newest);
  return row && Date.parse(row.created_at);
};

/**
 * Puts out of use what nothing is left under. Of the local root: drops the key of before, for services that start
 * from now on. @throws Failure when something is still under it
 */
export const retireVaultKeys = (
  kind: Kind,
  tenant: string | undefined,
): Promise<readonly { tenant: string; left: number; retired: number }[]> =>
  within(async (context) => {
    const done = [];
    for (const one of await tenantsOf(context.store, tenant)) {
      if (kind !== 'root')
        done.push({ tenant: one.tenant, ...(await retire(kind, rotatingOf(context, one))) });
      else done.push({ tenant: one.tenant, left: await underOtherRoot(context, one.tenant), retired: 0 });
    }
    if (kind === 'root' && isOwn()) {
      if (done.some(({ left }) => left > 0))
        throw new Failure('keys are still wrapped by another root; `npx jangada keys rotate root` first');
      nextRootKey(file(), 'fresh');
    }
    return done;
  });

const underOtherRoot = async ({ store, vault }: Context, tenant: string): Promise<number> => {
  const others = db
    .selectFrom('tenant_keys')
    .select('id')
    .where('tenant_id', '=', tenant)
    .where('retired_at', 'is', null)
    .where('root', '<>', await vault.root.current());
  return (await store.rows(others)).length;
};

/** Makes keys for tenants that have none. True for those that had none. */
export const generateVaultKeys = (
  tenant: string | undefined,
): Promise<readonly { readonly tenant: string; readonly made: boolean }[]> =>
  within(async ({ store, vault }) => {
    const all = [];
    for (const one of await tenantsOf(store, tenant))
      all.push({ tenant: one.tenant, made: await makeTenantKeys({ store, vault, tenant: one.tenant }) });
    return all;
  });

/** @throws Failure when a legal hold is on data of the class, or the person has no such key */
export const shredVaultKeys = (of: {
  readonly tenant: string;
  readonly subject: string;
  readonly class: KeyClass;
}): Promise<readonly string[]> =>
  within(async ({ store, operator }) => {
    const [one] = await tenantsOf(store, of.tenant);
    const held = await store.rows(
      db
        .selectFrom('legal_holds')
        .select('class')
        .where('tenant_id', '=', of.tenant)
        .where('released_at', 'is', null),
    );
    if (held.length > 0)
      throw new Failure(
        `data of ${of.tenant} are under legal hold (${held.map((hold) => hold.class).join(', ')}): nothing is destroyed`,
      );
    const keys = await shred({
      ...of,
      store,
      tables: one?.tables ?? [],
      announce: announceTo(operator, of.tenant),
    });
    if (keys.length === 0) throw new Failure(`no ${of.class} key of this person is left in ${of.tenant}`);
    await say(operator, destroyed, of.tenant, { class: of.class, keys: [...keys] });
    const kept = (one?.tables ?? []).flatMap(({ name, columns }) =>
      Object.entries(columns).flatMap(([column, sealed]) =>
        sealed.class === of.class ? [] : [`${name}.${column} (${sealed.class})`],
      ),
    );
    if (kept.length > 0)
      remark(`not sealed with these keys, and readable if it was before: ${kept.join(', ')}`);
    return keys;
  });
