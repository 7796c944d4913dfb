import type { Plan } from '@jangada/proto/plan.ts';
import { citedMax } from '@jangada/proto/run.ts';
import { written } from '@jangada/store/store.ts';
import { type Compilable, sql } from 'kysely';
import type { Pack, Source } from './pack.ts';
import { conditions, type Reader } from './read.ts';
import { sourceOf } from './rules.ts';

/** Texts that are found by what a question says: which may be, and what they are found by. */

/** Texts of a source, and the columns that hold them, each of the source's own table. */
export interface Knowledge {
  readonly title: string;
  readonly text: string;
  readonly category: {
    readonly column: string;
    /** The facet of a plan that says which categories are searched; all are where it names none. */
    readonly facet?: string;
    /** Categories that are searched beside those that a plan names. */
    readonly always?: readonly string[];
    /** Categories of which somebody asks who may want to become what the tenant is there for. */
    readonly interests?: readonly string[];
  };
}

/** Rows of which some purposes see a part. */
export interface Audience {
  readonly column: string;
  /** By purpose: the values of the rows that are read for it. A purpose that is not named reads all. */
  readonly purposes: Readonly<Record<string, readonly string[]>>;
}

/** A text as it is ranked. */
export interface Candidate {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly category: string;
  /** What made its vectors; null where nothing did yet. */
  readonly space: string | null;
  /** Of each of its parts, in order. */
  readonly vectors: readonly Buffer[];
  readonly _tenants: string;
}

/** Texts that one question is held against at most. */
const candidatesMax = 2_000;

/** What is searched for a plan: the plan itself, or one of the texts that are cited beside its rows. */
export const searched = (pack: Pack, plan: Plan): Plan | undefined => {
  const { nearest, facets } = plan.filter;
  if (!nearest) return undefined;
  if (plan.cites === undefined) return plan;
  const cited = sourceOf(pack, plan.cites);
  if (!cited?.knowledge) return undefined;
  const { facet } = cited.knowledge.category;
  const named = facet === undefined ? undefined : facets?.[facet];
  return {
    source: plan.cites,
    ask: 'list',
    joins: [],
    filter: {
      nearest,
      ...(cited.language ? { language: nearest.language } : {}),
      ...(named && facet !== undefined ? { facets: { [facet]: named } } : {}),
    },
    fields: [...cited.list],
    limit: citedMax,
  };
};

/**
 * Every text that a plan may find, and what it is found by. Of the source's own table, so that row-level security decides
 * which of them there are before anything is compared.
 * @throws Error for a source without knowledge
 */
export const candidates = (source: Source, plan: Plan, reader: Reader): Compilable<Candidate> => {
  const { knowledge, table } = source;
  if (!knowledge) throw new Error(`${table} holds nothing that is searched`);
  const { category } = knowledge;
  const named = category.facet === undefined ? undefined : plan.filter.facets?.[category.facet];
  const categories = named && [...named, ...(category.always ?? [])];
  const { facets: _, ...filter } = plan.filter;
  const where = [
    ...conditions(source, { ...plan, filter }, reader),
    ...(categories ? [sql`${sql.ref(category.column)} = any (${categories}::text[])`] : []),
  ];
  const own = (column: string) => sql.ref(`${table}.${column}`);
  // What the planner can see of the partitions is a condition on their own column.
  const parted = categories ? sql` and knowledge_vectors.category = any (${categories}::text[])` : sql``;
  return written(sql<Candidate>`
    select ${own('id')} as id, ${sql.ref(knowledge.title)} as title, ${sql.ref(knowledge.text)} as text,
      ${sql.ref(category.column)} as category,
      knowledge_indexes.space as space, array(
        select knowledge_vectors.numbers from knowledge_vectors
        where knowledge_vectors.tenant_id = ${own('tenant_id')} and knowledge_vectors.source = ${table}
          and knowledge_vectors.version = knowledge_indexes.version and knowledge_vectors.category = ${sql.ref(category.column)}
          and knowledge_vectors.article_id = ${own('id')}${parted}
        order by knowledge_vectors.part) as vectors,
      ${own('tenant_id')} as _tenants
    from ${sql.table(table)}
    left join knowledge_indexes on knowledge_indexes.tenant_id = ${own('tenant_id')} and knowledge_indexes.id = ${table}
    where ${sql.join(where, sql` and `)}
    order by ${own('id')} limit ${candidatesMax}`);
};
