import type { KeyObject } from 'node:crypto';
import { type Checkpoint, checkpointOf, hashOf } from './checkpoint.ts';
import { shards } from './entry.ts';
import type { Findings } from './report.ts';

/** What checkpoints vouch for, once they have been compared with each other. */
export interface Witness {
  /** In their order, each once. */
  readonly checkpoints: readonly Checkpoint[];
  /** The chain that a shard had after so many entries, by shard. */
  readonly seen: readonly ReadonlyMap<number, string>[];
}

/** Reads checkpoints in any order. The same one several times is one. */
export const witnessOf = (
  statements: Iterable<string>,
  keyOf: (kid: string) => KeyObject | undefined,
  findings: Findings,
): Witness => {
  const known = new Map<number, { readonly checkpoint: Checkpoint; readonly statement: string }>();
  let line = 0;
  for (const statement of statements) {
    line += 1;
    const checkpoint = read(keyOf, statement);
    if (!checkpoint) {
      findings.add({
        fault: 'signature',
        number: line,
        says: `checkpoint in line ${line} is signed by nobody known`,
      });
      continue;
    }
    const { number } = checkpoint;
    const other = known.get(number);
    if (other && other.statement !== statement)
      findings.add({ fault: 'equivocation', number, says: `there are two checkpoints ${number}` });
    // Both are compared with the trail, of which at most one can be.
    known.set(other && other.statement !== statement ? -line : number, { checkpoint, statement });
  }
  const ordered = [...known.values()].toSorted((a, b) => a.checkpoint.number - b.checkpoint.number);
  compareNeighbours(ordered, findings);
  const checkpoints = ordered.map(({ checkpoint }) => checkpoint);
  return { checkpoints, seen: chainsSeen(checkpoints, findings) };
};

const read = (keyOf: (kid: string) => KeyObject | undefined, statement: string): Checkpoint | undefined => {
  try {
    return checkpointOf(keyOf, statement);
  } catch {
    return undefined;
  }
};

const compareNeighbours = (
  ordered: readonly { readonly checkpoint: Checkpoint; readonly statement: string }[],
  findings: Findings,
): void => {
  const [first] = ordered;
  if (first && first.checkpoint.number !== 0)
    findings.add({ fault: 'gap', number: 0, says: 'the first checkpoints are missing' });
  for (const [index, { checkpoint }] of ordered.entries()) {
    const before = ordered[index - 1];
    if (!before) continue;
    const { number, heads } = checkpoint;
    if (number === before.checkpoint.number) continue;
    if (number > before.checkpoint.number + 1)
      findings.add({ fault: 'gap', number: number - 1, says: `checkpoint ${number - 1} is missing` });
    else if (checkpoint.before !== hashOf(before.statement))
      findings.add({
        fault: 'equivocation',
        number,
        says: `checkpoint ${number} follows another than there is`,
      });
    const back = heads.findIndex(({ next }, shard) => next < (before.checkpoint.heads[shard]?.next ?? 0));
    if (back >= 0)
      findings.add({
        fault: 'fork',
        shard: back,
        number,
        says: `checkpoint ${number} has seen less than the one before`,
      });
  }
};

const chainsSeen = (checkpoints: readonly Checkpoint[], findings: Findings): Map<number, string>[] => {
  const seen = Array.from({ length: shards }, () => new Map<number, string>());
  for (const { number, heads } of checkpoints)
    for (const [shard, { next, chain }] of heads.entries()) {
      const other = seen[shard]?.get(next);
      if (other !== undefined && other !== chain)
        findings.add({
          ...{ fault: 'equivocation', shard, number: next },
          says: `checkpoint ${number} has another chain after ${next} entries of shard ${shard} than one before it`,
        });
      else seen[shard]?.set(next, chain);
    }
  return seen;
};
