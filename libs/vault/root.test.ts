import { randomBytes } from 'node:crypto';
import { ConfigError, readConfig } from '@jangada/config/config.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openRoot, type Root, type RootSettings, rootSettings } from './root.ts';
import { type FakeRoot, startKms, startTransit } from './test-roots.ts';

const token = 'a-token-for-tests';
const credentials = { id: 'AKIDTEST', secret: 'a-secret-for-tests' };
const key = randomBytes(32);
const encryptionKey = randomBytes(32).toString('base64');
const settingsOf = (env: NodeJS.ProcessEnv): RootSettings =>
  readConfig(rootSettings, { ENCRYPTION_KEY: encryptionKey, ...env });
const refusal = (code: string) => expect.objectContaining({ code });

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.id);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secret);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

describe.each([
  {
    provider: 'VAULT',
    start: () => startTransit(token),
    env: (url: string) => ({ VAULT_ADDR: url, VAULT_TOKEN: token }),
    // Its versions are ours; a key of KMS rotates unseen.
    rotates: true,
  },
  {
    provider: 'AWS_KMS',
    start: () => startKms(credentials),
    env: (url: string) => ({
      AI_KMS_ENDPOINT: url,
      AI_KMS_REGION: 'sa-east-1',
      AI_KMS_KEY_ID: 'alias/jangada',
    }),
    rotates: false,
  },
])('$provider as the root', ({ provider, start, env, rotates }) => {
  let fake: FakeRoot;
  let root: Root;
  beforeAll(async () => {
    fake = await start();
    root = await openRoot(settingsOf({ AI_ENCRYPTION_PROVIDER: provider, ...env(fake.url) }));
  });
  afterEach(() => {
    fake.mood = 'well';
  });
  afterAll(() => fake[Symbol.asyncDispose]());

  test('unwraps what it wrapped, also after a rotation, and never shows it what the key is', async () => {
    const wrapped = await root.wrap(key, 'for a test');
    expect(wrapped.bytes.includes(key)).toBe(false);
    expect(wrapped.root).toBe(await root.current());
    fake.rotate();
    expect(await root.unwrap(wrapped, 'for a test')).toEqual(key);
    expect((await root.wrap(key, 'for a test')).root === wrapped.root).toBe(!rotates);
  });

  test('does not unwrap for another purpose', async () => {
    const wrapped = await root.wrap(key, 'for a test');
    await expect(root.unwrap(wrapped, 'for another')).rejects.toThrow(refusal('CRYPTO_AAD'));
  });

  test('that answers with another key does not unwrap', async () => {
    const wrapped = await root.wrap(key, 'for a test');
    fake.mood = 'confused';
    await expect(root.unwrap(wrapped, 'for a test')).rejects.toThrow(refusal('CRYPTO_AAD'));
  });

  test.each(['broken', 'silent'] as const)(
    'that is %s is an outage, and over when it is well again',
    async (mood) => {
      const wrapped = await root.wrap(key, 'for a test');
      fake.mood = mood;
      await expect(root.unwrap(wrapped, 'for a test')).rejects.toThrow(Unavailable);
      await expect(root.health()).rejects.toThrow(Unavailable);
      fake.mood = 'well';
      expect(await root.unwrap(wrapped, 'for a test')).toEqual(key);
    },
  );
});

describe('opening a root', () => {
  test('without the root key names the setting', () => {
    expect(() => readConfig(rootSettings, {})).toThrow(/ENCRYPTION_KEY \(root key/);
  });

  test.each([
    [{ AI_ENCRYPTION_PROVIDER: 'VAULT', VAULT_TOKEN: token }, /VAULT_ADDR is missing/],
    [{ AI_ENCRYPTION_PROVIDER: 'VAULT', VAULT_ADDR: 'http://127.0.0.1:1' }, /VAULT_TOKEN is missing/],
    [{ AI_ENCRYPTION_PROVIDER: 'AWS_KMS', AI_KMS_REGION: 'sa-east-1' }, /AI_KMS_KEY_ID is missing/],
  ])('names what is missing: %o', async (env, message) => {
    await expect(openRoot(settingsOf(env))).rejects.toThrow(ConfigError);
    await expect(openRoot(settingsOf(env))).rejects.toThrow(message);
  });

  test('that is not there refuses', async () => {
    const env = { AI_ENCRYPTION_PROVIDER: 'VAULT', VAULT_TOKEN: token, VAULT_ADDR: 'http://127.0.0.1:1' };
    await expect(openRoot(settingsOf(env))).rejects.toThrow(Unavailable);
  });

  test('with another key spec refuses', () => {
    expect(() => settingsOf({ AI_ENCRYPTION_KEY_SPEC: 'AES_128' })).toThrow(/AI_ENCRYPTION_KEY_SPEC/);
  });
});
