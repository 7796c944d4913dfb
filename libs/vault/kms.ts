import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import type { Root } from './root.ts';

/**
 * A symmetric key of AWS KMS, with the purpose as encryption context. Credentials come as AWS's own clients find them.
 * KMS rotates the material of a key unseen; another key id is another version here.
 */

const timeoutMs = 2_000;

/** Faults that say that this ciphertext, context and key do not belong together. */
const misplaced = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

export const kmsRoot = (settings: { keyId: string; region: string; endpoint: string | undefined }): Root => {
  const { keyId, region, endpoint } = settings;
  const client = new KMSClient({ region, maxAttempts: 2, ...(endpoint ? { endpoint } : {}) });
  const ask = async <T>(call: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> => {
    try {
      return await call({ abortSignal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      if (error instanceof KMSServiceException && misplaced.has(error.name))
        throw new Unprocessable('CRYPTO_AAD', 'the root does not unwrap this key', error);
      throw new Unavailable('root', error);
    }
  };
  const context = (purpose: string) =>
    ({ EncryptionContext: { purpose }, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' }) as const;
  const whole = (bytes: Uint8Array | undefined): Buffer => {
    if (!bytes) throw new Unavailable('root', new Error('the answer is empty'));
    return Buffer.from(bytes);
  };
  /** By what KMS calls it, since an alias may be moved to another key. */
  const current = async (): Promise<string> => {
    const { KeyMetadata } = await ask((options) =>
      client.send(new DescribeKeyCommand({ KeyId: keyId }), options),
    );
    if (!KeyMetadata?.Arn || !KeyMetadata.Enabled || KeyMetadata.KeySpec !== 'SYMMETRIC_DEFAULT')
      throw new Unavailable('root', new Error('the key is disabled, or not symmetric'));
    return KeyMetadata.Arn;
  };

  return {
    current,
    wrap: async (key, purpose) => {
      const input = { KeyId: keyId, Plaintext: key, ...context(purpose) };
      const { CiphertextBlob, KeyId } = await ask((options) =>
        client.send(new EncryptCommand(input), options),
      );
      return { root: KeyId ?? keyId, bytes: whole(CiphertextBlob) };
    },
    unwrap: async ({ root, bytes }, purpose) => {
      // The key is named, so that KMS does not pick one from the ciphertext.
      const input = { KeyId: root, CiphertextBlob: bytes, ...context(purpose) };
      return whole((await ask((options) => client.send(new DecryptCommand(input), options))).Plaintext);
    },
    health: async () => void (await current()),
  };
};
