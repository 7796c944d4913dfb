import { describe, expect, test } from 'vitest';
import { beginning } from './chain.ts';
import { claimsOf, signCheckpoint } from './checkpoint.ts';
import { bytesOf, leafOfEntry, shardOf, shards } from './entry.ts';
import { mutated } from './mutation.ts';
import { makeProof, proves } from './proof.ts';
import { keyOf, signer, statedAt, type Trail, trailOf } from './test-trail.ts';
import { verify } from './verify.ts';

const trail = trailOf(200);
const verified = (given: Trail, keptDays = 730) => verify({ ...given, keyOf, keptDays });
const faultsOf = async (given: Trail) => (await verified(given)).findings.map(({ fault }) => fault);

interface Parsed {
  readonly batch?: {
    readonly shard: number;
    readonly first: number;
    readonly leaves: string;
    readonly chain: string;
  };
  readonly entry?: { readonly shard: number; readonly number: number };
}
const parsed = trail.dump.map((line) => JSON.parse(line) as Parsed);
/** The line of the first entry of a batch that has several, of a shard. */
const somewhere = parsed.findIndex(({ entry }, line) => entry && entry.number > 0 && parsed[line + 1]?.entry);
const { shard = 0, number = 0 } = parsed[somewhere]?.entry ?? {};
const changed = (change: (lines: string[]) => void): Trail => {
  const dump = [...trail.dump];
  change(dump);
  return { ...trail, dump };
};

describe('an entry', () => {
  test('has the same bytes whoever states it: keys in their order, none for what is absent', () => {
    const entry = { ...statedAt(0), details: { b: [1, { d: 'é', c: undefined }], a: null } };
    const text = bytesOf(entry).toString();
    expect(text).toContain('"details":{"a":null,"b":[1,{"d":"é"}]}');
    expect(bytesOf(JSON.parse(JSON.stringify(entry)))).toEqual(bytesOf(entry));
  });

  test('with half a character has the bytes that a database keeps of it', () => {
    expect(bytesOf({ ...statedAt(0), actor: '\ud83d' })).toEqual(
      bytesOf({ ...statedAt(0), actor: '\ufffd' }),
    );
  });
});

describe('a trail as it was kept', () => {
  test('has nothing wrong', async () => {
    expect(await verified(trail)).toMatchObject({ entries: 200, found: 0, unsealed: 0, checkpoints: 5 });
  });

  test('verifies without what was old enough to be removed', async () => {
    const old = trailOf(200, { ageDays: 800 });
    const dump = old.dump.filter((line, index) => !line.includes('"entry"') || index % 3 > 0);
    const report = await verified({ ...old, dump });
    expect(report.found).toBe(0);
    expect(report.pruned).toBe(old.dump.length - dump.length);
    expect((await verified({ ...trail, dump })).found).toBeGreaterThan(0);
  });

  test('counts what is from before there was a chain', async () => {
    const before = {
      ...statedAt(0),
      subject: 'before',
      at: '2020-01-01T00:00:00.000000Z',
      shard: null,
      number: null,
    };
    const dump = [...trail.dump, JSON.stringify({ entry: before })];
    expect(await verified({ ...trail, dump })).toMatchObject({ unchained: 1, found: 0 });
  });
});

