import type { Pack } from '@jangada/packs/pack.ts';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';

/** The tables that a pack's migrations make. They are run against no database, and what they would say is read. */
export const tablesMadeBy = async (pack: Pack): Promise<readonly string[]> => {
  const statements: string[] = [];
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => {
      statements.push(query.sql);
    },
  });
  for (const migration of Object.values(pack.migrations)) await migration.up(db);
  return [...statements.join('\n').matchAll(/create table (?:if not exists )?"?(\w+)"?/gi)].map(
    ([, name = '']) => name,
  );
};
