import { randomBytes } from 'node:crypto';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { type Insertable, type Selectable, sql } from 'kysely';

/**
 * The tables of keys. Every statement names its tenant, although row-level security does too: two checks written
 * apart.
 */

/** What a key protects: what the law makes us keep, or what may go when its person asks. */
export type KeyClass = CoreTables['subject_keys']['class'];

/** Whose key of which class. */
export interface Holder {
  readonly subject: string;
  readonly class: KeyClass;
}

export type TenantKey = Pick<
  Selectable<CoreTables['tenant_keys']>,
  'tenant_id' | 'kind' | 'version' | 'id' | 'wrapped' | 'root'
>;
export type NewTenantKey = Insertable<CoreTables['tenant_keys']>;
export type NewSubjectKey = Omit<Insertable<CoreTables['subject_keys']>, 'state' | 'retired_at'>;

export type SubjectKey = Pick<
  Selectable<CoreTables['subject_keys']>,
  'tenant_id' | 'subject_id' | 'class' | 'version' | 'id' | 'wrapped' | 'tenant_key_version' | 'state'
> & {
  /** The tenant's key that wraps it; null when that is gone. */
  readonly under: TenantKey | null;
};

const db = queries<CoreTables>();

/** Says nothing of the key it names. */
export const newId = (): string => randomBytes(9).toString('base64url');

interface Joined extends Omit<SubjectKey, 'under'> {
  readonly under_version: number | null;
  readonly under_id: string;
  readonly under_wrapped: Buffer | null;
  readonly under_root: string;
}

const joined = ({ under_version, under_id, under_wrapped, under_root, ...row }: Joined): SubjectKey => ({
  ...row,
  under:
    under_version === null
      ? null
      : {
          tenant_id: row.tenant_id,
          kind: 'tenant',
          version: under_version,
          id: under_id,
          wrapped: under_wrapped,
          root: under_root,
        },
});

const columns = sql`s.tenant_id, s.subject_id, s.class, s.version, s.id, s.wrapped, s.tenant_key_version, s.state,
  t.version as under_version, t.id as under_id, t.wrapped as under_wrapped, t.root as under_root`;
const tables = sql`subject_keys s left join tenant_keys t
  on t.tenant_id = s.tenant_id and t.kind = 'tenant' and t.version = s.tenant_key_version`;

const rowsOf = async (
  read: Transaction,
  rest: ReturnType<typeof sql>,
  only = sql``,
): Promise<SubjectKey[]> => {
  const statement = sql<Joined>`select ${only}${columns} from ${tables} ${rest}`;
  return (await read.rows<Joined>(written(statement))).map(joined);
};

const isOf = (tenant: string, holders: readonly Holder[]) => sql`
  where s.tenant_id = ${tenant} and (s.subject_id, s.class) in (
    select * from unnest(${holders.map(({ subject }) => subject)}::text[], ${holders.map((holder) => holder.class)}::text[]))`;

/** Every version of these keys, with the tenant's keys that wrap them. */
export const keysOf = (
  read: Transaction,
  tenant: string,
  holders: readonly Holder[],
): Promise<SubjectKey[]> => rowsOf(read, isOf(tenant, holders));

/** The newest version of each of these keys. */
export const newestKeysOf = (
  read: Transaction,
  tenant: string,
  holders: readonly Holder[],
): Promise<SubjectKey[]> =>
  rowsOf(
    read,
    sql`${isOf(tenant, holders)} order by s.subject_id, s.class, s.version desc`,
    sql`distinct on (s.subject_id, s.class) `,
  );

/** Some keys that an older version of the tenant's key wraps, held until the transaction ends. */
export const keysUnderOlder = (
  read: Transaction,
  tenant: string,
  version: number,
  limit: number,
): Promise<SubjectKey[]> =>
  rowsOf(
    read,
    sql`where s.tenant_id = ${tenant} and s.wrapped is not null and s.tenant_key_version < ${version}
      order by s.tenant_key_version, s.subject_id limit ${limit} for update of s`,
  );

/** A tenant's keys that are in use, oldest first. */
export const tenantKeysInUse = (read: Transaction, tenant: string): Promise<TenantKey[]> =>
  read.rows(
    db
      .selectFrom('tenant_keys')
      .select(['tenant_id', 'kind', 'version', 'id', 'wrapped', 'root'])
      .where('tenant_id', '=', tenant)
      .where('retired_at', 'is', null)
      .orderBy('version'),
  );

/** Adds keys; one that somebody else has added first stays. */
export const addTenantKeys = async (
  transaction: Transaction,
  keys: readonly NewTenantKey[],
): Promise<void> => {
  await transaction.rows(
    db
      .insertInto('tenant_keys')
      .values(keys)
      .onConflict((conflict) => conflict.columns(['tenant_id', 'kind', 'version']).doNothing()),
  );
};

export const addSubjectKeys = async (
  transaction: Transaction,
  keys: readonly NewSubjectKey[],
): Promise<void> => {
  const column = <K extends keyof NewSubjectKey>(name: K) => keys.map((key) => key[name]);
  const statement = sql<never>`
    insert into subject_keys (tenant_id, subject_id, class, version, id, wrapped, tenant_key_version)
    select * from unnest(
      ${column('tenant_id')}::text[], ${column('subject_id')}::text[], ${column('class')}::text[],
      ${column('version')}::smallint[], ${column('id')}::text[], ${column('wrapped')}::bytea[],
      ${column('tenant_key_version')}::smallint[])
    on conflict (tenant_id, subject_id, class, version) do nothing`;
  await transaction.rows(written(statement));
};

const lockName = (tenant: string) => sql`hashtextextended(${`keys ${tenant}`}, 0)`;

/** Until this transaction ends nobody puts a version out of use: whoever seals holds it. */
export const holdVersions = async (transaction: Transaction, tenant: string): Promise<void> => {
  const statement = sql`select pg_advisory_xact_lock_shared(${lockName(tenant)})`;
  await transaction.rows(written(statement));
};

/** Waits until nobody seals and keeps them waiting: whoever puts a version out of use counts once more under it. */
export const settleVersions = async (transaction: Transaction, tenant: string): Promise<void> => {
  const statement = sql`select pg_advisory_xact_lock(${lockName(tenant)})`;
  await transaction.rows(written(statement));
};