describe('what was done to it is named, with its place', () => {
  test.each<[string, Trail, object]>([
    [
      'an edit',
      changed((lines) => {
        lines[somewhere] = lines[somewhere]?.replace('person-', 'nobody-') ?? '';
      }),
      { fault: 'edit', shard, number },
    ],
    ['a deletion', changed((lines) => lines.splice(somewhere, 1)), { fault: 'deletion', shard, number }],
    [
      'an entry twice',
      changed((lines) => lines.splice(somewhere, 0, lines[somewhere] ?? '')),
      { fault: 'insertion', shard, number },
    ],
    [
      'another order',
      changed((lines) => lines.splice(somewhere, 2, lines[somewhere + 1] ?? '', lines[somewhere] ?? '')),
      { fault: 'reorder', shard, number },
    ],
    [
      'a cut end',
      changed((lines) => {
        lines.length = somewhere + 2;
      }),
      { fault: 'truncation', shard: 3, number: 0 },
    ],
  ])('%s', async (_what, given, finding) => {
    expect((await verified(given)).findings).toContainEqual(expect.objectContaining(finding));
  });

  test.each(['2099-01-01T00:00:00.000Z', 'no time'])('a removal in a dump of %s', async (dump) => {
    const { findings } = await verified(
      changed((lines) => {
        lines[0] = JSON.stringify({ dump });
        lines.splice(somewhere, 1);
      }),
    );
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'format', number: 1 }));
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'deletion', shard, number }));
  });

  test('a chain that was made anew, by the checkpoints that saw the other', async () => {
    const other = trailOf(200, { size: 20 });
    const report = await verified({ dump: other.dump, checkpoints: trail.checkpoints });
    expect(report.findings.map(({ fault }) => fault)).toContain('fork');
  });

  test('a fact of which there is no entry', async () => {
    const report = await verified(trailOf(120, { skip: 57 }));
    expect(report.findings).toEqual([expect.objectContaining({ fault: 'gap', number: 58 })]);
  });

  test('two checkpoints of one number, and two of one size', async () => {
    const last = claimsOf(trail.checkpoints.at(-1) ?? '');
    const heads = last.heads.map((head) => ({ ...head, chain: last.links }));
    const forged = (number: number) => signCheckpoint(signer, { ...last, number, heads });
    for (const number of [last.number, last.number + 1])
      expect(await faultsOf({ ...trail, checkpoints: [...trail.checkpoints, forged(number)] })).toContain(
        'equivocation',
      );
  });

  test('a checkpoint that is missing, or signed by somebody else', async () => {
    expect(await faultsOf({ ...trail, checkpoints: trail.checkpoints.toSpliced(2, 1) })).toContain('gap');
    const stranger = trail.checkpoints.map((line) => line.replace('.first.', '.second.'));
    expect(await faultsOf({ ...trail, checkpoints: stranger })).toEqual(
      expect.arrayContaining(['signature', 'gap']),
    );
  });
});

test('no single change of three hundred goes unseen', async () => {
  const unseen: string[] = [];
  for (let seed = 0; seed < 300; seed += 1) {
    const change = mutated(trail, seed);
    if ((await verified(change)).found === 0) unseen.push(`${seed}: ${change.done}`);
  }
  expect(unseen).toEqual([]);
});

describe('a proof', () => {
  const checkpoint = claimsOf(trail.checkpoints[0] ?? '');
  const links = parsed.flatMap(({ batch }) =>
    batch && batch.first < (checkpoint.heads[batch.shard]?.next ?? 0) ? [batch] : [],
  );
  const proofFor = (index: number) => {
    const entry = statedAt(index);
    const hashesOf = (text: string) =>
      Array.from({ length: Buffer.from(text, 'base64').length / 32 }, (_, at) =>
        Buffer.from(text, 'base64').subarray(at * 32, at * 32 + 32),
      );
    const leaf = leafOfEntry(entry);
    const link = links.findIndex(({ leaves }) => hashesOf(leaves).some((one) => one.equals(leaf)));
    const batch = links[link];
    if (!batch) throw new Error('no such entry');
    const leaves = hashesOf(batch.leaves);
    const earlier = links.findLast(({ shard: own, first }) => own === batch.shard && first < batch.first);
    return makeProof({
      ...{ log: 'local', checkpoint: 0, shard: batch.shard, first: batch.first, leaves, link },
      number: batch.first + leaves.findIndex((one) => one.equals(leaf)),
      before: earlier ? Buffer.from(earlier.chain, 'base64') : beginning(batch.shard),
      chains: links.map(({ chain }) => Buffer.from(chain, 'base64')),
    });
  };

  test('leads from each entry to the checkpoint that took it in, and from no other', () => {
    for (let index = 0; index < 40; index += 1) {
      const given = proofFor(index);
      expect(proves(given, statedAt(index), checkpoint)).toBe(true);
      expect(proves(given, statedAt(index + 13), checkpoint)).toBe(false);
      expect(proves({ ...given, number: given.number + 1 }, statedAt(index), checkpoint)).toBe(false);
      expect(proves(given, statedAt(index), claimsOf(trail.checkpoints[1] ?? ''))).toBe(false);
    }
  });

  test('is below a KiB where batch and checkpoint are as large as they may be', () => {
    const leaves = Array.from({ length: 256 }, (_, index) => leafOfEntry(statedAt(index)));
    const chains = Array.from({ length: 1_024 }, (_, index) => leafOfEntry(statedAt(index)));
    const place = { log: 'x'.repeat(40), checkpoint: 1e9, shard: 3, number: 1e12 + 255, first: 1e12 };
    const given = makeProof({ ...place, leaves, before: chains[0] ?? Buffer.alloc(32), chains, link: 1_023 });
    expect(JSON.stringify(given).length).toBeLessThan(1_024);
  });
});

test('a tenant is in one of the chains, and tenants are in all of them', () => {
  const found = new Set(Array.from({ length: 64 }, (_, index) => shardOf(`tenant-${index}`)));
  expect([...found].sort()).toEqual(Array.from({ length: shards }, (_, index) => index));
});
