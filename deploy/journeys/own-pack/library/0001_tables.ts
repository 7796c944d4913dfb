import { type Kysely, sql } from 'kysely';

/** What stands on the shelves. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table library_books (
      tenant_id text not null references tenants,
      id text not null,
      title text not null,
      author text not null,
      primary key (tenant_id, id)
    );
  `.execute(db);
};
