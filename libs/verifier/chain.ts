import { createHash } from 'node:crypto';

/** Entries of one shard that were kept together: `count` from `first` on, under the root of a tree of their leaves. */
export interface Batch {
  readonly shard: number;
  readonly first: number;
  readonly count: number;
  readonly root: Uint8Array;
}

/** What the first batch of a shard follows. */
export const beginning = (shard: number): Buffer =>
  createHash('sha256').update(`jangada audit chain 1\0${shard}`).digest();

/** The chain as it is after a batch: it holds all that came before, so that nothing before can be other than it was. */
export const chainAfter = (before: Uint8Array, { shard, first, count, root }: Batch): Buffer => {
  const place = Buffer.alloc(14);
  place.writeUInt16BE(shard, 0);
  place.writeBigUInt64BE(BigInt(first), 2);
  place.writeUInt32BE(count, 10);
  return createHash('sha256').update(before).update(place).update(root).digest();
};
