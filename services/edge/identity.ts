import { createPublicKey } from 'node:crypto';
import type { Values } from '@jangada/config/settings.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { token as subjectToken } from '@jangada/proto/message.ts';
import { signerOf } from '@jangada/trust/seal.ts';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Account, Accounts } from './accounts.ts';
import { Refusal } from './refusal.ts';

/**
 * Access tokens: ours, signed after a password log-in, and those of one outside issuer. Algorithms are pinned and
 * keys come only from where the configuration says; nothing in a token's own header is followed.
 */

/** Who speaks. The tenant comes from here and from nowhere else. */
export interface Identity {
  readonly tenant: string;
  /** The account. */
  readonly subject: string;
  readonly role: string;
  /** The person in the tenant's records that the account is, if any. */
  readonly person: string | undefined;
  readonly session: string;
  /** When the token ends, in ms since 1970. */
  readonly expiresAt: number;
}

export interface Identities {
  /** @throws Refusal AUTH_INVALID or AUTH_EXPIRED */
  of(token: string): Promise<Identity>;
  /** Signs an access token for an account that has just proved who it is. */
  issue(account: Account): Promise<{ token: string; expiresInSeconds: number }>;
  /** The keys that verify our tokens. */
  readonly publicKeys: JSONWebKeySet;
}

const self = 'jangada';
const lifetimeSeconds = 3_600;
const outsideAlgorithms = ['EdDSA', 'ES256', 'RS256'];
const clockToleranceSeconds = 5;

const ownClaims = z.object({
  sub: z.string().min(1),
  tid: z.string().regex(subjectToken),
  role: z.string().min(1),
  pid: z.string().optional(),
  sid: z.string().min(1),
  exp: z.number(),
});
const outsideClaims = z.object({
  sub: z.string().min(1),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  sid: z.string().optional(),
  exp: z.number(),
});

type Config = Values<'TOKEN_PRIVATE_KEY' | 'OIDC_ISSUER' | 'OIDC_AUDIENCE'>;

export const openIdentities = (config: Config, accounts: Accounts): Identities => {
  const { kid, key } = signerOf(config.TOKEN_PRIVATE_KEY);
  const publicJwk = createPublicKey(key).export({ format: 'jwk' });
  const publicKeys: JSONWebKeySet = { keys: [{ ...publicJwk, kty: 'OKP', kid, alg: 'EdDSA', use: 'sig' }] };
  const ownKeys = createLocalJWKSet(publicKeys);
  const outside = config.OIDC_ISSUER ? outsideIssuer(config.OIDC_ISSUER, config.OIDC_AUDIENCE) : undefined;
  // Verifying costs more than all else that the edge does for a question.
  const verified = new LRUCache<string, Identity>({ max: 10_000 });

  const own = async (token: string): Promise<Identity> => {
    const { payload } = await jwtVerify(token, ownKeys, {
      algorithms: ['EdDSA'],
      issuer: self,
      audience: self,
      typ: 'at+jwt',
      clockTolerance: clockToleranceSeconds,
    });
    const { tid, sub, role, pid, sid, exp } = ownClaims.parse(payload);
    return { tenant: tid, subject: sub, role, person: pid, session: sid, expiresAt: exp * 1_000 };
  };

  /** An address counts only if the issuer vouches for it: whoever may type any address in must not become its account. */
  const fromOutside = async (payload: JWTPayload): Promise<Identity> => {
    const { sub, email, email_verified, sid, exp } = outsideClaims.parse(payload);
    const account =
      (email && email_verified ? await accounts.byEmail(email) : undefined) ?? (await accounts.byId(sub));
    if (!account) throw new Refusal('AUTH_INVALID');
    const { tenant, id, role, person } = account;
    return { tenant, subject: id, role, person, session: sid ?? sub, expiresAt: exp * 1_000 };
  };

  const read = async (token: string): Promise<Identity> => {
    if (outside && issuerOf(token) === config.OIDC_ISSUER) return fromOutside(await outside(token));
    return own(token);
  };

  return {
    publicKeys,
    of: async (token) => {
      const known = verified.get(token);
      if (known && known.expiresAt > Date.now()) return known;
      try {
        const identity = await read(token);
        verified.set(token, identity, { ttl: Math.max(1, identity.expiresAt - Date.now()) });
        return identity;
      } catch (error) {
        verified.delete(token);
        if (error instanceof errors.JWKSTimeout) throw new Unavailable('token issuer', error);
        if (error instanceof errors.JWTExpired) throw new Refusal('AUTH_EXPIRED');
        if (error instanceof errors.JOSEError || error instanceof z.ZodError)
          throw new Refusal('AUTH_INVALID');
        throw error;
      }
    },
    issue: async ({ id, tenant, role, person }) => {
      const claims = { tid: tenant, role, sid: crypto.randomUUID(), ...(person ? { pid: person } : {}) };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
        .setIssuer(self)
        .setAudience(self)
        .setSubject(id)
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(key);
      return { token, expiresInSeconds: lifetimeSeconds };
    },
  };
};

/** Only to choose who verifies; nothing is believed of it. */
const issuerOf = (token: string): string | undefined => {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
};

const discovery = z.object({ jwks_uri: z.url() });

/** Finds the issuer's keys at its first token, by OpenID Connect discovery. */
const outsideIssuer = (issuer: string, audience: string): ((token: string) => Promise<JWTPayload>) => {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const discover = async () => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'error' });
    return createRemoteJWKSet(new URL(discovery.parse(await response.json()).jwks_uri));
  };
  return async (token) => {
    keys ??= discover().catch((error: unknown) => {
      keys = undefined;
      throw new Unavailable('token issuer', error);
    });
    const verification = {
      algorithms: outsideAlgorithms,
      issuer,
      audience,
      clockTolerance: clockToleranceSeconds,
    };
    return (await jwtVerify(token, await keys, verification)).payload;
  };
};
