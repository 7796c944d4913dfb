import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Secrets of accounts at rest: AES-256-GCM under a key derived from the root, bound to the account they belong to. */
export interface Secrets {
  seal(text: string, account: string): Buffer;
  /** @throws Error when it was altered, or sealed for another account or under another root */
  open(sealed: Buffer, account: string): string;
}

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

const keyOf = (root: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), 'jangada second factor 1', 32));

/** @param accepted further roots that open: the one before, or the one to come */
export const openSecrets = (root: Buffer, accepted: readonly Buffer[] = []): Secrets => {
  const key = keyOf(root);
  return {
    seal: (text, account) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(
        Buffer.from(account),
      );
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([version]), nonce, body, cipher.getAuthTag()]);
    },
    open: (sealed, account) => {
      if (sealed[0] !== version || sealed.length < 1 + nonceBytes + tagBytes)
        throw new Error('a sealed secret has an unknown form');
      const text = [key, ...accepted.map(keyOf)]
        .map((one) => openWith(one, sealed, account))
        .find((opened) => opened !== undefined);
      if (text === undefined) throw new Error('a sealed secret does not open');
      return text;
    },
  };
};

const openWith = (key: Buffer, sealed: Buffer, account: string): string | undefined => {
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.from(account))
    .setAuthTag(sealed.subarray(-tagBytes));
  try {
    const body = sealed.subarray(1 + nonceBytes, -tagBytes);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString();
  } catch {
    return undefined;
  }
};
