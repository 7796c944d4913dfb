import { randomBytes } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { queries, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import { eventKeys } from './core.ts';
import { headOf, openField, type Place, sealField } from './field.ts';
import type { Vault } from './vault.ts';
import { keyBytes } from './wrap.ts';

/**
 * Details of events. An event stays as it was written for as long as it is kept, and keys are replaced; so each booking has a
 * key of its own, which never changes and is sealed like any field of its person. Where that is gone its events are unread
 * for ever, wherever a copy lies, and nothing in them says whose they were.
 */

const db = queries<CoreTables>();
const { class: kept } = eventKeys.columns.key;

/** Whose an event is, and its key. */
export interface EventKey {
  readonly subject: string;
  readonly key: Buffer;
}

const placeOf = (tenant: string, id: string, subject: string): Place => ({
  ...{ tenant, table: eventKeys.name, column: 'key', row: id, subject },
});

/** Keys by what they are of; those of people whose data were erased are absent. @throws Unavailable, Unprocessable */
export const eventKeysOf = async (
  transaction: Transaction,
  vault: Vault,
  tenant: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, EventKey>> => {
  const rows = await transaction.rows(
    db
      .selectFrom('event_keys')
      .select(['id', 'subject_id as subject', 'key'])
      .where('tenant_id', '=', tenant)
      .where('id', '=', sql<string>`any(${[...ids]}::text[])`),
  );
  const sealed = rows.flatMap(({ key, ...row }) => (key ? [{ ...row, bytes: key }] : []));
  const fields = sealed.map(({ subject, bytes }) => ({ subject, class: kept, ...headOf(bytes) }));
  if (fields.length === 0) return new Map();
  using opener = await vault.opener(tenant, fields, transaction);
  const found = new Map<string, EventKey>();
  for (const { id, subject, bytes } of sealed) {
    try {
      const text = opener.open(placeOf(tenant, id, subject), kept, bytes);
      found.set(id, { subject, key: Buffer.from(text, 'base64') });
    } catch (error) {
      if (!(error instanceof Unprocessable && error.code === 'CRYPTO_KEY_SHREDDED')) throw error;
    }
  }
  return found;
};

/** Makes the keys of what begins, and finds those that were made for it meanwhile; of people whose data were erased there are none. */
export const makeEventKeys = async (
  transaction: Transaction,
  vault: Vault,
  tenant: string,
  begun: readonly { readonly id: string; readonly subject: string }[],
): Promise<ReadonlyMap<string, Buffer>> => {
  const holderOf = (subject: string) => ({ subject, class: kept });
  using sealer = await vault.sealer(
    tenant,
    begun.map(({ subject }) => holderOf(subject)),
    transaction,
  );
  const keys = new Map(
    begun
      .filter(({ subject }) => sealer.accepts(holderOf(subject)))
      .map(({ id, subject }) => [id, { subject, key: randomBytes(keyBytes) }]),
  );
  if (keys.size === 0) return new Map();
  const made = await transaction.rows(
    db
      .insertInto('event_keys')
      .values(
        Array.from(keys, ([id, { subject, key }]) => ({
          ...{ tenant_id: tenant, id, subject_id: subject },
          key: sealer.seal(placeOf(tenant, id, subject), kept, key.toString('base64')),
        })),
      )
      .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing())
      .returning('id'),
  );
  const isMade = new Set(made.map(({ id }) => id));
  const others = [...keys.keys()].filter((id) => !isMade.has(id));
  const before =
    others.length > 0 ? await eventKeysOf(transaction, vault, tenant, others) : new Map<string, EventKey>();
  return new Map(
    [...keys].flatMap(([id, own]) => {
      const known = isMade.has(id) ? own : before.get(id);
      return known ? [[id, known.key] as const] : [];
    }),
  );
};

/** Where the details of an event belong. */
export interface EventPlace {
  readonly tenant: string;
  /** The booking, and the place of the event in it, from 1. */
  readonly id: string;
  readonly version: number;
}

const within = ({ tenant, id, version }: EventPlace): Place => ({
  ...{ tenant, table: 'events', column: 'details', row: String(version), subject: id },
});
/** A key of events has one version for ever. */
const only = { version: 1, tenantKeyVersion: 1 } as const;

export const sealDetails = (key: Buffer, place: EventPlace, details: unknown): string =>
  sealField({ key, ...only }, within(place), JSON.stringify(details)).toString('base64');

/** @throws Unprocessable CRYPTO_FORMAT, CRYPTO_AAD */
export const openDetails = (key: Buffer, place: EventPlace, sealed: string): unknown =>
  JSON.parse(openField(key, within(place), Buffer.from(sealed, 'base64')));
