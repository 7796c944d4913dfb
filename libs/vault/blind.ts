import { createHmac, hkdfSync } from 'node:crypto';

/**
 * Blind indexes: a keyed hash beside a sealed field, by which an equal value is found without opening anything. Equal
 * values show as equal within one tenant and column and nowhere else. Only for values that are (nearly) unique;
 * of what many share the frequencies would tell.
 */

/** How values of a kind are written alike. */
export type IndexKind = 'cpf' | 'email' | 'phone' | 'id';

const digits = (text: string): string => text.replace(/\D/g, '');

const normal: Record<IndexKind, (text: string) => string> = {
  cpf: digits,
  email: (text) => text.trim().toLowerCase(),
  id: (text) => text,
  // A number without its country is Brazilian, as libs/nlu/ids.ts reads it.
  phone: (text) => digits(text).replace(/^(?=\d{10,11}$)/, '55'),
};

const hmacBytes = 16;

/** Where an index is: each has a key of its own. */
export interface IndexPlace {
  readonly tenant: string;
  readonly table: string;
  readonly column: string;
}

/** `version u16 | HMAC-SHA256, 16 bytes`; null where nothing is left to index. */
export const blindIndex = (
  { key, version }: { readonly key: Buffer; readonly version: number },
  { tenant, table, column }: IndexPlace,
  kind: IndexKind,
  value: string,
): Buffer | null => {
  const text = normal[kind](value.normalize('NFKC'));
  if (text === '') return null;
  const own = Buffer.from(hkdfSync('sha256', key, '', JSON.stringify([tenant, table, column, version]), 32));
  const first = Buffer.alloc(2);
  first.writeUInt16BE(version);
  return Buffer.concat([first, createHmac('sha256', own).update(text).digest().subarray(0, hmacBytes)]);
};

/** What stands for an id of a tenant's records: 72 bits of a keyed hash, in base64url. */
export const pseudonym = (key: Buffer, tenant: string, id: string): string => {
  const own = Buffer.from(hkdfSync('sha256', key, '', JSON.stringify(['pseudonym', tenant]), 32));
  return createHmac('sha256', own).update(id).digest().subarray(0, 9).toString('base64url');
};
