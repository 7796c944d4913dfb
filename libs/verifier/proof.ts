import { leafOf, proofOf, rootFrom } from '@jangada/merkle/tree.ts';
import { z } from 'zod';
import { chainAfter } from './chain.ts';
import type { Checkpoint } from './checkpoint.ts';
import { leafOfEntry, type Stated, shardOf } from './entry.ts';

/**
 * That one entry is in the trail, for who may see no other: the way from the entry to a checkpoint, under 1 KiB. Hashes
 * stand one after the other in base64url.
 */

/** Links that a checkpoint takes in at most, so that a proof stays as small. */
export const linksMax = 1_024;

const hashes = z.string().regex(/^[\w-]*$/);

export const proof = z.strictObject({
  v: z.literal(1),
  log: z.string(),
  /** Number of the checkpoint that it leads to. */
  checkpoint: z.int().nonnegative(),
  shard: z.int().nonnegative(),
  number: z.int().nonnegative(),
  /** The batch that the entry was kept in, and the way from its leaf to the root. */
  first: z.int().nonnegative(),
  count: z.int().positive(),
  path: hashes,
  /** The chain before the batch. */
  before: hashes,
  /** Which of the checkpoint's links comes of the batch, and the way from it to their root. */
  link: z.int().nonnegative(),
  links: z.int().positive(),
  way: hashes,
});
export type Proof = z.output<typeof proof>;

const hashBytes = 32;
const joined = (some: readonly Uint8Array[]): string => Buffer.concat(some).toString('base64url');
const parted = (text: string): Buffer[] => {
  const bytes = Buffer.from(text, 'base64url');
  return Array.from({ length: Math.ceil(bytes.length / hashBytes) }, (_, index) =>
    bytes.subarray(index * hashBytes, (index + 1) * hashBytes),
  );
};

export const makeProof = (
  from: Pick<Proof, 'log' | 'checkpoint' | 'shard' | 'number' | 'first'> & {
    readonly leaves: readonly Uint8Array[];
    readonly before: Uint8Array;
    /** The chains after each batch that the checkpoint takes in, in its order. */
    readonly chains: readonly Uint8Array[];
    readonly link: number;
  },
): Proof => {
  const { log, checkpoint, shard, number, first, leaves, before, chains, link } = from;
  return {
    ...{ v: 1, log, checkpoint, shard, number, first, count: leaves.length },
    path: joined(proofOf(leaves, number - first)),
    before: joined([before]),
    ...{ link, links: chains.length, way: joined(proofOf(chains.map(leafOf), link)) },
  };
};

/** True where a proof leads from the entry to what the checkpoint says. */
export const proves = (given: Proof, entry: Stated, checkpoint: Checkpoint): boolean => {
  const { shard, first, count, number } = given;
  if (given.log !== checkpoint.log || given.checkpoint !== checkpoint.number) return false;
  if (shardOf(entry.tenant) !== shard) return false;
  const own = { leaf: leafOfEntry(entry), index: number - first, count, proof: parted(given.path) };
  const root = rootFrom(own);
  if (!root) return false;
  const chain = chainAfter(Buffer.from(given.before, 'base64url'), { shard, first, count, root });
  const { link: index, links } = given;
  const reached = rootFrom({ leaf: leafOf(chain), index, count: links, proof: parted(given.way) });
  return reached?.toString('base64url') === checkpoint.links;
};
