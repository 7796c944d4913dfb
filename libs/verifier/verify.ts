import type { KeyObject } from 'node:crypto';
import { rootOf } from '@jangada/merkle/tree.ts';
import { beginning, chainAfter } from './chain.ts';
import { linksOf } from './checkpoint.ts';
import { type BatchLine, type EntryLine, lineOf } from './dump.ts';
import { leafOfEntry, shards } from './entry.ts';
import { Findings, type Report } from './report.ts';
import { Sequences } from './sequences.ts';
import { type Witness, witnessOf } from './witness.ts';

/**
 * Whether a dump of the trail is the trail that checkpoints have seen. Reads checkpoints once, then the dump once, from its
 * beginning, and holds of it a hash for each batch and a number for each entry. It takes time in proportion to how long they are.
 */

export interface Given {
  readonly dump: AsyncIterable<string> | Iterable<string>;
  readonly checkpoints: AsyncIterable<string> | Iterable<string>;
  readonly keyOf: (kid: string) => KeyObject | undefined;
  /** How long entries are kept at least: what a checkpoint has seen longer ago may have been removed. */
  readonly keptDays: number;
  /** Unix ms; the time that it is, where it is absent. */
  readonly now?: number;
}

/** How far the clock of whoever made a dump may be ahead. */
const clockSkewMs = 300_000;
const hashBytes = 32;
const dayMs = 86_400_000;
/** A fact may be kept as late as the stream tells it, a day, and its age counts from when it was said. */
const lateDays = 2;

/** A batch whose entries are being read. */
interface Open {
  readonly shard: number;
  readonly first: number;
  readonly leaves: readonly Buffer[];
  /** Numbers that were met. */
  readonly met: Set<number>;
  last: number;
  readonly altered: { number: number; leaf: Buffer }[];
}

/** The chain after a batch, and how many entries there are then. */
interface Link {
  readonly next: number;
  readonly chain: Buffer;
}

interface Chain {
  next: number;
  chain: Buffer;
  readonly links: Link[];
}

export const verify = async ({
  dump,
  checkpoints,
  keyOf,
  keptDays,
  now = Date.now(),
}: Given): Promise<Report> => {
  const findings = new Findings();
  // Before the dump: of a running system what is sealed meanwhile would seem to be cut off.
  const witness = await witnessOf(checkpoints, keyOf, findings);
  const chains = Array.from(
    { length: shards },
    (_, shard): Chain => ({ next: 0, chain: beginning(shard), links: [] }),
  );
  const count = { entries: 0, batches: 0, pruned: 0, unchained: 0 };
  const facts = new Sequences();
  let takenAt = Number.NaN;
  let open: Open | undefined;
  let line = 0;
  /** By shard, up to where entries may have been removed. */
  let removable: readonly number[] = [];

  const close = (): void => {
    if (!open) return;
    const { shard, first, leaves, met, altered } = open;
    for (let number = first; number < first + leaves.length; number += 1) {
      if (met.has(number)) continue;
      if (number < (removable[shard] ?? 0)) count.pruned += 1;
      else
        findings.add(
          { fault: 'deletion', shard, number, says: `the entry at ${shard}/${number} is missing` },
          open,
        );
    }
    const places = new Map(altered.length > 0 ? leaves.map((one, at) => [one.toString('hex'), at]) : []);
    for (const { number, leaf } of altered) {
      const other = places.get(leaf.toString('hex'));
      findings.add(
        other === undefined
          ? { fault: 'edit', shard, number, says: `the entry at ${shard}/${number} is not as it was kept` }
          : {
              fault: 'reorder',
              shard,
              number,
              says: `at ${shard}/${number} is the entry of ${shard}/${first + other}`,
            },
        open,
      );
    }
    open = undefined;
  };

  const begin = ({ batch }: BatchLine): void => {
    close();
    const { shard, first } = batch;
    const chain = chains[shard];
    const bytes = Buffer.from(batch.leaves, 'base64');
    const root = Buffer.from(batch.root, 'base64');
    const stated = Buffer.from(batch.chain, 'base64');
    if (
      !chain ||
      bytes.length === 0 ||
      bytes.length % hashBytes > 0 ||
      [root, stated].some((one) => one.length !== hashBytes)
    ) {
      findings.add({ fault: 'format', shard, number: first, says: `line ${line} is no batch` });
      return;
    }
    count.batches += 1;
    const leaves = Array.from({ length: bytes.length / hashBytes }, (_, index) =>
      bytes.subarray(index * hashBytes, (index + 1) * hashBytes),
    );
    open = { shard, first, leaves, met: new Set(), last: -1, altered: [] };
    const wrong = (fault: 'deletion' | 'reorder' | 'edit' | 'fork', number: number, says: string) =>
      findings.add({ fault, shard, number, says }, batch);
    if (first > chain.next)
      wrong(
        'deletion',
        chain.next,
        `what was kept at ${shard}/${chain.next} to ${shard}/${first - 1} is missing`,
      );
    if (first < chain.next) wrong('reorder', first, `the batch at ${shard}/${first} comes after its place`);
    if (!rootOf(leaves).equals(root))
      wrong('edit', first, `the batch at ${shard}/${first} has other hashes than it had`);
    const after = chainAfter(chain.chain, { shard, first, count: leaves.length, root });
    if (!after.equals(stated)) wrong('fork', first, `the chain breaks at ${shard}/${first}`);
    chain.next = first + leaves.length;
    // As it is stated, so that what follows is judged by itself.
    chain.chain = stated;
    chain.links.push({ next: chain.next, chain: stated });
    const seen = witness.chains[shard]?.get(chain.next);
    if (seen !== undefined && seen !== stated.toString('base64url'))
      wrong(
        'fork',
        first,
        `up to ${shard}/${chain.next - 1} the trail is another than a checkpoint has seen`,
      );
  };

  const meet = ({ entry }: EntryLine): void => {
    const { shard, number, ...stated } = entry;
    count.entries += 1;
    if (shard === null || number === null) {
      const began = witness.checkpoints[0]?.at;
      if (began !== undefined && Date.parse(stated.at) < began) count.unchained += 1;
      else findings.add({ fault: 'insertion', says: `the entry in line ${line} is in no chain` });
      return;
    }
    const index = open && open.shard === shard ? number - open.first : -1;
    const leaf = open?.leaves[index];
    if (!open || !leaf) {
      findings.add({
        fault: 'insertion',
        shard,
        number,
        says: `the entry in line ${line} is at ${shard}/${number}, where none was kept`,
      });
      return;
    }
    if (open.met.has(number))
      findings.add(
        { fault: 'insertion', shard, number, says: `there is a second entry at ${shard}/${number}` },
        open,
      );
    else if (number < open.last)
      findings.add(
        { fault: 'reorder', shard, number, says: `the entry at ${shard}/${number} comes after its place` },
        open,
      );
    open.met.add(number);
    open.last = number;
    const own = leafOfEntry(stated);
    if (!own.equals(leaf)) open.altered.push({ number, leaf: own });
    const young = number >= (removable[shard] ?? 0);
    facts.meet(stated.sequence, { young, at: Date.parse(stated.at), takenAt });
  };

  for await (const text of dump) {
    line += 1;
    const said = lineOf(text);
    if (!said || 'dump' in said !== (line === 1))
      findings.add({ fault: 'format', number: line, says: `line ${line} is not one of a dump` });
    if (!said) continue;
    if ('batch' in said) begin(said);
    else if ('entry' in said) meet(said);
    else if (Number.isNaN(takenAt)) {
      // Whoever made a dump of a time to come would have everything be removed by then.
      const stated = Date.parse(said.dump);
      if (!(stated <= now + clockSkewMs))
        findings.add({ fault: 'format', number: line, says: 'the dump is of no time that has been' });
      takenAt = stated <= now ? stated : now;
      removable = removableAt(witness, takenAt - (keptDays - lateDays) * dayMs);
    }
  }
  close();
  compareEnds(chains, witness, findings);
  for (const sequence of facts.missing())
    findings.add({
      fault: 'gap',
      number: sequence,
      says: `fact ${sequence} was said, and there is no entry of it`,
    });
  const { seen = [] } = witness.checkpoints.at(-1) ?? {};
  const unsealed = chains.reduce((sum, { next }, shard) => sum + Math.max(0, next - (seen[shard] ?? 0)), 0);
  return { ...count, checkpoints: witness.checkpoints.length, unsealed, ...findings.all };
};

