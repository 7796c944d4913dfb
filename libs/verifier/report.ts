/** What is wrong with a trail. */
export type Fault =
  /** An entry or a hash is other than it was when it was kept. */
  | 'edit'
  /** An entry is not there that was, and that was not old enough to be removed. */
  | 'deletion'
  /** An entry is there that was not kept by who keeps entries. */
  | 'insertion'
  /** Entries stand in another order than they came in. */
  | 'reorder'
  /** The end is missing: a checkpoint has seen more. */
  | 'truncation'
  /** The chain goes on otherwise than a checkpoint has seen it. */
  | 'fork'
  /** A fact was said of which there is no entry, or a checkpoint is missing. */
  | 'gap'
  /** Two checkpoints say different things of the same. */
  | 'equivocation'
  /** A checkpoint is signed by none of the keys. */
  | 'signature'
  /** A line is not one of a dump. */
  | 'format';

export interface Finding {
  readonly fault: Fault;
  readonly shard?: number;
  /** Place in the chain of the shard, from 0; of a missing fact its sequence in the stream of facts; of a checkpoint its own. */
  readonly number?: number;
  readonly says: string;
}

export interface Report {
  readonly entries: number;
  readonly batches: number;
  readonly checkpoints: number;
  /** Entries that were old enough to be removed and are; their hashes are there, and all else still verifies. */
  readonly pruned: number;
  /** Entries from before there was a chain: nothing shows whether they are as they were. */
  readonly unchained: number;
  /** Entries since the last checkpoint: nothing outside the trail vouches for them yet. */
  readonly unsealed: number;
  /** The first hundred. */
  readonly findings: readonly Finding[];
  readonly found: number;
  readonly badBatches: number;
}

/** Collects findings, of which a trail that was replaced has one for each entry. */
export class Findings {
  readonly #first: Finding[] = [];
  readonly #batches = new Set<string>();
  #count = 0;

  add(finding: Finding, batch?: { readonly shard: number; readonly first: number }): void {
    this.#count += 1;
    if (batch) this.#batches.add(`${batch.shard}/${batch.first}`);
    if (this.#first.length < 100) this.#first.push(finding);
  }

  get all(): Pick<Report, 'findings' | 'found' | 'badBatches'> {
    return { findings: this.#first, found: this.#count, badBatches: this.#batches.size };
  }
}
