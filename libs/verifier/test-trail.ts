import { generateKeyPairSync } from 'node:crypto';
import { rootOf } from '@jangada/merkle/tree.ts';
import { beginning, chainAfter } from './chain.ts';
import { type Checkpoint, hashOf, linksOf, signCheckpoint } from './checkpoint.ts';
import { leafOfEntry, type Stated, shardOf, shards } from './entry.ts';

/** A trail as who keeps it makes it, without a database: for tests, and for measuring who verifies. */
export interface Trail {
  readonly dump: readonly string[];
  readonly checkpoints: readonly string[];
}

const pair = generateKeyPairSync('ed25519');
export const signer = { kid: 'first', key: pair.privateKey };
export const keyOf = (kid: string) => (kid === signer.kid ? pair.publicKey : undefined);

const dayMs = 86_400_000;
/** When dumps are taken here. */
const takenAt = Date.parse('2026-11-21T12:00:00.000Z');

export const statedAt = (index: number): Stated => ({
  tenant: `tenant-${index % 13}`,
  subject: `run-${index}`,
  fact: 'run.answered',
  sequence: 1 + index,
  at: new Date(takenAt - dayMs + index).toISOString().replace('Z', '000Z'),
  actor: `person-${index % 7}`,
  role: 'admin',
  session: 'session-1',
  purpose: index % 3 === 0 ? null : 'care',
  decision: 'done',
  code: null,
  resource: 'articles',
  details: { ask: 'list', rows: index % 5, fields: ['title', 'topic'], cached: false },
  origin: 'sealed',
});

/**
 * Entries in batches of `size`, with a checkpoint after every `sealEach` rounds, the first `ageDays` before the dump. `skip` is not
 * kept.
 */
export const trailOf = (count: number, { size = 16, sealEach = 3, ageDays = 1, skip = -1 } = {}): Trail => {
  const chains = Array.from({ length: shards }, (_, shard) => ({ next: 0, chain: beginning(shard) }));
  const lines: string[][] = chains.map(() => []);
  const checkpoints: string[] = [];
  let since: { shard: number; first: number; chain: Buffer }[] = [];
  const seal = (): void => {
    const before = checkpoints.at(-1);
    const ordered = since.toSorted((a, b) => a.shard - b.shard || a.first - b.first);
    const checkpoint: Checkpoint = {
      log: 'local',
      number: checkpoints.length,
      at: new Date(takenAt - ageDays * dayMs + checkpoints.length * 1_000).toISOString(),
      heads: chains.map(({ next, chain }) => ({ next, chain: chain.toString('base64url') })),
      links: linksOf(ordered.map(({ chain }) => chain)),
      before: before ? hashOf(before) : null,
    };
    checkpoints.push(signCheckpoint(signer, checkpoint));
    since = [];
  };
  let round = 0;
  for (let from = 0; from < count; from += size) {
    const indexes = Array.from({ length: Math.min(size, count - from) }, (_, index) => from + index);
    const entries = indexes.filter((index) => index !== skip).map(statedAt);
    for (const [shard, head] of chains.entries()) {
      const own = entries.filter(({ tenant }) => shardOf(tenant) === shard);
      if (own.length === 0) continue;
      const first = head.next;
      const leaves = own.map(leafOfEntry);
      const root = rootOf(leaves);
      head.chain = chainAfter(head.chain, { shard, first, count: own.length, root });
      head.next += own.length;
      since.push({ shard, first, chain: head.chain });
      const hashes = { leaves: Buffer.concat(leaves), root, chain: head.chain };
      const [all, base, chain] = Object.values(hashes).map((bytes) => bytes.toString('base64'));
      lines[shard]?.push(JSON.stringify({ batch: { shard, first, leaves: all, root: base, chain } }));
      for (const [index, entry] of own.entries())
        lines[shard]?.push(JSON.stringify({ entry: { ...entry, shard, number: first + index } }));
    }
    round += 1;
    if (round % sealEach === 0) seal();
  }
  if (since.length > 0) seal();
  return { dump: [JSON.stringify({ dump: new Date(takenAt).toISOString() }), ...lines.flat()], checkpoints };
};
