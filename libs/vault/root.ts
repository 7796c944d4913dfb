import { ConfigError } from '@jangada/config/config.ts';
import type { Values } from '@jangada/config/settings.ts';
import { localRoot } from './local.ts';

/**
 * The root of all keys of fields. It never leaves where it is kept; it only wraps and unwraps the keys of tenants, few
 * and seldom, because those are remembered for a while.
 */
export interface Root {
  /** Names the version that wraps now. */
  current(): Promise<string>;
  /** `purpose` is authenticated with the key and must be the same again. @throws Unavailable */
  wrap(key: Buffer, purpose: string): Promise<Wrapped>;
  /**
   * @throws Unavailable
   * @throws Unprocessable CRYPTO_AAD for another root or purpose, CRYPTO_KEY_RETIRED for a version that is gone
   */
  unwrap(wrapped: Wrapped, purpose: string): Promise<Buffer>;
  /** Whether keys can be wrapped and unwrapped now. @throws Unavailable */
  health(): Promise<void>;
}

/** A key under the root. */
export interface Wrapped {
  /** The version of the root that wrapped it. */
  readonly root: string;
  readonly bytes: Buffer;
}

/** Settings that name the root. */
export const rootSettings = [
  'ENCRYPTION_KEY',
  'ENCRYPTION_KEYS_ACCEPTED',
  'AI_ENCRYPTION_PROVIDER',
  'AI_ENCRYPTION_KEY_SPEC',
  'VAULT_ADDR',
  'VAULT_TOKEN',
  'VAULT_TRANSIT_KEY',
  'AI_KMS_KEY_ID',
  'AI_KMS_REGION',
  'AI_KMS_ENDPOINT',
] as const;

export type RootSettings = Values<(typeof rootSettings)[number]>;

/**
 * Opens the root that the settings name and tries it.
 * @throws ConfigError naming the settings that are missing
 * @throws Unavailable when the root does not answer
 */
export const openRoot = async (settings: RootSettings): Promise<Root> => {
  const root = await providers[settings.AI_ENCRYPTION_PROVIDER](settings);
  await root.health();
  return root;
};

const needed = (name: (typeof rootSettings)[number], settings: RootSettings): string => {
  const value = settings[name];
  if (typeof value !== 'string' || value === '')
    throw new ConfigError(
      `cannot start:\n  ${name} is missing; AI_ENCRYPTION_PROVIDER=${settings.AI_ENCRYPTION_PROVIDER} needs it`,
    );
  return value;
};

const providers: Record<
  RootSettings['AI_ENCRYPTION_PROVIDER'],
  (settings: RootSettings) => Root | Promise<Root>
> = {
  LOCAL: ({ ENCRYPTION_KEY, ENCRYPTION_KEYS_ACCEPTED }) =>
    localRoot(ENCRYPTION_KEY, ENCRYPTION_KEYS_ACCEPTED),
  VAULT: async (settings) => {
    const { transitRoot } = await import('./transit.ts');
    return transitRoot({
      address: needed('VAULT_ADDR', settings),
      token: needed('VAULT_TOKEN', settings),
      key: needed('VAULT_TRANSIT_KEY', settings),
    });
  },
  // Loaded only where it is used: the client is half of what a service loads otherwise.
  AWS_KMS: async (settings) => {
    const { kmsRoot } = await import('./kms.ts');
    return kmsRoot({
      keyId: needed('AI_KMS_KEY_ID', settings),
      region: needed('AI_KMS_REGION', settings),
      endpoint: settings.AI_KMS_ENDPOINT,
    });
  },
};
