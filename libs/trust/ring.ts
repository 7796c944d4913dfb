import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { currentOf, type PublicKey, publicKeysOf, type Signer, serves, type Timed } from './keyset.ts';
import type { FindKey } from './seal.ts';

/**
 * The key ring: the public keys of everything that is signed here, as one statement signed by a root that no service
 * holds. It is `<payload>.<root's key id>.<signature>`, base64url but for the id. Whoever can write it where services
 * read it can withhold a ring, and never add a key to it.
 */

/** What a key signs. A key of one use verifies nothing of another. */
const use = z.enum(['pass', 'grant', 'token']);
export type Use = z.output<typeof use>;

const listed = z.object({
  use,
  kid: z.string(),
  /** The public key (RFC 8037). */
  x: z.string(),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
});
const claims = z.object({ v: z.literal(1), epoch: z.int().positive(), keys: z.array(listed) });
/** What a ring says. A later one has a higher epoch. */
export type RingClaims = Omit<z.output<typeof claims>, 'v'>;

const signed = (payload: string): Buffer => Buffer.from(`jangada key ring 1\0${payload}`);

/** Signs a ring; only who keeps the root can. */
export const signRing = ({ kid, key }: Pick<Signer, 'kid' | 'key'>, ring: RingClaims): string => {
  const payload = Buffer.from(JSON.stringify({ v: 1, ...ring })).toString('base64url');
  return `${payload}.${kid}.${sign(null, signed(payload), key).toString('base64url')}`;
};

/** What a statement says if one of the roots signed it. */
export const ringClaimsOf = (roots: readonly PublicKey[], statement: string): RingClaims | undefined => {
  const [payload = '', kid, signature = ''] = statement.split('.', 4);
  const root = roots.find((one) => one.kid === kid && serves(one, Date.now()));
  if (!root || !verify(null, signed(payload), root.key, Buffer.from(signature, 'base64url')))
    return undefined;
  return claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
};

/** A public key as others are told of it. */
export interface RingKey extends Timed {
  readonly kid: string;
  readonly x: string;
}

/** The ring as one service knows it. */
export interface Ring {
  /** 0 until a ring was believed. */
  epoch(): number;
  /** Takes a ring if a root signed it and it is newer than the one known; says whether it did. */
  offer(statement: string): boolean;
  /** Finds the keys of one use that serve now. */
  finder(use: Use): FindKey;
  /** Keys of one use that serve now or soon. */
  keysOf(use: Use): readonly RingKey[];
}

interface Held extends RingKey {
  readonly use: Use;
  readonly key: KeyObject;
}

/**
 * An empty ring under the roots of a JWK set. `verified` is told of each statement whose key was found, and whether
 * that key is the newest: a rotation is over when nothing older is met.
 * @throws Error for a set that is none
 */
export const openRing = (
  roots: string,
  verified: (use: Use, age: 'current' | 'previous') => void = () => undefined,
): Ring => {
  const trusted = publicKeysOf(roots);
  let epoch = 0;
  let held: readonly Held[] = [];
  const of = (wanted: Use) => held.filter(({ use }) => use === wanted);

  return {
    epoch: () => epoch,
    offer: (statement) => {
      const ring = ringClaimsOf(trusted, statement);
      if (!ring || ring.epoch <= epoch) return false;
      const known = new Map(held.map((key) => [`${key.use} ${key.kid} ${key.x}`, key.key]));
      held = ring.keys.map(({ use, kid, x, notBefore, notAfter }) => ({
        ...{ use, kid, x, notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) },
        // The same object for the same key, so that what was verified with it stays so.
        key:
          known.get(`${use} ${kid} ${x}`) ??
          createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
      }));
      epoch = ring.epoch;
      return true;
    },
    finder: (use) => (kid) => {
      const now = Date.now();
      const found = held.find((key) => key.use === use && key.kid === kid);
      if (!found || !serves(found, now)) return undefined;
      verified(use, currentOf(of(use), now) === found ? 'current' : 'previous');
      return found.key;
    },
    keysOf: (use) => of(use).filter(({ notAfter }) => Date.now() < notAfter),
  };
};
