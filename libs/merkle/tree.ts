import { hash } from 'node:crypto';

/**
 * Merkle trees as Certificate Transparency has them (RFC 6962, section 2.1): leaves and nodes are told apart by a prefix,
 * so that no node can be passed off as an entry. Whoever keeps the root can be shown that one entry was among all.
 */

/** At once: an object that hashes piece by piece costs more than the hash of so little. */
const hashed = (prefix: number, ...parts: readonly Uint8Array[]): Buffer =>
  hash('sha256', Buffer.concat([Uint8Array.of(prefix), ...parts]), 'buffer');

/** Hash of one entry, which is all that a tree needs of it. */
export const leafOf = (entry: Uint8Array): Buffer => hashed(0, entry);

const nodeOf = (left: Uint8Array, right: Uint8Array): Buffer => hashed(1, left, right);

/** The largest power of two below `count`: where a tree of so many leaves divides. */
const divides = (count: number): number => 2 ** Math.ceil(Math.log2(count) - 1);

/** A whole part of a tree, by which it can be gone on with elsewhere. */
export interface Part {
  readonly count: number;
  readonly root: Uint8Array;
}

/** A tree that grows by leaves in their order. Of all of them it holds the roots of its whole parts, a few dozen at most. */
export class Tree {
  /** Each with fewer leaves than the one before. */
  readonly #parts: Part[];
  #count: number;

  /** Goes on with the parts of a tree that was begun. */
  constructor(parts: readonly Part[] = []) {
    this.#parts = [...parts];
    this.#count = parts.reduce((sum, { count }) => sum + count, 0);
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  get count(): number {
    return this.#count;
  }

  add(leaf: Uint8Array): void {
    this.#count += 1;
    let part: Part = { count: 1, root: leaf };
    for (let last = this.#parts.at(-1); last?.count === part.count; last = this.#parts.at(-1)) {
      this.#parts.pop();
      part = { count: 2 * part.count, root: nodeOf(last.root, part.root) };
    }
    this.#parts.push(part);
  }

  /** That of no leaves is the hash of nothing. */
  root(): Buffer {
    if (this.#count === 0) return hash('sha256', '', 'buffer');
    return Buffer.from(this.#parts.map(({ root }) => root).reduceRight((right, left) => nodeOf(left, right)));
  }
}

export const treeOf = (leaves: Iterable<Uint8Array>): Tree => {
  const tree = new Tree();
  for (const leaf of leaves) tree.add(leaf);
  return tree;
};

/** Root of the tree over leaves in their order. */
export const rootOf = (leaves: Iterable<Uint8Array>): Buffer => treeOf(leaves).root();

/** Hashes that lead from a leaf to the root, lowest first. @throws RangeError where there is no such leaf */
export const proofOf = (leaves: readonly Uint8Array[], index: number): Buffer[] => {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
    throw new RangeError(`no leaf ${index} among ${leaves.length}`);
  if (leaves.length === 1) return [];
  const middle = divides(leaves.length);
  const [before, after] = [leaves.slice(0, middle), leaves.slice(middle)];
  return index < middle
    ? [...proofOf(before, index), rootOf(after)]
    : [...proofOf(after, index - middle), rootOf(before)];
};

export interface Inclusion {
  readonly leaf: Uint8Array;
  /** From 0, of `count` leaves. */
  readonly index: number;
  readonly count: number;
  readonly proof: readonly Uint8Array[];
}

/** The root that a proof leads to; undefined for one that no tree of this size has. */
export const rootFrom = ({ leaf, index, count, proof }: Inclusion): Buffer | undefined => {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) return undefined;
  if (count === 1) return proof.length === 0 ? Buffer.from(leaf) : undefined;
  const other = proof.at(-1);
  if (!other) return undefined;
  const middle = divides(count);
  const isBefore = index < middle;
  const own = rootFrom({
    leaf,
    index: isBefore ? index : index - middle,
    count: isBefore ? middle : count - middle,
    proof: proof.slice(0, -1),
  });
  if (!own) return undefined;
  return isBefore ? nodeOf(own, other) : nodeOf(other, own);
};
