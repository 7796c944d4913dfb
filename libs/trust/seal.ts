import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/**
 * Signed statements: base64url(JSON) and an Ed25519 signature over those very bytes. There is no algorithm
 * field to confuse; the key id inside picks the key and the version picks the format.
 */

const base = z.object({ v: z.literal(1), kid: z.string() });

/** A private key that makes statements of one issuer. */
export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

/** Public keys by key id. Several are present while a rotation overlaps. */
export type KeyRing = ReadonlyMap<string, KeyObject>;

const jwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: z.string(), x: z.string() });
const privateJwk = jwk.extend({ d: z.string() });

/** Reads one private key as a JWK (RFC 8037). */
export const signerOf = (text: string): Signer => {
  const parsed = privateJwk.parse(JSON.parse(text));
  return { kid: parsed.kid, key: createPrivateKey({ key: parsed, format: 'jwk' }) };
};

/** Reads public keys as a JWK set. */
export const keyRingOf = (text: string): KeyRing => {
  const { keys } = z.object({ keys: z.array(jwk) }).parse(JSON.parse(text));
  return new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
};

/** Signs a statement. */
export const seal = (signer: Signer, claims: object): string => {
  const payload = Buffer.from(JSON.stringify({ v: 1, kid: signer.kid, ...claims })).toString('base64url');
  return `${payload}.${sign(null, Buffer.from(payload), signer.key).toString('base64url')}`;
};

/**
 * A reader of statements of one kind. Verifying costs about 100 µs of CPU and one statement passes a process
 * several times, so what was verified is remembered; its expiry is the caller's to check, each time.
 * @throws Unprocessable CTX_INVALID for a wrong signature, an unknown key or a wrong shape
 */
export const reader = <S extends z.ZodType>(
  ring: KeyRing,
  shape: S,
): ((statement: string) => z.output<S>) => {
  const verified = new LRUCache<string, z.output<S> & object>({ max: 10_000 });
  return (statement) => {
    const known = verified.get(statement);
    if (known) return known;
    const dot = statement.indexOf('.');
    const payload = statement.slice(0, dot);
    const claims = parse(payload);
    const head = base.safeParse(claims);
    const key = head.success ? ring.get(head.data.kid) : undefined;
    if (
      dot < 1 ||
      !key ||
      !verify(null, Buffer.from(payload), key, Buffer.from(statement.slice(dot + 1), 'base64url'))
    ) {
      throw new Unprocessable('CTX_INVALID', 'signature does not verify');
    }
    const read = shape.safeParse(claims);
    if (!read.success) throw new Unprocessable('CTX_INVALID', 'signed statement has a wrong shape');
    verified.set(statement, read.data as z.output<S> & object);
    return read.data;
  };
};

const parse = (payload: string): unknown => {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
};
