import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/**
 * Signed statements, `<payload>.<path>.<signature>`: base64url(JSON), its place in a tree of statements, and an
 * Ed25519 signature over the tree's root. There is no algorithm field to confuse; the key id inside picks the key and
 * the version picks the format.
 */

const base = z.object({ v: z.literal(1), kid: z.string() });

/** A private key that makes statements of one issuer. */
export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

/** Public keys by key id. Several are present while a rotation overlaps. */
export type KeyRing = ReadonlyMap<string, KeyObject>;

const jwk = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: z.string(), x: z.string() });
const privateJwk = jwk.extend({ d: z.string() });

/** Reads one private key as a JWK (RFC 8037). */
export const signerOf = (text: string): Signer => {
  const parsed = privateJwk.parse(JSON.parse(text));
  return { kid: parsed.kid, key: createPrivateKey({ key: parsed, format: 'jwk' }) };
};

/** Reads public keys as a JWK set. */
export const keyRingOf = (text: string): KeyRing => {
  const { keys } = z.object({ keys: z.array(jwk) }).parse(JSON.parse(text));
  return new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]));
};

/** Makes statements of one issuer. */
export type Sealer = (claims: object) => Promise<string>;

/** Statements under one signature at most; a path to the root is then at most six hashes long. */
const batchLimit = 64;

/**
 * A signature costs 40 µs to make and 100 µs to verify, at every hop, and there is one statement for each run. So
 * everything that is sealed in the same turn of the event loop is signed together: the signature is over the root
 * of a Merkle tree (leaves and nodes told apart as in RFC 6962), and a statement carries its path to that root.
 * Alone, a statement is its own root. Under load a signature serves many, and whoever verified one verified all.
 */
export const sealer = (signer: Signer): Sealer => {
  let waiting: { payload: string; resolve: (statement: string) => void }[] = [];
  const flush = (): void => {
    const batch = waiting.slice(0, batchLimit);
    waiting = waiting.slice(batchLimit);
    if (waiting.length > 0) setImmediate(flush);
    const levels = treeOf(batch.map(({ payload }) => leafOf(payload)));
    const signature = sign(null, rootText(levels.at(-1)?.[0] ?? Buffer.alloc(0)), signer.key).toString(
      'base64url',
    );
    for (const [index, { payload, resolve }] of batch.entries()) {
      const path = levels
        .slice(0, -1)
        .map((level, height) => level[(index >> height) ^ 1] ?? Buffer.alloc(0));
      resolve(`${payload}.${index.toString(36)}-${Buffer.concat(path).toString('base64url')}.${signature}`);
    }
  };
  return (claims) =>
    new Promise((resolve) => {
      const payload = Buffer.from(JSON.stringify({ v: 1, kid: signer.kid, ...claims })).toString('base64url');
      if (waiting.push({ payload, resolve }) === 1) setImmediate(flush);
    });
};

const leafOf = (payload: string): Buffer => hash('sha256', `\0${payload}`, 'buffer');
const nodeOf = (left: Buffer, right: Buffer): Buffer =>
  hash('sha256', Buffer.concat([one, left, right]), 'buffer');
const one = Buffer.from([1]);
const rootText = (root: Buffer): Buffer => Buffer.concat([Buffer.from('jangada seal 1\0'), root]);

/** All levels of a tree, leaves first; a level of an odd length repeats its last, so that every node has a sibling. */
const treeOf = (leaves: readonly Buffer[]): Buffer[][] => {
  const levels: Buffer[][] = [];
  let level = [...leaves];
  while (level.length > 1) {
    const last = level.at(-1);
    if (level.length % 2 === 1 && last) level.push(last);
    levels.push(level);
    const below = level;
    level = below
      .filter((_, index) => index % 2 === 0)
      .map((left, index) => nodeOf(left, below[index * 2 + 1] ?? left));
  }
  levels.push(level);
  return levels;
};

const hashBytes = 32;
const longestPath = Math.log2(batchLimit) * hashBytes;

/** The root that a payload and its path lead to; undefined when the path is not one. */
const rootOf = (payload: string, path: string): Buffer | undefined => {
  const dash = path.indexOf('-');
  const index = Number.parseInt(path.slice(0, dash), 36);
  const siblings = Buffer.from(path.slice(dash + 1), 'base64url');
  const isPath = dash > 0 && siblings.length % hashBytes === 0 && siblings.length <= longestPath;
  if (!isPath || !(index < 2 ** (siblings.length / hashBytes))) return undefined;
  let node = leafOf(payload);
  for (let height = 0; height * hashBytes < siblings.length; height++) {
    const sibling = siblings.subarray(height * hashBytes, (height + 1) * hashBytes);
    node = (index >> height) % 2 === 0 ? nodeOf(node, sibling) : nodeOf(sibling, node);
  }
  return node;
};

/**
 * A reader of statements of one kind. What was verified is remembered, both statements and the signatures over
 * their roots; the expiry is the caller's to check, each time.
 * @throws Unprocessable CTX_INVALID for a wrong signature, an unknown key or a wrong shape
 */
export const reader = <S extends z.ZodType>(
  ring: KeyRing,
  shape: S,
): ((statement: string) => z.output<S>) => {
  const statements = new LRUCache<string, z.output<S> & object>({ max: 10_000 });
  const signatures = new LRUCache<string, true>({ max: 10_000 });

  const isSigned = (kid: string, root: Buffer, signature: string): boolean => {
    const name = `${kid}.${root.toString('base64url')}.${signature}`;
    if (signatures.has(name)) return true;
    const key = ring.get(kid);
    if (!key || !verify(null, rootText(root), key, Buffer.from(signature, 'base64url'))) return false;
    signatures.set(name, true);
    return true;
  };

  return (statement) => {
    const known = statements.get(statement);
    if (known) return known;
    const [payload = '', path = '', signature = ''] = statement.split('.', 4);
    const root = rootOf(payload, path);
    const claims = parse(payload);
    const head = base.safeParse(claims);
    if (!root || !head.success || !isSigned(head.data.kid, root, signature)) {
      throw new Unprocessable('CTX_INVALID', 'signature does not verify');
    }
    const { v: _version, kid: _kid, ...said } = claims as Record<string, unknown>;
    const read = shape.safeParse(said);
    if (!read.success) throw new Unprocessable('CTX_INVALID', 'signed statement has a wrong shape');
    statements.set(statement, read.data as z.output<S> & object);
    return read.data;
  };
};

const parse = (payload: string): unknown => {
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
};
