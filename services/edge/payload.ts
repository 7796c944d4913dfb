import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { inflatedMaxBytes } from './bounds.ts';
import { Refusal } from './refusal.ts';
import { readJson, shaped } from './shape.ts';

/**
 * How a payload of the seed's dialect travels: as it is, compressed (`metadata.compression`), sealed
 * (`metadata.encryption`), or compressed and then sealed. The key belongs to one socket and ends with it; client and
 * edge hold it. It hides payloads from whoever ends TLS in between, and from nobody behind the edge.
 */

/** What travels along in clear and cannot be changed without notice. */
export interface About {
  readonly id: string;
  readonly type: string;
  readonly sessionId: string;
}

/** How a message is wrapped, as its metadata says. */
export interface Wrapping {
  readonly compression?: 'gzip' | 'none' | undefined;
  readonly encryption?: boolean | undefined;
}

/** The two keys of one socket: a message of one side can not be played back as the other's. */
export interface Channel {
  open(sealed: Sealed, about: About): Buffer;
  seal(bytes: Uint8Array, about: About): Sealed;
}

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const sealed = z.strictObject({ iv: base64.length(16), data: base64, authTag: base64.length(24) });
type Sealed = z.output<typeof sealed>;
const offer = z.strictObject({ publicKey: base64.length(44) });
const plain = z.record(z.string(), z.unknown());

/**
 * Agrees on keys with a client that sent its X25519 public key (RFC 7748): both halves are used for this socket only,
 * so nothing that was recorded can be opened later.
 * @throws Refusal INPUT_INVALID for what is no key, or one that makes every secret the same
 */
export const agree = (payload: unknown): { publicKey: string; channel: Channel } => {
  const theirs = Buffer.from(shaped(offer, payload).publicKey, 'base64');
  const own = generateKeyPairSync('x25519');
  const ours = Buffer.from(own.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  let secret: Buffer;
  try {
    const jwk = { kty: 'OKP', crv: 'X25519', x: theirs.toString('base64url') };
    secret = diffieHellman({
      privateKey: own.privateKey,
      publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
    });
  } catch {
    throw new Refusal('INPUT_INVALID', { field: 'publicKey' });
  }
  const salt = Buffer.concat([theirs, ours]);
  const keyOf = (side: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, salt, `jangada ${side}`, 32));
  return { publicKey: ours.toString('base64'), channel: channelOf(keyOf('client'), keyOf('edge')) };
};

const channelOf = (theirs: Buffer, ours: Buffer): Channel => ({
  open: ({ iv, data, authTag }, about) => {
    const options = { authTagLength: tagBytes };
    const decipher = createDecipheriv(algorithm, theirs, Buffer.from(iv, 'base64'), options);
    decipher.setAAD(placeOf(about)).setAuthTag(Buffer.from(authTag, 'base64'));
    return Buffer.concat([decipher.update(data, 'base64'), decipher.final()]);
  },
  seal: (bytes, about) => {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, ours, iv).setAAD(placeOf(about));
    const data = Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64');
    return { iv: iv.toString('base64'), data, authTag: cipher.getAuthTag().toString('base64') };
  },
});

const placeOf = ({ id, type, sessionId }: About): Buffer =>
  Buffer.from(JSON.stringify([id, type, sessionId]));

/**
 * The payload of a message, out of its wrapping.
 * @throws Refusal PAYLOAD_TOO_LARGE beyond 256 KiB, before more than that is ever inflated; INPUT_INVALID when it is
 * not wrapped as it says, cannot be opened, or there is no key
 */
export const unwrap = (
  payload: unknown,
  { compression, encryption }: Wrapping,
  about: About,
  channel: Channel | undefined,
): Record<string, unknown> => {
  const zipped = compression === 'gzip';
  if (!encryption && !zipped) return shaped(plain, payload);
  let bytes: Buffer = encryption
    ? openWith(channel, payload, about)
    : Buffer.from(shaped(base64, payload), 'base64');
  if (zipped) bytes = inflated(bytes);
  return shaped(plain, readJson(bytes, 'INPUT_INVALID'));
};

const openWith = (channel: Channel | undefined, payload: unknown, about: About): Buffer => {
  const given = shaped(sealed, payload);
  try {
    if (channel) return channel.open(given, about);
  } catch {
    // Which byte was wrong is nobody's business.
  }
  throw new Refusal('INPUT_INVALID', { field: 'payload' });
};

const inflated = (bytes: Uint8Array): Buffer => {
  try {
    return gunzipSync(bytes, { maxOutputLength: inflatedMaxBytes });
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw new Refusal(tooLarge ? 'PAYLOAD_TOO_LARGE' : 'INPUT_INVALID', { field: 'payload' });
  }
};

/** Wraps the payload of an answer as its question was wrapped. */
export const wrap = (
  payload: object,
  { compression, encryption }: Wrapping,
  about: About,
  channel: Channel | undefined,
): { payload: unknown; metadata: Wrapping } => {
  const zipped = compression === 'gzip';
  const isSealed = encryption === true && channel !== undefined;
  if (!zipped && !isSealed) return { payload, metadata: {} };
  const text = Buffer.from(JSON.stringify(payload));
  const bytes = zipped ? gzipSync(text) : text;
  return {
    payload: isSealed ? channel.seal(bytes, about) : bytes.toString('base64'),
    metadata: { ...(zipped ? { compression } : {}), ...(isSealed ? { encryption } : {}) },
  };
};
