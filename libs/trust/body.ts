import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { LRUCache } from 'lru-cache';
import { currentOf, keysFrom, type SecretKey, secretKeysOf, serves } from './keyset.ts';

/**
 * Bodies that hold personal data, sealed for one tenant and one place: `01 | key u16 | iv 12 | ciphertext | tag 16`,
 * AES-256-GCM. The first byte is the format and picks the algorithm; nothing else does. What is authenticated beside
 * the ciphertext is where it belongs, so a body that is moved to another run, tenant or message does not open.
 */

/** Where a body belongs. */
export interface Place {
  readonly subject: string;
  readonly tenant: string;
  /** The run; for intake it is not in the subject. */
  readonly id: string;
  readonly message: string;
  /** Version of the body's schema, as its header says. */
  readonly version: string;
  /** What the message says in clear. */
  readonly head: string;
}

export interface Bodies {
  seal(place: Place, text: string | Uint8Array): Uint8Array;
  /** @throws Unprocessable CTX_PAYLOAD_MISMATCH, CRYPTO_KEY_RETIRED */
  open(place: Place, sealed: Uint8Array): Buffer;
}

const format = 1;
const ivAt = 3;
const textAt = ivAt + 12;
const tagBytes = 16;
const cipher = 'aes-256-gcm';
/** With random nonces, AES-GCM allows 2^32 bodies a key (NIST SP 800-38D, 8.3): per tenant and version here. */
const keyOf = ({ secret }: SecretKey, tenant: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `jangada body ${format}\0${tenant}`, 32));

const authenticated = ({ subject, tenant, id, message, version, head }: Place): Buffer =>
  Buffer.from([subject, tenant, id, message, version, head].join('\0'));

/** Seals and opens with the keys of a set whose ids are numbers; every tenant has a key of its own under each. */
export const openBodies = (text: () => string): Bodies => {
  const keys = keysFrom(text, secretKeysOf);
  const derived = new WeakMap<SecretKey, LRUCache<string, Buffer>>();
  const tenantKey = (key: SecretKey, tenant: string): Buffer => {
    let known = derived.get(key);
    if (!known) {
      known = new LRUCache({ max: 10_000 });
      derived.set(key, known);
    }
    let own = known.get(tenant);
    if (!own) {
      own = keyOf(key, tenant);
      known.set(tenant, own);
    }
    return own;
  };

  return {
    seal: (place, body) => {
      const key = currentOf(keys());
      const head = Buffer.allocUnsafe(textAt);
      head[0] = format;
      head.writeUInt16BE(Number(key.kid), 1);
      const iv = randomBytes(textAt - ivAt);
      iv.copy(head, ivAt);
      const sealing = createCipheriv(cipher, tenantKey(key, place.tenant), iv, { authTagLength: tagBytes });
      sealing.setAAD(authenticated(place));
      const text = typeof body === 'string' ? sealing.update(body, 'utf8') : sealing.update(body);
      return Buffer.concat([head, text, sealing.final(), sealing.getAuthTag()]);
    },
    open: (place, sealed) => {
      if (!isSealed(sealed)) throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'the body is not sealed');
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
      const kid = String(bytes.readUInt16BE(1));
      const key = keys().find((one) => one.kid === kid);
      if (!key || !serves(key, Date.now()))
        throw new Unprocessable('CRYPTO_KEY_RETIRED', 'the body is sealed with a key that does not serve');
      const opening = createDecipheriv(cipher, tenantKey(key, place.tenant), bytes.subarray(ivAt, textAt), {
        authTagLength: tagBytes,
      });
      opening.setAAD(authenticated(place));
      opening.setAuthTag(bytes.subarray(-tagBytes));
      try {
        return Buffer.concat([opening.update(bytes.subarray(textAt, -tagBytes)), opening.final()]);
      } catch {
        throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'the body does not belong here');
      }
    },
  };
};

/** True for what has the form of a sealed body; only opening it tells whether it is one. */
export const isSealed = (bytes: Uint8Array): boolean =>
  bytes.length >= textAt + tagBytes && bytes[0] === format;
