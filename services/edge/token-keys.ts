import type { KeyObject } from 'node:crypto';
import type { Values } from '@jangada/config/settings.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import type { Ring } from '@jangada/trust/ring.ts';
import type { JSONWebKeySet } from 'jose';

/** The keys of our own access tokens: one signs, and all that may still be met verify. */
export interface TokenKeys {
  /** The newest key that is valid now. */
  signing(): { readonly kid: string; readonly key: KeyObject };
  /** Public keys of all tokens that are valid now, and of those that will be soon. */
  verifying(): JSONWebKeySet;
}

export const openTokenKeys = (
  config: Values<'TOKEN_PRIVATE_KEYS'>,
  ring: Pick<Ring, 'keysOf'>,
): TokenKeys => ({
  signing: signerFrom(config.TOKEN_PRIVATE_KEYS),
  verifying: () => ({
    keys: ring
      .keysOf('token')
      .map(({ kid, x }) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' })),
  }),
});
