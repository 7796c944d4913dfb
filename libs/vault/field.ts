import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Sealed } from '@jangada/store/tables.ts';

/**
 * One sealed field, `01 | tenant key version u16 | subject key version u16 | iv 12 | ciphertext | tag 16`: AES-256-GCM.
 * The first byte alone says how to read the rest, so there is no algorithm to confuse. The head and the place are
 * authenticated, so that a value that was moved to another row, column, person or tenant does not open.
 */

/** Where a value belongs. */
export interface Place {
  readonly tenant: string;
  readonly table: string;
  readonly column: string;
  readonly row: string;
  readonly subject: string;
}

/** A subject key in one of its versions. */
export interface FieldKey {
  readonly version: number;
  /** Version of the tenant's key that wraps it; in a field, of the one that did when it was sealed. */
  readonly tenantKeyVersion: number;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** Which keys a field was sealed with. */
export type Head = Pick<FieldKey, 'version' | 'tenantKeyVersion'>;

const format = 1;
const headBytes = 5;
const ivBytes = 12;
const tagBytes = 16;
/** Values are filled up to a multiple of this: their length tells nothing, and a short tag is no field at all. */
const block = 16;
/** Raised when what a column holds changes its meaning. */
const schema = 1;
const shortest = headBytes + ivBytes + block + tagBytes;

export const sealField = ({ key, ...head }: FieldKey, place: Place, text: string): Sealed<string> => {
  const first = Buffer.alloc(headBytes);
  first.writeUInt8(format, 0);
  first.writeUInt16BE(head.tenantKeyVersion, 1);
  first.writeUInt16BE(head.version, 3);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes });
  cipher.setAAD(boundTo(first, place));
  const sealed = Buffer.concat([first, iv, cipher.update(filled(text)), cipher.final(), cipher.getAuthTag()]);
  return sealed as Sealed<string>;
};

/** @throws Unprocessable CRYPTO_FORMAT for bytes that are no sealed field, clear text among them */
export const headOf = (bytes: Buffer): Head => {
  const body = bytes.length - shortest;
  if (bytes[0] !== format || body < 0 || body % block !== 0)
    throw new Unprocessable('CRYPTO_FORMAT', 'these bytes are no sealed field');
  return { tenantKeyVersion: bytes.readUInt16BE(1), version: bytes.readUInt16BE(3) };
};

/** @throws Unprocessable CRYPTO_FORMAT, or CRYPTO_AAD for a value that was altered, moved or sealed with another key */
export const openField = (key: Buffer, place: Place, bytes: Buffer): string => {
  headOf(bytes);
  const first = bytes.subarray(0, headBytes);
  const body = bytes.subarray(headBytes + ivBytes, -tagBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headBytes, headBytes + ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(boundTo(first, place)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return emptied(Buffer.concat([decipher.update(body), decipher.final()]));
  } catch {
    throw new Unprocessable('CRYPTO_AAD', 'a sealed field is not in its place');
  }
};

const boundTo = (head: Buffer, { tenant, table, column, row, subject }: Place): Buffer =>
  Buffer.concat([head, Buffer.from(JSON.stringify([tenant, table, column, row, subject, schema]))]);

/** Fills with 80 00 … (ISO/IEC 7816-4). */
const filled = (text: string): Buffer => {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(length + block - (length % block));
  bytes.write(text);
  bytes[length] = 0x80;
  return bytes;
};

const emptied = (bytes: Buffer): string => bytes.toString('utf8', 0, bytes.lastIndexOf(0x80));
