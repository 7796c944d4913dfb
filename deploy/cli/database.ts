import pg from 'pg';
import { readLocal } from '../local.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';

/** A moment as PostgreSQL's client gives it: which it is depends on what else this process has loaded. */
export type Moment = Date | string;

export const iso = (moment: Moment): string => new Date(moment).toISOString();

/**
 * Rows of one query, read as the owner of the database.
 * @throws NotRunning, Failure when PostgreSQL does not answer
 */
export const rowsOf = async <R extends pg.QueryResultRow>(
  sql: string,
  values: readonly unknown[],
): Promise<R[]> => {
  const client = new pg.Client({
    connectionString: readLocal(['databaseUrl']).databaseUrl,
    application_name: 'operator',
    connectionTimeoutMillis: 2_000,
    statement_timeout: 10_000,
  });
  // A server that goes away between connecting and asking is told by the query, not by an event.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new Failure(
      `PostgreSQL does not answer (${messageOf(error)}); start the system with \`npm start\`, or set DATABASE_URL`,
      exitCodes.unreachable,
      error,
    );
  }
  try {
    return (await client.query<R>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
};
