import { Unavailable } from '@jangada/hop/outcome.ts';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { refuseRepeated } from './claims.ts';

/** An outside issuer (OpenID Connect): where its keys are, and what is demanded of its tokens. */

const algorithms = ['EdDSA', 'ES256', 'RS256'];
export const clockToleranceSeconds = 5;
const fetchWithinMs = 5_000;
const documentMaxBytes = 256 * 1024;
/** After its documents could not be had, nobody asks for them again so soon. */
const coolDownMs = 5_000;
/** An unknown key id makes us look for new keys; forged ones must not make us do nothing else. */
const rotationCoolDownMs = 10_000;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });

/**
 * Verifies tokens of one issuer: its name, our audience, its times, a signature by one of its present keys under one
 * of the pinned algorithms. Its keys are found at its first token, by OpenID Connect Discovery, and again when a token
 * names one that is not known.
 */
export const openIssuer = (issuer: string, audience: string): ((token: string) => Promise<JWTPayload>) => {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  let resting = 0;

  const discover = async (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = discovery.safeParse(await (await fetchSmall(url)).json());
    // A document may speak for its own issuer only, and must not lead off the encrypted path (Discovery 1.0 §4.3).
    if (!found.success || found.data.issuer !== issuer)
      throw new Error('the discovery document is not the issuer’s');
    const { jwks_uri } = found.data;
    if (new URL(jwks_uri).protocol !== new URL(issuer).protocol)
      throw new Error('the keys are not where the issuer is');
    return createRemoteJWKSet(new URL(jwks_uri), {
      timeoutDuration: fetchWithinMs,
      cooldownDuration: rotationCoolDownMs,
      [customFetch]: fetchSmall,
    });
  };

  const found = (): Promise<ReturnType<typeof createRemoteJWKSet>> => {
    if (Date.now() < resting) throw new Unavailable('token issuer');
    keys ??= discover().catch((error: unknown) => {
      keys = undefined;
      resting = Date.now() + coolDownMs;
      throw new Unavailable('token issuer', error);
    });
    return keys;
  };

  return async (token) => {
    const jwks = await found();
    try {
      const { payload } = await jwtVerify(token, jwks, {
        algorithms,
        issuer,
        audience,
        clockTolerance: clockToleranceSeconds,
      });
      refuseRepeated(token);
      if (Number(payload.iat) * 1_000 > Date.now() + clockToleranceSeconds * 1_000)
        throw new errors.JWTClaimValidationFailed('issued in the future', payload, 'iat');
      return payload;
    } catch (error) {
      if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid)
        throw new Unavailable('token issuer', error);
      throw error;
    }
  };
};

/** Fetches a small JSON document and follows no redirect. @throws Unavailable for everything but a whole 200 */
const fetchSmall = async (url: string, options: RequestInit = {}): Promise<Response> => {
  try {
    const signal = options.signal ?? AbortSignal.timeout(fetchWithinMs);
    const response = await fetch(url, { ...options, redirect: 'error', signal });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > documentMaxBytes) throw new Error('too large');
      parts.push(part);
    }
    return Response.json(JSON.parse(Buffer.concat(parts).toString()));
  } catch (error) {
    throw new Unavailable('token issuer', error);
  }
};
