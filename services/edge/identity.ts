import { createHash } from 'node:crypto';
import type { Values } from '@jangada/config/settings.ts';
import type { Origin } from '@jangada/trust/origin.ts';
import type { Ring } from '@jangada/trust/ring.ts';
import {
  createLocalJWKSet,
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
import { type Assurance, outsideClaims, ownClaims, ownHeader, refuseRepeated } from './claims.ts';
import { clockToleranceSeconds, openIssuer } from './issuer.ts';
import { Refusal } from './refusal.ts';
import type { Sessions } from './sessions.ts';
import { openTokenKeys } from './token-keys.ts';

/**
 * Access tokens: ours, signed after a log-in, and those of one outside issuer. Algorithms are pinned and keys come
 * only from where the configuration says; nothing in a token's own header is followed.
 */

/** How and when somebody proved who they are. */
export interface Proof {
  readonly acr: Assurance;
  /** The methods, as RFC 8176 names them. */
  readonly amr: readonly string[];
  /** In ms since 1970; using or renewing a token does not move it. */
  readonly authenticatedAt: number;
}

/** Who speaks. The tenant comes from here and from nowhere else. */
export interface Identity extends Proof {
  readonly tenant: string;
  /** The account. */
  readonly subject: string;
  readonly role: string;
  /** The person in the tenant's records that the account is, if any. */
  readonly person: string | undefined;
  readonly session: string;
  /** When the token ends, in ms since 1970; infinite where there is none. */
  readonly expiresAt: number;
  /** From where they call, where it is for a request or a socket. */
  readonly origin?: Origin;
}

export interface Identities {
  /** @throws Refusal AUTH_INVALID or AUTH_EXPIRED */
  of(token: string): Promise<Identity>;
  /** Signs an access token for an account that has proved who it is. */
  issue(
    account: Account,
    session: string,
    proof: Proof,
  ): Promise<{ token: string; expiresInSeconds: number }>;
  /** The keys that verify our tokens. */
  publicKeys(): JSONWebKeySet;
}

const self = 'jangada';
const lifetimeSeconds = 600;

type Config = Values<'TOKEN_PRIVATE_KEYS' | 'OIDC_ISSUER' | 'OIDC_AUDIENCE'>;

export const openIdentities = (
  config: Config,
  ring: Ring,
  accounts: Accounts,
  sessions: Pick<Sessions, 'adopt'>,
): Identities => {
  const keys = openTokenKeys(config, ring);
  const outside = config.OIDC_ISSUER ? openIssuer(config.OIDC_ISSUER, config.OIDC_AUDIENCE) : undefined;
  // Verifying costs more than all else that the edge does for a question.
  const verified = new LRUCache<string, Identity>({ max: 10_000 });

  const own = async (token: string): Promise<Identity> => {
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys.verifying()), {
      algorithms: ['EdDSA'],
      issuer: self,
      audience: self,
      typ: 'at+jwt',
      maxTokenAge: lifetimeSeconds,
      clockTolerance: clockToleranceSeconds,
    });
    refuseRepeated(token);
    ownHeader.parse(protectedHeader);
    const { tid, sub, role, pid, sid, acr, amr, auth_time, exp } = ownClaims.parse(payload);
    return {
      tenant: tid,
      subject: sub,
      role,
      person: pid,
      session: sid,
      acr,
      amr,
      authenticatedAt: auth_time * 1_000,
      expiresAt: exp * 1_000,
    };
  };

  /** An address counts only if the issuer vouches for it: whoever may type any address in must not become its account. */
  const fromOutside = async (payload: JWTPayload): Promise<Identity> => {
    const claims = outsideClaims.parse(payload);
    const { sub, email, email_verified, acr, amr = [], auth_time, exp } = claims;
    const account =
      (email && email_verified ? await accounts.byEmail(email) : undefined) ?? (await accounts.byId(sub));
    if (!account) throw new Refusal('AUTH_INVALID');
    const { tenant, id, role, person } = account;
    const strong = acr === 'aal2' || amr.includes('mfa');
    const identity: Identity = {
      tenant,
      subject: id,
      role,
      person,
      session: sessionOf(claims),
      acr: strong ? 'aal2' : 'aal1',
      amr: strong ? [...new Set([...amr, 'mfa'])] : amr,
      // An issuer that does not say when leaves every demand for a recent factor unmet.
      authenticatedAt: (auth_time ?? 0) * 1_000,
      expiresAt: exp * 1_000,
    };
    await sessions.adopt(identity);
    return identity;
  };

  const read = async (token: string): Promise<Identity> =>
    outside && issuerOf(token) === config.OIDC_ISSUER ? fromOutside(await outside(token)) : own(token);

  return {
    publicKeys: keys.verifying,
    of: async (token) => {
      // A new ring may have dropped the key that signed it.
      const name = `${ring.epoch()} ${token}`;
      const known = verified.get(name);
      if (known && known.expiresAt > Date.now()) return known;
      try {
        const identity = await read(token);
        verified.set(name, identity, { ttl: Math.max(1, identity.expiresAt - Date.now()) });
        return identity;
      } catch (error) {
        verified.delete(name);
        if (error instanceof errors.JWTExpired) throw new Refusal('AUTH_EXPIRED');
        if (error instanceof errors.JOSEError || error instanceof z.ZodError)
          throw new Refusal('AUTH_INVALID');
        throw error;
      }
    },
    issue: async ({ id, tenant, role, person }, session, { acr, amr, authenticatedAt }) => {
      const { kid, key } = keys.signing();
      const claims = {
        tid: tenant,
        role,
        sid: session,
        acr,
        amr,
        auth_time: Math.floor(authenticatedAt / 1_000),
        ...(person ? { pid: person } : {}),
      };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
        .setIssuer(self)
        .setAudience(self)
        .setSubject(id)
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(key);
      return { token, expiresInSeconds: lifetimeSeconds };
    },
  };
};

/** The session that an outside token belongs to: the one it names, or else all tokens of one log-in. */
const sessionOf = ({ sub, sid, auth_time, iat }: z.output<typeof outsideClaims>): string =>
  createHash('sha256')
    .update(JSON.stringify([sub, sid ?? auth_time ?? iat]))
    .digest('base64url')
    .slice(0, 22);

/** Only to choose who verifies; nothing is believed of it. */
const issuerOf = (token: string): string | undefined => {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
};
