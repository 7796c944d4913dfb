/** One thing of the database that is not as it was set up. */
interface Difference {
  readonly object: string;
  readonly expected: string | null;
  readonly found: string | null;
}

/** The database is not as migrations left it, and no service works on it. Names objects, never values of rows. */
export class DriftError extends Error {
  override readonly name = 'DriftError';
}

const shown = 10;

const next =
  'Run the migration again (`npm start` does, or `node deploy/migrate.ts` with the administrator’s DATABASE_URL): it puts rights and policies back. Then find out who changed them.';

/** @throws DriftError naming what differs, and the next step */
export const refuse = (differences: readonly Difference[]): void => {
  if (differences.length === 0) return;
  const lines = differences
    .slice(0, shown)
    .map(
      ({ object, expected, found }) =>
        `  ${object}: expected ${expected ?? 'none'}, found ${found ?? 'none'}`,
    );
  if (differences.length > shown) lines.push(`  and ${differences.length - shown} more`);
  throw new DriftError(`the database is not as it was set up:\n${lines.join('\n')}\n${next}`);
};

/** A database that knows no state was never migrated, or by an older version. */
export const neverMigrated = (): DriftError =>
  new DriftError(`the database is not migrated for this version.\n${next}`);