/** By shard, how many entries a checkpoint of before `ms` has seen. */
const removableAt = ({ checkpoints }: Witness, ms: number): readonly number[] =>
  checkpoints.findLast(({ at }) => at < ms)?.seen ?? [];

/** Where in links, which are in the order of their ends, the first is that ends after so many entries. */
const after = (links: readonly Link[], count: number): number => {
  let [from, to] = [0, links.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((links[middle]?.next ?? 0) > count) to = middle;
    else from = middle + 1;
  }
  return from;
};

/** What checkpoints have seen and the dump does not have, and whether their links are those of the dump. */
const compareEnds = (
  chains: readonly Chain[],
  { checkpoints, chains: seen }: Witness,
  findings: Findings,
): void => {
  if (checkpoints.length === 0 && chains.some(({ next }) => next > 0))
    findings.add({
      fault: 'gap',
      number: 0,
      says: 'there is no checkpoint: nothing outside the trail vouches for it',
    });
  const ordered = chains.map(({ links }) => links.toSorted((one, other) => one.next - other.next));
  for (const [shard, links] of ordered.entries()) {
    const end = chains[shard]?.next ?? 0;
    for (const place of seen[shard]?.keys() ?? []) {
      if (place === 0 || links[after(links, place) - 1]?.next === place) continue;
      findings.add(
        place > end
          ? {
              fault: 'truncation',
              shard,
              number: end,
              says: `shard ${shard} ends at ${end}, and a checkpoint has seen ${place}`,
            }
          : {
              fault: 'fork',
              shard,
              number: place,
              says: `no batch of shard ${shard} ends before ${place}, where a checkpoint was made`,
            },
      );
    }
  }
  for (const [index, checkpoint] of checkpoints.entries()) {
    const { number } = checkpoint;
    const before = checkpoints[index - 1];
    if (number !== (before ? before.number + 1 : 0)) continue;
    const since = ordered.flatMap((links, shard) =>
      links
        .slice(after(links, before?.seen[shard] ?? 0), after(links, checkpoint.seen[shard] ?? 0))
        .map(({ chain }) => chain),
    );
    if (linksOf(since) !== checkpoint.links)
      findings.add({ fault: 'fork', number, says: `what checkpoint ${number} took in is not what is there` });
  }
};
