import { type Kysely, sql } from 'kysely';

/** How far a plan was read and its class counted, so that whoever comes after goes on from there. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table retention_plans add column read jsonb, add column counted jsonb;
  `.execute(db);
};
