import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';

/** A key under another key, `iv 12 | ciphertext 32 | tag 16`, AES-256-GCM, bound to what the key is for. */

const ivBytes = 12;
const tagBytes = 16;
export const keyBytes = 32;

export const wrapKey = (under: Buffer, key: Buffer, purpose: string): Buffer => {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', under, iv, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(purpose));
  return Buffer.concat([iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
};

/** @throws Unprocessable CRYPTO_FORMAT for a wrong length, CRYPTO_AAD for another key or purpose */
export const unwrapKey = (under: Buffer, wrapped: Buffer, purpose: string): Buffer => {
  if (wrapped.length !== ivBytes + keyBytes + tagBytes)
    throw new Unprocessable('CRYPTO_FORMAT', 'a wrapped key has a wrong length');
  const decipher = createDecipheriv('aes-256-gcm', under, wrapped.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(wrapped.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(ivBytes, -tagBytes)), decipher.final()]);
  } catch {
    throw new Unprocessable('CRYPTO_AAD', 'a wrapped key is not in its place');
  }
};
