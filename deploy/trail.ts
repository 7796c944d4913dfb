import type { BatchLine, EntryLine, Line } from '@jangada/verifier/dump.ts';
import { shards } from '@jangada/verifier/entry.ts';
import pg from 'pg';

/** The audit trail as PostgreSQL has it, read by whoever administers it; see libs/verifier. */

/** An entry as a dump has it. */
type Told = EntryLine['entry'];
/** A batch as a dump has it. */
type Link = BatchLine['batch'];

export const entryColumns = `tenant_id as tenant, subject_id as subject, fact, sequence::float8 as sequence,
  to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, role, session, purpose, decision, code, resource,
  details, origin, shard, number::float8 as number`;

export const batchColumns = `shard, first::float8 as first, translate(encode(leaves, 'base64'), E'\\n', '') as leaves,
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

/** Every checkpoint that PostgreSQL keeps, as statements in their order. */
export const checkpointsOf = async (databaseUrl: string): Promise<string[]> => {
  const client = await openMoment(databaseUrl);
  try {
    const { rows } = await client.query<{ statement: string }>(
      'select statement from audit_checkpoints order by number',
    );
    return rows.map(({ statement }) => statement);
  } finally {
    await client.end();
  }
};
