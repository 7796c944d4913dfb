import { beginning } from '@jangada/verifier/chain.ts';
import { type Checkpoint, claimsOf } from '@jangada/verifier/checkpoint.ts';
import type { BatchLine, EntryLine, Line } from '@jangada/verifier/dump.ts';
import { shards } from '@jangada/verifier/entry.ts';
import { makeProof, type Proof } from '@jangada/verifier/proof.ts';
import pg from 'pg';

/** The audit trail as PostgreSQL has it, read by whoever administers it; see libs/verifier. */

/** An entry as a dump has it. */
type Told = EntryLine['entry'];
/** A batch as a dump has it. */
type Link = BatchLine['batch'];

const entryColumns = `tenant_id as tenant, subject_id as subject, fact, sequence::float8 as sequence,
  to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, role, session, purpose, decision, code, resource,
  details, origin, shard, number::float8 as number`;

const batchColumns = `shard, first::float8 as first, translate(encode(leaves, 'base64'), E'\\n', '') as leaves,
  encode(root, 'base64') as root, encode(chain, 'base64') as chain`;

/** Batches read at once. */
const page = 64;

/** A client of one moment: whatever is added meanwhile is not seen. */
const openMoment = async (databaseUrl: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'operator' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin isolation level repeatable read read only');
  return client;
};

/** The lines of a dump, in the order that a verifier reads them in. */
export async function* dumpOf(databaseUrl: string): AsyncGenerator<string> {
  const client = await openMoment(databaseUrl);
  const textOf = (line: Line): string => JSON.stringify(line);
  try {
    const [now] = (await client.query<{ now: Date | string }>('select now() as now')).rows;
    yield textOf({ dump: new Date(now?.now ?? Date.now()).toISOString() });
    for (let shard = 0; shard < shards; shard += 1) {
      let end = 0;
      for (;;) {
        const batches = await batchesFrom(client, shard, end);
        const last = batches.at(-1);
        const to = last ? last.first + leavesIn(last) : Number.MAX_SAFE_INTEGER;
        const entries = await entriesBetween(client, shard, end, to);
        let next = 0;
        for (const batch of batches) {
          yield textOf({ batch });
          for (; (entries[next]?.number ?? to) < batch.first + leavesIn(batch); next += 1)
            yield textOf({ entry: entries[next] as Told });
        }
        for (const entry of entries.slice(next)) yield textOf({ entry });
        if (!last) break;
        end = to;
      }
    }
    const unplaced = `shard is null or number is null or number < 0 or shard not between 0 and ${shards - 1}`;
    const { rows } = await client.query<Told>(`select ${entryColumns} from audit_entries where ${unplaced}`);
    for (const entry of rows) yield textOf({ entry });
  } finally {
    await client.end();
  }
}

/** The hashes of a batch. */
const hashesOf = ({ leaves }: Link): Buffer[] => {
  const bytes = Buffer.from(leaves, 'base64');
  return Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(at * 32, at * 32 + 32));
};

const leavesIn = ({ leaves }: Link): number => Buffer.byteLength(leaves, 'base64') / 32;

const batchesFrom = async (client: pg.Client, shard: number, from: number): Promise<Link[]> => {
  const text = `select ${batchColumns} from audit_batches where shard = $1 and first >= $2 order by first limit ${page}`;
  return (await client.query<Link>(text, [shard, from])).rows;
};

const entriesBetween = async (
  client: pg.Client,
  shard: number,
  from: number,
  to: number,
): Promise<Told[]> => {
  const text = `select ${entryColumns} from audit_entries where shard = $1 and number >= $2 and number < $3 order by number`;
  return (await client.query<Told>(text, [shard, from, to])).rows;
};

/** Checkpoints read at once. */
const checkpointPage = 10_000;

/** Every checkpoint that PostgreSQL keeps, as statements in their order. */
export async function* checkpointsOf(databaseUrl: string): AsyncGenerator<string> {
  const client = await openMoment(databaseUrl);
  try {
    const text = 'select number, statement from audit_checkpoints where number > $1 order by number limit $2';
    for (let last: number | undefined = -1; last !== undefined; ) {
      const { rows }: { rows: { number: number; statement: string }[] } = await client.query(text, [
        last,
        checkpointPage,
      ]);
      for (const { statement } of rows) yield statement;
      last = rows.at(-1)?.number;
    }
  } finally {
    await client.end();
  }
}

