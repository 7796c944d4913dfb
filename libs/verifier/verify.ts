import type { KeyObject } from 'node:crypto';
import { rootOf } from '@jangada/merkle/tree.ts';
import { beginning, chainAfter } from './chain.ts';
import { linksOf } from './checkpoint.ts';
import { type BatchLine, type EntryLine, lineOf } from './dump.ts';
import { leafOfEntry, shards } from './entry.ts';
import { Findings, type Report } from './report.ts';
import { sequencesMissing } from './sequences.ts';
import { type Witness, witnessOf } from './witness.ts';

/**
 * Whether a dump of the trail is the trail that checkpoints have seen. Reads it once, from its beginning, and holds of it a
 * hash for each batch and a number for each entry.
 */

export interface Given {
  readonly dump: AsyncIterable<string> | Iterable<string>;
  readonly checkpoints: Iterable<string>;
  readonly keyOf: (kid: string) => KeyObject | undefined;
  /** How long entries are kept at least: what a checkpoint has seen longer ago may have been removed. */
  readonly keptDays: number;
}

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

interface Chain {
  next: number;
  chain: Buffer;
  /** The chain after each batch, and how many entries there are then. */
  readonly links: { readonly next: number; readonly chain: Buffer }[];
}

export const verify = async ({ dump, checkpoints, keyOf, keptDays }: Given): Promise<Report> => {
  const findings = new Findings();
  const witness = witnessOf(checkpoints, keyOf, findings);
  const chains = Array.from(
    { length: shards },
    (_, shard): Chain => ({ next: 0, chain: beginning(shard), links: [] }),
  );
  const count = { entries: 0, batches: 0, pruned: 0, unchained: 0 };
  const facts: { sequence: number; at: string; young: boolean }[] = [];
  let takenAt: string | undefined;
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
    for (const { number, leaf } of altered) {
      const other = leaves.findIndex((one) => one.equals(leaf));
      findings.add(
        other < 0
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
    const seen = witness.seen[shard]?.get(chain.next);
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
      if (began && Date.parse(stated.at) < Date.parse(began)) count.unchained += 1;
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
    facts.push({ sequence: stated.sequence, at: stated.at, young: number >= (removable[shard] ?? 0) });
  };

  for await (const text of dump) {
    line += 1;
    const said = lineOf(text);
    if (!said || 'dump' in said !== (line === 1))
      findings.add({ fault: 'format', number: line, says: `line ${line} is not one of a dump` });
    if (!said) continue;
    if ('batch' in said) begin(said);
    else if ('entry' in said) meet(said);
    else if (takenAt === undefined) {
      takenAt = said.dump;
      removable = removableAt(witness, Date.parse(takenAt) - (keptDays - lateDays) * dayMs);
    }
  }
  close();
  compareEnds(chains, witness, findings);
  for (const sequence of sequencesMissing(facts, takenAt))
    findings.add({
      fault: 'gap',
      number: sequence,
      says: `fact ${sequence} was said, and there is no entry of it`,
    });
  const vouched = chains.map((_, shard) => Math.max(0, ...(witness.seen[shard]?.keys() ?? [])));
  const unsealed = chains.reduce(
    (sum, { next }, shard) => sum + Math.max(0, next - (vouched[shard] ?? 0)),
    0,
  );
  return { ...count, checkpoints: witness.checkpoints.length, unsealed, ...findings.all };
};

/** By shard, how many entries a checkpoint of before `ms` has seen. */
const removableAt = ({ checkpoints }: Witness, ms: number): readonly number[] =>
  checkpoints.findLast(({ at }) => Date.parse(at) < ms)?.heads.map(({ next }) => next) ?? [];

/** What checkpoints have seen and the dump does not have, and whether their links are those of the dump. */
const compareEnds = (chains: readonly Chain[], { checkpoints, seen }: Witness, findings: Findings): void => {
  if (checkpoints.length === 0 && chains.some(({ next }) => next > 0))
    findings.add({
      fault: 'gap',
      number: 0,
      says: 'there is no checkpoint: nothing outside the trail vouches for it',
    });
  for (const [shard, { next, links }] of chains.entries()) {
    const ends = new Set([0, ...links.map((link) => link.next)]);
    for (const place of seen[shard]?.keys() ?? []) {
      if (ends.has(place)) continue;
      findings.add(
        place > next
          ? {
              fault: 'truncation',
              shard,
              number: next,
              says: `shard ${shard} ends at ${next}, and a checkpoint has seen ${place}`,
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
  for (const [index, { number, heads, links }] of checkpoints.entries()) {
    const before = checkpoints[index - 1];
    if (number !== (before ? before.number + 1 : 0)) continue;
    const since = chains.flatMap((chain, shard) => {
      const from = before?.heads[shard]?.next ?? 0;
      const to = heads[shard]?.next ?? 0;
      return chain.links.filter(({ next }) => next > from && next <= to).map((link) => link.chain);
    });
    if (linksOf(since) !== links)
      findings.add({ fault: 'fork', number, says: `what checkpoint ${number} took in is not what is there` });
  }
};
