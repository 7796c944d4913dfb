import type { Socket } from 'node:net';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import type { Span } from '@opentelemetry/api';
import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import pg from 'pg';

/**
 * PostgreSQL as the role of one service. Kysely writes and types the SQL; running it is ours, because a named
 * prepared statement spares PostgreSQL the parsing and a transaction that carries its claim in one round trip
 * spares the wire.
 */

// Figures as numbers where they fit, dates and instants as ISO text, decimals as exact text.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.DATE, String);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => new Date(text).toISOString());

/** For whom a transaction speaks. PostgreSQL's row-level security reads it; without one, no row is visible. */
export type Claim =
  /** A tenant, for services that own a duty in it. */
  | { readonly tenant: string }
  /** A grant's database part, which PostgreSQL verifies itself. */
  | { readonly grant: string };

export interface Transaction {
  rows<R>(query: Compilable<R>): Promise<R[]>;
}

export interface Store extends AsyncDisposable {
  /** Runs `work` in one transaction that sees only what the claim allows. @throws Unavailable, Unprocessable */
  within<T>(claim: Claim, work: (transaction: Transaction) => Promise<T>, span?: Span): Promise<T>;
  /** One statement of which the claim is all it needs: `within` in a single round trip. @throws the same */
  read<R>(claim: Claim, query: Compilable<R>, span?: Span): Promise<R[]>;
  /** One statement outside any claim, for tables that are not a tenant's. @throws Unavailable, Unprocessable */
  rows<R>(query: Compilable<R>): Promise<R[]>;
  ping(): Promise<void>;
}

/** A query builder that is never connected: it types and writes SQL. */
export const queries = <Tables>(): Kysely<Tables> =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });

const safeClaim = /^[A-Za-z0-9_.-]{1,4096}$/;

const begin = (claim: Claim): string => {
  const [setting, value] = 'grant' in claim ? ['app.grant', claim.grant] : ['app.tenant', claim.tenant];
  // Written into the text so that it goes with BEGIN in one round trip; this pattern leaves nothing to quote.
  if (!safeClaim.test(value)) throw new Unprocessable('CTX_INVALID', 'the claim has a wrong shape');
  const set = `begin; select set_config('${setting}', '${value}', true)`;
  // Without this an unaccepted grant would look like an empty table.
  return 'grant' in claim ? `${set}; select sec.granted_tenant() is not null as accepted` : set;
};

/** @throws Unprocessable CTX_NO_GRANT when PostgreSQL does not accept the grant: forged, or expired by now */
const start = async (client: pg.PoolClient, claim: Claim): Promise<void> => {
  const results = (await client.query(begin(claim))) as unknown as pg.QueryResult<{ accepted?: boolean }>[];
  if (results.at(-1)?.rows[0]?.accepted === false)
    throw new Unprocessable('CTX_NO_GRANT', 'the database does not accept the grant');
};

const names = new Map<string, string>();
const nameOf = (sql: string): string => {
  const known = names.get(sql);
  if (known) return known;
  const name = `q${names.size}`;
  names.set(sql, name);
  return name;
};

const run = async <R>(client: pg.PoolClient, query: Compilable<R>): Promise<R[]> => {
  const { sql, parameters } = query.compile();
  const result = await client.query({ name: nameOf(sql), text: sql, values: [...parameters] });
  return result.rows as R[];
};

/** Classes of SQLSTATE after which the same statement may succeed later. */
const transientClasses = new Set(['08', '40', '53', '55', '57', '58']);

const classified = (error: unknown): Error => {
  if (error instanceof Unprocessable || error instanceof Unavailable) return error;
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  // What the server never answered, or refused for its own sake, is an outage; the rest is ours.
  if (code === undefined ? isConnectionFault(error) : transientClasses.has(code.slice(0, 2)))
    return new Unavailable('database', error);
  return new Unprocessable('INTERNAL', `database refused the statement (${code ?? 'unknown'})`, error);
};

const isConnectionFault = (error: unknown): boolean =>
  error instanceof Error &&
  ('code' in error || 'errors' in error || /connection|timeout|terminated|closed/i.test(error.message));

export const openStore = async (
  service: string,
  config: { DATABASE_URL: string; DATABASE_POOL_SIZE: number },
): Promise<Store> => {
  const pool = new pg.Pool({
    connectionString: config.DATABASE_URL,
    max: config.DATABASE_POOL_SIZE,
    application_name: service,
    // Statements are prepared and few; planning one again for each of its values costs more than running it.
    options: '-c plan_cache_mode=force_generic_plan -c jit=off',
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    pipeline: true,
    statement_timeout: 5_000,
    idle_in_transaction_session_timeout: 5_000,
  });
  // A connection that dies is replaced at its next use; without listeners it would end the process, the pool's for
  // one that is idle, its own for one that is in use.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));

  const use = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient | undefined;
    try {
      client = await pool.connect();
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      const known = classified(error);
      client?.release(known instanceof Unavailable);
      throw known;
    }
  };

  return {
    within: async (claim, work, span) => {
      try {
        return await use(async (client) => {
          try {
            await start(client, claim);
            const result = await work({ rows: (query) => run(client, query) });
            await client.query('commit');
            return result;
          } catch (error) {
            await client.query('rollback').catch(() => undefined);
            throw error;
          }
        });
      } finally {
        span?.end();
      }
    },
    read: async (claim, query, span) => {
      try {
        return await use(async (client) => {
          const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
          stream.cork();
          const answers = [start(client, claim), run(client, query), client.query('commit')] as const;
          stream.uncork();
          // All three are waited for, so that the connection is whole again when it goes back to the pool.
          const [started, rows, committed] = await Promise.allSettled(answers);
          for (const answer of [started, rows, committed])
            if (answer.status === 'rejected') throw answer.reason;
          return (rows as PromiseFulfilledResult<Awaited<(typeof answers)[1]>>).value;
        });
      } finally {
        span?.end();
      }
    },
    rows: (query) => use((client) => run(client, query)),
    ping: () => use(async (client) => void (await client.query('select 1'))),
    [Symbol.asyncDispose]: () => pool.end(),
  };
};
