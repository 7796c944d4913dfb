import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { z } from 'zod';

/**
 * Keys as files hold them: JWK sets (RFC 7517), each key with the time it serves. A rotation adds a key that begins
 * later, so that everybody knows it before anybody uses it.
 */

/** When a key serves, in ms since 1970. */
export interface Timed {
  readonly kid: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A secret that both ends share. */
export interface SecretKey extends Timed {
  readonly secret: Buffer;
}

/** A private key that signs. */
export interface Signer extends Timed {
  readonly key: KeyObject;
}

/** A key that verifies what a signer signed. */
export interface PublicKey extends Timed {
  readonly key: KeyObject;
}

const instant = z.iso.datetime().transform((text) => Date.parse(text));

/** The fields that every key has. A key without times serves always: it was made by another tool. */
const timed = z.object({
  kid: z.string().regex(/^[\w-]{1,40}$/),
  notBefore: instant.default(0),
  notAfter: instant.default(Number.MAX_SAFE_INTEGER),
});

const octet = timed.extend({ kty: z.literal('oct'), k: z.string() });
const ed25519 = timed.extend({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() });
const privateEd25519 = ed25519.extend({ d: z.string() });

const keyBytes = 32;

/** @throws Error that says nothing of the text, which holds secrets */
const setOf = <S extends z.ZodType>(text: string, key: S): z.output<S>[] => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('a set of keys is not JSON');
  }
  const read = z.object({ keys: z.array(key).min(1) }).safeParse(json);
  if (!read.success)
    throw new Error(`a set of keys is wrong: ${read.error.issues.map(({ path }) => path.join('.')).join()}`);
  return read.data.keys;
};

/** Secrets of 32 bytes. @throws Error */
export const secretKeysOf = (text: string): readonly SecretKey[] =>
  setOf(text, octet).map(({ k, kid, notBefore, notAfter }) => {
    const secret = Buffer.from(k, 'base64url');
    if (secret.length !== keyBytes) throw new Error(`a set of keys is wrong: ${kid} is not 32 bytes`);
    return { kid, notBefore, notAfter, secret };
  });

/** Private keys (RFC 8037). @throws Error */
export const signersOf = (text: string): readonly Signer[] =>
  setOf(text, privateEd25519).map(({ kid, notBefore, notAfter, ...key }) => ({
    kid,
    notBefore,
    notAfter,
    key: createPrivateKey({ key, format: 'jwk' }),
  }));

/** Public keys, such as those of a root. @throws Error */
export const publicKeysOf = (text: string): readonly PublicKey[] =>
  setOf(text, ed25519).map(({ kid, notBefore, notAfter, ...key }) => ({
    kid,
    notBefore,
    notAfter,
    key: createPublicKey({ key, format: 'jwk' }),
  }));

/**
 * The keys of a text that may change while we run: read again when it has. A text that cannot be read, because it is
 * being written or is wrong, changes nothing; the keys known before serve until their time is over.
 * @throws Error when the first text cannot be read
 */
export const keysFrom = <K>(
  text: () => string,
  parse: (text: string) => readonly K[],
): (() => readonly K[]) => {
  let seen = text();
  let keys = parse(seen);
  return () => {
    const now = text();
    if (now === seen) return keys;
    seen = now;
    try {
      keys = parse(now);
    } catch {
      return keys;
    }
    return keys;
  };
};

export const serves = ({ notBefore, notAfter }: Timed, now: number): boolean =>
  notBefore <= now && now < notAfter;

/** The newest key that serves: the one to sign or seal with. @throws Unavailable when none does */
export const currentOf = <K extends Timed>(keys: readonly K[], now = Date.now()): K => {
  let newest: K | undefined;
  for (const key of keys)
    if (serves(key, now) && (!newest || key.notBefore >= newest.notBefore)) newest = key;
  if (!newest) throw new Unavailable('key');
  return newest;
};

/** The private key to sign with now, from a set that may change while we run. */
export const signerFrom = (text: () => string): (() => Signer) => {
  const keys = keysFrom(text, signersOf);
  return () => currentOf(keys());
};

/** The secret to use now, from a set that may change while we run. */
export const secretFrom = (text: () => string): (() => SecretKey) => {
  const keys = keysFrom(text, secretKeysOf);
  return () => currentOf(keys());
};
