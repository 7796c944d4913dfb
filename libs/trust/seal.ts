import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Signer } from './keyset.ts';

/**
 * Signed statements, `<payload>.<path>.<signature>`: base64url(JSON), its place in a tree of statements, and an
 * Ed25519 signature over the tree's root. There is no algorithm field to confuse; the key id inside picks the key and
 * the version picks the format.
 */

const base = z.object({ v: z.literal(1), kid: z.string() });

/** The key of an id, while it serves; undefined for one that is unknown, not yet or no longer in use. */
export type FindKey = (kid: string) => KeyObject | undefined;

/** Signed with a key that does not serve here, as far as we have heard. */
export class UnknownKey extends Unprocessable {
  constructor() {
    super('CTX_INVALID', 'the key of the signature does not serve');
  }
}

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
export const sealer = (signerNow: () => Pick<Signer, 'kid' | 'key'>): Sealer => {
  let waiting: {
    payload: string;
    signer: Pick<Signer, 'kid' | 'key'>;
    resolve: (statement: string) => void;
  }[] = [];
  const flush = (): void => {
    const signer = waiting[0]?.signer;
    if (!signer) return;
    // Those that a rotation has overtaken go out with the next.
    const other = waiting.findIndex((one) => one.signer !== signer);
    const count = Math.min(batchLimit, other < 0 ? waiting.length : other);
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
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
      const signer = signerNow();
      const payload = Buffer.from(JSON.stringify({ v: 1, kid: signer.kid, ...claims })).toString('base64url');
      if (waiting.push({ payload, signer, resolve }) === 1) setImmediate(flush);
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
 * their roots, for as long as the key itself serves; the expiry is the caller's to check, each time.
 * @throws Unprocessable CTX_INVALID for a wrong signature or a wrong shape
 * @throws UnknownKey
 */
export const reader = <S extends z.ZodType>(
  find: FindKey,
  shape: S,
): ((statement: string) => z.output<S>) => {
  const statements = new LRUCache<string, { kid: string; key: KeyObject; claims: z.output<S> }>({
    max: 10_000,
  });
  const signatures = new LRUCache<string, KeyObject>({ max: 10_000 });

  const isSigned = (kid: string, key: KeyObject, root: Buffer, signature: string): boolean => {
    const name = `${kid}.${root.toString('base64url')}.${signature}`;
    if (signatures.get(name) === key) return true;
    if (!verify(null, rootText(root), key, Buffer.from(signature, 'base64url'))) return false;
    signatures.set(name, key);
    return true;
  };

  return (statement) => {
    const known = statements.get(statement);
    if (known && find(known.kid) === known.key) return known.claims;
    const [payload = '', path = '', signature = ''] = statement.split('.', 4);
    const root = rootOf(payload, path);
    const claims = parse(payload);
    const head = base.safeParse(claims);
    if (!root || !head.success) throw new Unprocessable('CTX_INVALID', 'signature does not verify');
    const { kid } = head.data;
    const key = find(kid);
    if (!key) throw new UnknownKey();
    if (!isSigned(kid, key, root, signature))
      throw new Unprocessable('CTX_INVALID', 'signature does not verify');
    const { v: _version, kid: _kid, ...said } = claims as Record<string, unknown>;
    const read = shape.safeParse(said);
    if (!read.success) throw new Unprocessable('CTX_INVALID', 'signed statement has a wrong shape');
    statements.set(statement, { kid, key, claims: read.data });
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
