import { hkdfSync } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Root } from './root.ts';
import { keyBytes, unwrapKey, wrapKey } from './wrap.ts';

/** A root key in this process, for development and for whoever has no key service. */

/** The key that wraps, and a name for the root that tells nothing of it: both are one-way (HKDF, RFC 5869). */
const versionOf = (root: Buffer) => ({
  name: `local:${Buffer.from(hkdfSync('sha256', root, '', 'root-name', 6)).toString('hex')}`,
  key: Buffer.from(hkdfSync('sha256', root, '', 'root-wrap', keyBytes)),
});

/** @param accepted further root keys that unwrap: the one before while a rotation lasts, or the one to come */
export const localRoot = (current: Buffer, accepted: readonly Buffer[]): Root => {
  const wrapping = versionOf(current);
  const versions = new Map([wrapping, ...accepted.map(versionOf)].map(({ name, key }) => [name, key]));
  return {
    current: async () => wrapping.name,
    wrap: async (key, purpose) => ({ root: wrapping.name, bytes: wrapKey(wrapping.key, key, purpose) }),
    unwrap: async ({ root, bytes }, purpose) => {
      const key = versions.get(root);
      if (!key) throw new Unprocessable('CRYPTO_KEY_RETIRED', 'a key is wrapped by a root that is not given');
      return unwrapKey(key, bytes, purpose);
    },
    health: async () => undefined,
  };
};
