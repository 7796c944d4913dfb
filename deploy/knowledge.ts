import { createHash } from 'node:crypto';
import { chunksOf } from '@jangada/knowledge/chunks.ts';
import type { Embedding } from '@jangada/knowledge/embedding.ts';
import { quantised } from '@jangada/knowledge/vectors.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import pg from 'pg';

/** The command, in the folder deploy. Asked often, it embeds what changed and nothing else. */
export const refreshCommand = ['cli/jangada.ts', 'knowledge', 'refresh'] as const;

/** What became of the index of one table of a tenant. */
export interface Refreshed {
  readonly tenant: string;
  readonly source: string;
  readonly articles: number;
  /** Parts that a vector was made for, kept as they were, and taken out. */
  readonly embedded: number;
  readonly kept: number;
  readonly removed: number;
  readonly version: number;
}

export interface RefreshOptions {
  readonly embedding: Embedding;
  /** All tenants, where none is named. */
  readonly tenant?: string;
  /** Makes a new index beside the one in use, even if nothing changed. */
  readonly rebuild?: boolean;
}

/** Texts for which vectors are asked at once. */
const batch = 64;

/**
 * Brings the indexes of texts up to date. Only what changed is embedded; what is there with the same text is used again.
 * An index by another provider is made beside the one in use and takes its place when it is whole, so that questions
 * are answered by a whole index all the while. @throws what PostgreSQL or the endpoint of the vectors says
 */
export const refreshKnowledge = async (
  databaseUrl: string,
  { embedding, tenant, rebuild = false }: RefreshOptions,
): Promise<readonly Refreshed[]> => {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'knowledge' });
  await client.connect();
  try {
    if (tenant !== undefined) await claim(client, tenant);
    const tenants = await client.query<{ id: string; pack: string }>(
      'select id, pack from tenants where $1::text is null or id = $1 order by id',
      [tenant ?? null],
    );
    const done: Refreshed[] = [];
    for (const { id, pack: name } of tenants.rows) {
      const pack = packOf(name);
      await claim(client, id);
      for (const source of Object.values(pack.sources))
        if (source.knowledge) done.push(await refreshIndex(client, id, source, pack, { embedding, rebuild }));
    }
    return done;
  } finally {
    await client.end();
  }
};

const claim = (client: pg.Client, tenant: string) =>
  client.query(`select set_config('app.tenant', $1, false)`, [tenant]);

/** A part of a text that has a vector of its own. */
interface Part {
  readonly category: string;
  readonly article: string;
  readonly part: number;
  readonly text: string;
  /** Hex. */
  readonly hash: string;
}

const keyOf = ({ category, article, part, hash }: Omit<Part, 'text'>): string =>
  JSON.stringify([category, article, part, hash]);

const refreshIndex = async (
  client: pg.Client,
  tenant: string,
  source: Source,
  { concepts = [] }: Pack,
  { embedding, rebuild }: { readonly embedding: Embedding; readonly rebuild: boolean },
): Promise<Refreshed> => {
  const own = [tenant, source.table];
  // Two at once would make the same index.
  await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [JSON.stringify(own)]);
  try {
    const space = embedding.space(concepts);
    const parts = await partsOf(client, tenant, source, space);
    const [index] = (
      await client.query<{ version: number; space: string }>(
        'select version, space from knowledge_indexes where tenant_id = $1 and id = $2',
        own,
      )
    ).rows;
    const version = !index || index.space !== space || rebuild ? (index?.version ?? 0) + 1 : index.version;
    const known = await client.query<Omit<Part, 'text'> & { numbers: Buffer; version: number }>(
      `select category, article_id as article, part, encode(hash, 'hex') as hash, numbers, version
       from knowledge_vectors where tenant_id = $1 and source = $2`,
      own,
    );
    const numbers = new Map(known.rows.map((row) => [row.hash, row.numbers]));
    const missing = parts.filter(({ hash }) => !numbers.has(hash));
    for (let from = 0; from < missing.length; from += batch) {
      const some = missing.slice(from, from + batch);
      const texts = some.map(({ text }) => text);
      const vectors = await embedding.embed(texts, { concepts });
      for (const [at, { hash }] of some.entries())
        numbers.set(hash, Buffer.from(quantised(vectors[at] ?? new Float32Array()).buffer));
    }
    const wanted = new Set(parts.map(keyOf));
    const there = known.rows.filter((row) => row.version === version);
    const present = new Set(there.map(keyOf));
    const stale = there.filter((row) => !wanted.has(keyOf(row)));
    const fresh = parts.filter((part) => !present.has(keyOf(part)));
    await client.query('begin');
    try {
      await client.query(
        `delete from knowledge_vectors v using unnest($3::text[], $4::text[], $5::int[]) as gone (category, article, part)
         where v.tenant_id = $1 and v.source = $2 and v.version = $6
           and v.category = gone.category and v.article_id = gone.article and v.part = gone.part`,
        [...own, ...columnsOf(stale), version],
      );
      await client.query(
        `insert into knowledge_vectors (tenant_id, source, version, category, article_id, part, hash, numbers)
         select $1, $2, $3, input.* from unnest($4::text[], $5::text[], $6::int[], $7::bytea[], $8::bytea[]) as input`,
        [
          ...own,
          version,
          ...columnsOf(fresh),
          fresh.map(({ hash }) => Buffer.from(hash, 'hex')),
          fresh.map(({ hash }) => numbers.get(hash)),
        ],
      );
      if (index?.version !== version) {
        await client.query(
          `insert into knowledge_indexes (tenant_id, id, version, space) values ($1, $2, $3, $4)
           on conflict (tenant_id, id) do update
           set version = excluded.version, space = excluded.space, built_at = now()`,
          [...own, version, space],
        );
        await client.query(
          'delete from knowledge_vectors where tenant_id = $1 and source = $2 and version <> $3',
          [...own, version],
        );
      }
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    }
    return {
      tenant,
      source: source.table,
      articles: new Set(parts.map(({ article }) => article)).size,
      embedded: missing.length,
      kept: parts.length - missing.length,
      removed: stale.length,
      version,
    };
  } finally {
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [JSON.stringify(own)]);
  }
};

const columnsOf = (parts: readonly Pick<Part, 'category' | 'article' | 'part'>[]) => [
  parts.map(({ category }) => category),
  parts.map(({ article }) => article),
  parts.map(({ part }) => part),
];

const partsOf = async (
  client: pg.Client,
  tenant: string,
  { table, knowledge, usually }: Source,
  space: string,
): Promise<readonly Part[]> => {
  if (!knowledge) return [];
  // What no question is answered from needs no vector.
  const searched = usually.map(({ column }, at) => ` and ${column} = $${at + 2}`).join('');
  const { rows } = await client.query<{ id: string; title: string; text: string; category: string }>(
    `select id, ${knowledge.title} as title, ${knowledge.text} as text, ${knowledge.category.column} as category
     from ${client.escapeIdentifier(table)} where tenant_id = $1${searched} order by id`,
    [tenant, ...usually.map(({ value }) => value)],
  );
  return rows.flatMap(({ id, title, text, category }) =>
    chunksOf(title, text).map((chunk, part) => ({
      category,
      article: id,
      part,
      text: chunk,
      hash: createHash('sha256').update(`${space}\n${chunk}`).digest('hex'),
    })),
  );
};
