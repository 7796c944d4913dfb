import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Values } from '@jangada/config/settings.ts';
import { signerOf } from '@jangada/trust/seal.ts';
import type { JSONWebKeySet } from 'jose';

/** The keys of our own access tokens: one signs, and all that may still be met verify. */
export interface TokenKeys {
  /** The newest key that is valid now. */
  signing(): { readonly kid: string; readonly key: KeyObject };
  /** Public keys of all tokens that are valid now. */
  verifying(): JSONWebKeySet;
}

export const openTokenKeys = (config: Values<'TOKEN_PRIVATE_KEY'>): TokenKeys => {
  const signer = signerOf(config.TOKEN_PRIVATE_KEY);
  const publicJwk = createPublicKey(signer.key).export({ format: 'jwk' });
  const keys = [{ ...publicJwk, kty: 'OKP', kid: signer.kid, alg: 'EdDSA', use: 'sig' }];
  return { signing: () => signer, verifying: () => ({ keys }) };
};