/** An entry and what shows that it is in the trail. */
export interface Proven {
  readonly entry: Told;
  readonly proof: Proof;
  /** As it was signed. */
  readonly checkpoint: string;
}

/**
 * The proof of one entry, which is named by its run and fact or by its place; undefined where there is none, or no
 * checkpoint takes it in yet.
 */
export const proofFrom = async (
  databaseUrl: string,
  wanted: string,
  tenant: string | undefined,
): Promise<Proven | undefined> => {
  const client = await openMoment(databaseUrl);
  try {
    const [entry] = await entriesNamed(client, wanted, tenant);
    if (!entry || entry.shard === null || entry.number === null) return undefined;
    const { shard, number } = entry;
    // The one before ends the chain that the batch follows.
    const text = `select ${batchColumns}, at from audit_batches where shard = $1 and first <= $2 order by first desc limit 2`;
    const [batch, earlier] = (await client.query<Link & { at: Date | string }>(text, [shard, number])).rows;
    const sealed = batch && (await sealOf(client, shard, number, batch.at));
    if (!batch || !sealed) return undefined;
    const links = await linksOf(client, sealed);
    const proof = makeProof({
      ...{
        log: sealed.checkpoint.log,
        checkpoint: sealed.checkpoint.number,
        shard,
        number,
        first: batch.first,
      },
      leaves: hashesOf(batch),
      before: earlier ? Buffer.from(earlier.chain, 'base64') : beginning(shard),
      chains: links.map(({ chain }) => Buffer.from(chain, 'base64')),
      link: links.findIndex((one) => one.shard === shard && one.first === batch.first),
    });
    return { entry, proof, checkpoint: sealed.statement };
  } finally {
    await client.end();
  }
};

const entriesNamed = async (
  client: pg.Client,
  wanted: string,
  tenant: string | undefined,
): Promise<Told[]> => {
  const [one = '', other = ''] = wanted.split(/\/(.*)/s);
  const place = /^\d+\/\d+$/.test(wanted);
  const where = place ? 'shard = $1 and number = $2' : 'subject_id = $1 and fact = $2';
  const text = `select ${entryColumns} from audit_entries where ${where} and ($3::text is null or tenant_id = $3)`;
  return (await client.query<Told>(text, [one, other, tenant ?? null])).rows;
};

interface Seal {
  readonly statement: string;
  readonly checkpoint: Checkpoint;
  readonly before: Checkpoint | undefined;
}

/** The first checkpoint that takes in a place. */
const sealOf = async (
  client: pg.Client,
  shard: number,
  number: number,
  at: Date | string,
): Promise<Seal | undefined> => {
  // Clocks of a service and of the database may differ.
  const text = `select statement from audit_checkpoints where at >= $1::timestamptz - interval '1 minute' order by number limit 1000`;
  const { rows } = await client.query<{ statement: string }>(text, [at]);
  const statement = rows.find((row) => (claimsOf(row.statement).heads[shard]?.next ?? 0) > number)?.statement;
  if (!statement) return undefined;
  const checkpoint = claimsOf(statement);
  const earlier = 'select statement from audit_checkpoints where number = $1';
  const [before] = (await client.query<{ statement: string }>(earlier, [checkpoint.number - 1])).rows;
  return { statement, checkpoint, before: before && claimsOf(before.statement) };
};

/** The batches that a checkpoint takes in, in its order. */
const linksOf = async (client: pg.Client, { checkpoint, before }: Seal): Promise<Link[]> => {
  const links: Link[] = [];
  for (const [shard, { next }] of checkpoint.heads.entries()) {
    const text = `select ${batchColumns} from audit_batches where shard = $1 and first >= $2 and first < $3 order by first`;
    links.push(...(await client.query<Link>(text, [shard, before?.heads[shard]?.next ?? 0, next])).rows);
  }
  return links;
};
