import type { KeyObject } from 'node:crypto';
import { type Checkpoint, checkpointOf, hashOf } from './checkpoint.ts';
import { shards } from './entry.ts';
import type { Findings } from './report.ts';

/** What is held of a checkpoint: there is one for each second of years. */
interface Held extends Pick<Checkpoint, 'number' | 'links' | 'before'> {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** By shard, how many entries it has seen. */
  readonly seen: readonly number[];
  readonly hash: string;
}

/** What checkpoints vouch for, once they have been compared with each other. */
export interface Witness {
  /** In their order, each once. */
  readonly checkpoints: readonly Held[];
  /** The chain that a shard had after so many entries, by shard. */
  readonly chains: readonly ReadonlyMap<number, string>[];
}

/** Reads checkpoints in any order. The same one several times is one. */
export const witnessOf = async (
  statements: AsyncIterable<string> | Iterable<string>,
  keyOf: (kid: string) => KeyObject | undefined,
  findings: Findings,
): Promise<Witness> => {
  const met: Held[] = [];
  const chains = Array.from({ length: shards }, () => new Map<number, string>());
  let line = 0;
  for await (const statement of statements) {
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
    const { number, at, heads, links, before } = checkpoint;
    const hash = hashOf(statement);
    met.push({ ...{ number, links, before, hash }, at: Date.parse(at), seen: heads.map(({ next }) => next) });
    see(chains, checkpoint, findings);
  }
  // Two of one number are both compared with the trail, of which at most one can be.
  const checkpoints = met
    .sort((one, other) => one.number - other.number || (one.hash < other.hash ? -1 : 1))
    .filter(({ number, hash }, at) => met[at - 1]?.number !== number || met[at - 1]?.hash !== hash);
  compareNeighbours(checkpoints, findings);
  return { checkpoints, chains };
};

const read = (keyOf: (kid: string) => KeyObject | undefined, statement: string): Checkpoint | undefined => {
  try {
    return checkpointOf(keyOf, statement);
  } catch {
    return undefined;
  }
};

const see = (
  chains: readonly Map<number, string>[],
  { number, heads }: Checkpoint,
  findings: Findings,
): void => {
  for (const [shard, { next, chain }] of heads.entries()) {
    const other = chains[shard]?.get(next);
    if (other === undefined) chains[shard]?.set(next, chain);
    else if (other !== chain)
      findings.add({
        ...{ fault: 'equivocation', shard, number: next },
        says: `checkpoint ${number} has another chain after ${next} entries of shard ${shard} than another one`,
      });
  }
};

const compareNeighbours = (ordered: readonly Held[], findings: Findings): void => {
  const [first] = ordered;
  if (first && first.number !== 0)
    findings.add({ fault: 'gap', number: 0, says: 'the first checkpoints are missing' });
  for (const [index, { number, before, seen }] of ordered.entries()) {
    const earlier = ordered[index - 1];
    if (!earlier) continue;
    if (number === earlier.number) {
      findings.add({ fault: 'equivocation', number, says: `there are two checkpoints ${number}` });
      continue;
    }
    if (number > earlier.number + 1)
      findings.add({ fault: 'gap', number: number - 1, says: `checkpoint ${number - 1} is missing` });
    else if (before !== earlier.hash)
      findings.add({
        fault: 'equivocation',
        number,
        says: `checkpoint ${number} follows another than there is`,
      });
    const back = seen.findIndex((count, shard) => count < (earlier.seen[shard] ?? 0));
    if (back >= 0)
      findings.add({
        fault: 'fork',
        shard: back,
        number,
        says: `checkpoint ${number} has seen less than the one before`,
      });
  }
};
