import { type Kysely, sql } from 'kysely';

/**
 * What texts are found by. An index is of one tenant's texts in one table; its version says which vectors are it, so that
 * another is made beside it and takes its place in one step. Parted by category: a search within one reads a quarter.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table knowledge_indexes (
      tenant_id text not null references tenants,
      -- The table of the texts.
      id text not null,
      version int not null,
      -- What made its vectors: only those of one space can be compared.
      space text not null,
      built_at timestamptz not null default now(),
      primary key (tenant_id, id)
    );

    -- Part of a text, as the direction of a vector: a byte for each number.
    create table knowledge_vectors (
      tenant_id text not null references tenants,
      source text not null,
      version int not null,
      category text not null,
      article_id text not null,
      part smallint not null,
      -- SHA-256 of the space and of what the vector was made of: the same again needs none.
      hash bytea not null check (length(hash) = 32),
      numbers bytea not null,
      primary key (tenant_id, source, version, category, article_id, part)
    ) partition by hash (category);

    -- As of the months of conversations: rows are reached by their parent, whose policies are asked then.
    create schema knowledge;
    do $$
    begin
      for part in 0..3 loop
        execute format('create table knowledge.vectors_%s partition of knowledge_vectors for values with (modulus 4, remainder %s)', part, part);
        execute format('alter table knowledge.vectors_%s enable row level security, force row level security', part);
      end loop;
    end $$;
  `.execute(db);
};
