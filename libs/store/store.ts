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
  type RawBuilder,
} from 'kysely';
import pg from 'pg';
import { DriftError, neverMigrated, refuse } from './drift.ts';

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

export interface Read<R> {
  readonly claim: Claim;
  readonly query: Compilable<R>;
}

export interface Transaction {
  rows<R>(query: Compilable<R>): Promise<R[]>;
}

export interface Store extends AsyncDisposable {
  /** Runs `work` in one transaction that sees only what the claim allows. @throws Unavailable, Unprocessable */
  within<T>(claim: Claim, work: (transaction: Transaction) => Promise<T>, span?: Span): Promise<T>;
  /** One statement of which the claim is all it needs: `within` in a single round trip. @throws the same */
  read<R>(claim: Claim, query: Compilable<R>, span?: Span): Promise<R[]>;
  /** Reads of several claims, each as `read` would, of one database in one round trip. @throws the same, of any */
  readAll<R>(reads: readonly Read<R>[]): Promise<R[][]>;
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

const writer = queries<unknown>();
/** A statement that is written as SQL, for a store to run. */
export const written = <R>(statement: RawBuilder<R>): Compilable<R> => ({
  compile: () => statement.compile(writer),
});

/** What a claim can look like; anything else did not come from us, and the database is not asked. */
const shape = /^[A-Za-z0-9_.-]{1,4096}$/;

/**
 * Opens a transaction for a claim. The statements go out together, and the claim as a parameter: no text of a claim
 * is ever text of a statement.
 * @throws Unprocessable CTX_INVALID, CTX_NO_GRANT
 */
const begin = (client: pg.PoolClient, claim: Claim): readonly [Promise<unknown>, Promise<unknown>] => {
  const value = 'grant' in claim ? claim.grant : claim.tenant;
  if (!shape.test(value)) throw new Unprocessable('CTX_INVALID', 'the claim has a wrong shape');
  return [client.query('begin'), 'grant' in claim ? showGrant(client, value) : claimTenant(client, value)];
};

const claimTenant = (client: pg.PoolClient, tenant: string): Promise<unknown> =>
  client.query({ name: 'claim', text: "select set_config('app.tenant', $1, true)", values: [tenant] });

/** Whether the grant holds is found by the policies of the tables that are read. */
const showGrant = async (client: pg.PoolClient, grant: string): Promise<void> => {
  const text = "select set_config('app.grant', $1, true), set_config('role', $2, true)";
  await client.query({ name: 'show', text, values: [grant, roleOf(grant)] }).catch((error: unknown) => {
    // There is no such role, or not for us.
    const isRole = error instanceof pg.DatabaseError && ['22023', '42501'].includes(error.code ?? '');
    throw isRole ? noGrant(error) : error;
  });
};

const noGrant = (cause: unknown): Unprocessable =>
  new Unprocessable('CTX_NO_GRANT', 'the database does not accept the grant', cause);

/** The role that a grant is for, as it says itself: `<tenant>.<reach>.<purpose>.…`; see libs/trust. */
const roleOf = (grant: string): string => {
  const [, reach, purpose] = grant.split('.', 3);
  return `app_${reach}_${purpose}`;
};

/** Sends what `ask` asks as one packet, and waits for all of it, so that the connection is whole again afterwards. */
const together = async <T extends readonly Promise<unknown>[]>(
  client: pg.PoolClient,
  ask: () => T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> => {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.cork();
  let answers: T;
  try {
    answers = ask();
  } finally {
    stream.uncork();
  }
  await Promise.allSettled(answers);
  return Promise.all(answers);
};

const names = new Map<string, string>();
const nameOf = (sql: string, role: string): string => {
  const key = `${role} ${sql}`;
  const known = names.get(key);
  if (known) return known;
  const name = `q${names.size}`;
  names.set(key, name);
  return name;
};

/** A plan is made for a role, because policies are part of it; so each role has its own. */
const run = async <R>(client: pg.PoolClient, query: Compilable<R>, claim?: Claim): Promise<R[]> => {
  const { sql, parameters } = query.compile();
  const role = claim && 'grant' in claim ? roleOf(claim.grant) : '';
  const result = await client.query({ name: nameOf(sql, role), text: sql, values: [...parameters] });
  return result.rows as R[];
};

/** Classes of SQLSTATE after which the same statement may succeed later. */
const transientClasses = new Set(['08', '40', '53', '55', '57', '58']);

/** What policies say where no grant holds; see 0012_granted.ts. */
const noGrantHolds = 'JG001';

const classified = (error: unknown): Error => {
  if (error instanceof Unprocessable || error instanceof Unavailable) return error;
  // Messages wait until it is put right.
  if (error instanceof DriftError) return new Unavailable('database', error);
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  if (code === noGrantHolds) return noGrant(error);
  // What the server never answered, or refused for its own sake, is an outage; the rest is ours.
  if (code === undefined ? isConnectionFault(error) : transientClasses.has(code.slice(0, 2)))
    return new Unavailable('database', error);
  return new Unprocessable('INTERNAL', `database refused the statement (${code ?? 'unknown'})`, error);
};

const isConnectionFault = (error: unknown): boolean =>
  error instanceof Error &&
  ('code' in error || 'errors' in error || /connection|timeout|terminated|closed/i.test(error.message));

/** A read with the transaction around it. */
const whole = <R>(client: pg.PoolClient, { claim, query }: Read<R>) =>
  [...begin(client, claim), run(client, query, claim), client.query('commit')] as const;

interface Connection {
  readonly DATABASE_URL: string;
  readonly DATABASE_POOL_SIZE: number;
}

interface Connections extends Connection {
  /** Databases of tenants that have one of their own. */
  readonly DATABASE_TENANT_URLS?: Readonly<Record<string, string>>;
}

/**
 * The store of a service, which works only on databases that are as migrations left them: each is asked before anything
 * else, now or, if it is away, at the first use. A claim leads to the database of its tenant, and what is asked without
 * one to the shared database.
 * @throws DriftError
 */
export const openStore = async (service: string, config: Connections): Promise<Store> => {
  const { DATABASE_TENANT_URLS = {}, ...shared } = config;
  await using opened = new AsyncDisposableStack();
  const open = async (DATABASE_URL: string): Promise<Store> =>
    opened.use(await openOne(service, { ...shared, DATABASE_URL }));
  const store = await open(config.DATABASE_URL);
  const own = new Map<string, Store>();
  for (const [tenant, url] of Object.entries(DATABASE_TENANT_URLS)) own.set(tenant, await open(url));
  const stores = opened.move();
  if (own.size === 0) return store;
  const storeOf = (claim: Claim): Store => own.get(tenantOf(claim)) ?? store;
  return {
    within: (claim, work, span) => storeOf(claim).within(claim, work, span),
    read: (claim, query, span) => storeOf(claim).read(claim, query, span),
    readAll: (reads) => Promise.all(reads.map(({ claim, query }) => storeOf(claim).read(claim, query))),
    rows: (query) => store.rows(query),
    ping: async () => {
      await Promise.all([store, ...own.values()].map((one) => one.ping()));
    },
    [Symbol.asyncDispose]: () => stores.disposeAsync(),
  };
};

/** The tenant that a claim says. A grant that says another than it was sealed for is refused where it leads. */
const tenantOf = (claim: Claim): string =>
  'grant' in claim ? claim.grant.slice(0, claim.grant.indexOf('.')) : claim.tenant;

const openOne = async (service: string, config: Connection): Promise<Store> => {
  const store = connect(service, config, askDrift);
  try {
    await store.ping();
  } catch (error) {
    const { cause } = error as Error;
    if (!(cause instanceof DriftError)) return store;
    await store[Symbol.asyncDispose]();
    throw cause;
  }
  return store;
};

/** @throws DriftError */
const askDrift = async (client: pg.PoolClient): Promise<void> => {
  const drift = await client
    .query('select object, expected, found from sec.drift()')
    .catch((error: unknown) => {
      // No such function or schema, or none that this role may call.
      const code = error instanceof pg.DatabaseError ? error.code : undefined;
      throw code && ['42883', '3F000', '42501'].includes(code) ? neverMigrated() : error;
    });
  refuse(drift.rows);
};

/** A store that takes the database as it is. Services open theirs with `openStore`. */
export const connect = (
  service: string,
  config: Connection,
  ask: (client: pg.PoolClient) => Promise<void> = async () => undefined,
): Store => {
  let asked = false;
  const pool = new pg.Pool({
    connectionString: config.DATABASE_URL,
    max: config.DATABASE_POOL_SIZE,
    application_name: service,
    // Statements are prepared and few; planning one again for each of its values costs more than running it. A plan
    // may be made while its table is nearly empty, and an index serves at any size.
    options:
      '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off -c search_path=public,pg_temp',
    connectionTimeoutMillis: 2_000,
    // A fresh connection plans each statement once more, 40 to 80 ms of CPU for the largest: it is kept over a quiet spell.
    idleTimeoutMillis: 600_000,
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
      if (!asked) await ask(client);
      asked = true;
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
            // What the work asks first goes out with the claim, and fails with it.
            const [, , result] = await together(
              client,
              () => [...begin(client, claim), work({ rows: (query) => run(client, query, claim) })] as const,
            );
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
          const [, , rows] = await together(client, () => whole(client, { claim, query }));
          return rows;
        });
      } finally {
        span?.end();
      }
    },
    readAll: (reads) =>
      use((client) =>
        together(client, () =>
          reads.map(async (read) => {
            const [, , rows] = await Promise.all(whole(client, read));
            return rows;
          }),
        ),
      ),
    rows: (query) => use((client) => run(client, query)),
    ping: () => use(async (client) => void (await client.query('select 1'))),
    [Symbol.asyncDispose]: () => pool.end(),
  };
};
