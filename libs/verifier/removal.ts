import { leafOf, proofOf, rootFrom, rootOf, type Tree } from '@jangada/merkle/tree.ts';
import { z } from 'zod';

/** What shows that a report of a removal is right, and that one row was among those that it is about. */

/** What a report says of one class. */
export interface Line {
  readonly class: string;
  readonly state?: 'complete' | 'partial' | 'waiting' | undefined;
  readonly planned?: number | undefined;
  readonly deleted: number;
  readonly changed?: number | undefined;
  readonly held?: number | undefined;
  readonly statutory?: number | undefined;
  readonly failed?: number | undefined;
  /** In hex. */
  readonly root?: string | undefined;
}

/** Why a report is not to be believed of a class, going by the tree of what was listed where it is at hand; undefined where it is. */
export const mismatchOf = (line: Line, listed?: Pick<Tree, 'count' | 'root'>): string | undefined => {
  const { class: name, planned, state, root } = line;
  // Reports of before there were plans say what was deleted, and nothing that it could be held against.
  if (planned === undefined) return undefined;
  const { deleted, changed = 0, held = 0, statutory = 0, failed = 0 } = line;
  const seen = deleted + changed + held + statutory + failed;
  if (seen !== (state === 'waiting' ? 0 : planned))
    return `${name}: ${planned} planned, ${seen} accounted for`;
  if (state === 'complete' && deleted + changed !== planned) return `${name}: not complete`;
  if (!listed) return undefined;
  if (listed.count !== planned) return `${name}: ${planned} planned, ${listed.count} listed`;
  return listed.root().toString('hex') === root ? undefined : `${name}: another list than was told`;
};

const hex = z.string().regex(/^[0-9a-f]{64}$/);

/** That a row was listed by a run, for who may see no other: the way from its leaf to the root that was told. */
export const listing = z.strictObject({
  v: z.literal(1),
  tenant: z.string(),
  run: z.string(),
  class: z.string(),
  /** Version of the rule. */
  policy: z.string(),
  key: z.array(z.string()),
  leaf: hex,
  index: z.int().nonnegative(),
  count: z.int().positive(),
  path: z.array(hex),
  root: hex,
});
export type Listing = z.output<typeof listing>;

const bytes = (text: string): Buffer => Buffer.from(text, 'hex');

export const listingOf = (
  of: Pick<Listing, 'tenant' | 'run' | 'class' | 'policy' | 'key' | 'index'>,
  leaves: readonly Uint8Array[],
): Listing => ({
  ...{ v: 1, ...of, count: leaves.length },
  leaf: Buffer.from(leaves[of.index] ?? []).toString('hex'),
  path: proofOf(leaves, of.index).map((hash) => hash.toString('hex')),
  root: rootOf(leaves).toString('hex'),
});

/** True where the leaf leads to the root. Whether that is the one that was told is for the trail to show. */
export const isListed = ({ leaf, index, count, path, root }: Listing): boolean =>
  rootFrom({ leaf: bytes(leaf), index, count, proof: path.map(bytes) })?.toString('hex') === root;

/** True where the leaf is of a row that has this SHA-256, and of no other. */
export const isOfRow = ({ key, policy, leaf }: Listing, rowHash: Uint8Array): boolean =>
  leafOf(Buffer.concat([Buffer.from(`${JSON.stringify(key)}|${policy}|`), rowHash])).toString('hex') === leaf;
