import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/**
 * What is handed to one person by a link: sealed for the key that the link is (JWE, ECDH-ES over X25519, RFC 8037), so
 * that what lies between here and there can be opened by nobody else, whoever keeps it.
 */

/** What stands before 32 bytes in a PKCS #8 key of X25519 (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

const algorithm = { alg: 'ECDH-ES', enc: 'A256GCM' } as const;

const privateKey = (secret: Buffer): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: 'der', type: 'pkcs8' });

/** The public key of a link's 32 bytes, base64url. */
export const recipientOf = (secret: Buffer): string => {
  const { x = '' } = createPublicKey(privateKey(secret)).export({ format: 'jwk' });
  return x;
};

export const sealParcel = async (recipient: string, content: Uint8Array): Promise<string> => {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: recipient }, format: 'jwk' });
  return new CompactEncrypt(content).setProtectedHeader(algorithm).encrypt(key);
};

/** @throws Error for what was sealed for another */
export const openParcel = async (secret: Buffer, sealed: string): Promise<Uint8Array> => {
  const { plaintext } = await compactDecrypt(sealed, privateKey(secret), {
    keyManagementAlgorithms: [algorithm.alg],
    contentEncryptionAlgorithms: [algorithm.enc],
  });
  return plaintext;
};
