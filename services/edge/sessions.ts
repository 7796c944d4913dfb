import { createHash, randomBytes } from 'node:crypto';
import { token as subjectToken } from '@jangada/proto/message.ts';
import { queries, type Store, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import type { Account } from './accounts.ts';
import type { Identity, Proof } from './identity.ts';

/**
 * Sessions, as PostgreSQL keeps them. A session begins with a log-in, is carried on by refresh tokens of which each
 * works once, and ends by log-out, by revocation, by silence, by age, or because a refresh token came a second time.
 */

export type Ending = NonNullable<CoreTables['sessions']['reason']>;

/** A session, named in full. */
export type Holder = Pick<Identity, 'tenant' | 'session'>;

export interface Session extends Proof {
  readonly id: string;
  readonly tenant: string;
  readonly account: string;
  /** In ms since 1970. */
  readonly createdAt: number;
  readonly usedAt: number;
  /** Why it is over, if it is. */
  readonly ended: Ending | undefined;
}

/** What came of a refresh token. */
export type Renewal =
  | { readonly outcome: 'renewed'; readonly session: Session; readonly refreshToken: string }
  /** The token was used before: somebody has a copy. The session is over. */
  | { readonly outcome: 'reused'; readonly session: Session }
  | { readonly outcome: 'ended'; readonly session: Session }
  | { readonly outcome: 'unknown' };

/** Each of these throws Unavailable when PostgreSQL cannot be reached. */
export interface Sessions {
  open(account: Account, proof: Proof): Promise<{ session: Session; refreshToken: string }>;
  /** Keeps a session that an outside issuer began, so that it can be ended here like ours. */
  adopt(identity: Identity): Promise<void>;
  renew(refreshToken: string): Promise<Renewal>;
  /** Those that there are, expired ones as ended. */
  find(wanted: readonly Holder[]): Promise<readonly Session[]>;
  /** Notes that sessions are in use, of those that were silent for a while. */
  use(sessions: readonly Session[]): Promise<void>;
  /** Not ended ones of an account, newest first. */
  listOf(tenant: string, account: string): Promise<readonly Session[]>;
  /** Notes that the person has proved more. */
  prove(tenant: string, id: string, proof: Proof): Promise<void>;
  /** Ends what is not over yet of a session, or of all sessions of an account, and returns the ids. */
  end(
    tenant: string,
    which: { session: string } | { account: string },
    reason: Ending,
  ): Promise<readonly string[]>;
}

/** A session ends so long after its log-in, used or not. */
export const sessionMaxMs = 12 * 3_600_000;
const keptAfterEndMs = 30 * 86_400_000;

const db = queries<CoreTables>();
const selection = db
  .selectFrom('sessions')
  .select(['id', 'tenant_id', 'account_id', 'amr', 'authenticated_at', 'created_at', 'used_at', 'reason']);
type Row = Awaited<ReturnType<(typeof selection)['executeTakeFirstOrThrow']>>;

/** One statement for lists of every length, so that it is prepared once. */
const any = (ids: readonly string[]) => sql<string>`any(${ids})`;

/** A secret with its tenant before it, which row-level security has to know before it shows a row. */
export const secretFor = (tenant: string): { text: string; hash: Buffer } => {
  const secret = randomBytes(32).toString('base64url');
  return { text: `${tenant}.${secret}`, hash: hashOf(secret) };
};
/** 256 random bits need no slow hash. */
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Undefined for what cannot be one of ours. */
export const readSecret = (text: string): { tenant: string; hash: Buffer } | undefined => {
  const [tenant = '', secret = '', ...rest] = text.split('.');
  if (!subjectToken.test(tenant) || secret.length !== 43 || rest.length > 0) return undefined;
  return { tenant, hash: hashOf(secret) };
};

export const openSessions = (store: Store, idleMs: number): Sessions => {
  /** How far the noted time of use may lag behind, to spare writes. */
  const lagMs = Math.min(60_000, idleMs / 10);

  const read = (row: Row, now: number): Session => {
    const [createdAt, usedAt] = [Date.parse(row.created_at), Date.parse(row.used_at)];
    const expired = now - usedAt > idleMs || now - createdAt > sessionMaxMs;
    return {
      id: row.id,
      tenant: row.tenant_id,
      account: row.account_id,
      acr: row.amr.includes('mfa') ? 'aal2' : 'aal1',
      amr: row.amr,
      authenticatedAt: Date.parse(row.authenticated_at),
      createdAt,
      usedAt,
      ended: row.reason ?? (expired ? 'expired' : undefined),
    };
  };

  const giveToken = async (
    transaction: Transaction,
    tenant: string,
    session: string,
    now: Date,
  ): Promise<string> => {
    const { text, hash } = secretFor(tenant);
    const row = { tenant_id: tenant, hash, session_id: session, created_at: now };
    await transaction.rows(db.insertInto('refresh_tokens').values(row));
    return text;
  };

  return {
    open: (account, { amr, authenticatedAt }) => {
      const now = new Date();
      const row = {
        tenant_id: account.tenant,
        id: crypto.randomUUID(),
        account_id: account.id,
        amr: [...amr],
        authenticated_at: new Date(authenticatedAt),
        created_at: now,
        used_at: now,
      };
      return store.within({ tenant: account.tenant }, async (transaction) => {
        await transaction.rows(
          db
            .deleteFrom('sessions')
            .where('tenant_id', '=', account.tenant)
            .where('account_id', '=', account.id)
            .where('created_at', '<', new Date(now.getTime() - sessionMaxMs - keptAfterEndMs).toISOString()),
        );
        await transaction.rows(db.insertInto('sessions').values(row));
        const refreshToken = await giveToken(transaction, account.tenant, row.id, now);
        const times = {
          authenticated_at: row.authenticated_at.toISOString(),
          created_at: now.toISOString(),
          used_at: now.toISOString(),
        };
        return { session: read({ ...row, ...times, reason: null }, now.getTime()), refreshToken };
      });
    },

    adopt: async ({ tenant, session, subject, amr, authenticatedAt }) => {
      const now = new Date();
      const times = { authenticated_at: new Date(authenticatedAt), created_at: now, used_at: now };
      await store.read(
        { tenant },
        db
          .insertInto('sessions')
          .values({ tenant_id: tenant, id: session, account_id: subject, amr: [...amr], ...times })
          .onConflict((conflict) => conflict.doNothing()),
      );
    },

    renew: async (refreshToken) => {
      const secret = readSecret(refreshToken);
      if (!secret) return { outcome: 'unknown' };
      const { tenant, hash } = secret;
      const now = new Date();
      return store.within({ tenant }, async (transaction): Promise<Renewal> => {
        // Whoever comes second waits for this row and then finds it used.
        const [first] = await transaction.rows(
          db
            .updateTable('refresh_tokens')
            .set({ used_at: now })
            .where('tenant_id', '=', tenant)
            .where('hash', '=', hash)
            .where('used_at', 'is', null)
            .returning('session_id'),
        );
        const [token] = first
          ? [first]
          : await transaction.rows(
              db
                .selectFrom('refresh_tokens')
                .select('session_id')
                .where('tenant_id', '=', tenant)
                .where('hash', '=', hash),
            );
        const [row] = token
          ? await transaction.rows(
              selection.where('tenant_id', '=', tenant).where('id', '=', token.session_id),
            )
          : [];
        if (!row) return { outcome: 'unknown' };
        const session = read(row, now.getTime());
        if (!first) return { outcome: 'reused', session };
        if (session.ended) return { outcome: 'ended', session };
        await transaction.rows(
          db
            .updateTable('sessions')
            .set({ used_at: now })
            .where('tenant_id', '=', tenant)
            .where('id', '=', session.id),
        );
        return {
          outcome: 'renewed',
          session,
          refreshToken: await giveToken(transaction, tenant, session.id, now),
        };
      });
    },

    find: async (wanted) => {
      const byTenant = Map.groupBy(wanted, ({ tenant }) => tenant);
      const rows = await store.readAll(
        [...byTenant].map(([tenant, holders]) => {
          const ids = holders.map(({ session }) => session);
          const query = selection.where('tenant_id', '=', tenant).where('id', '=', any(ids));
          return { claim: { tenant }, query };
        }),
      );
      const now = Date.now();
      return rows.flat().map((row) => read(row, now));
    },

    use: async (sessions) => {
      const now = Date.now();
      const silent = sessions.filter(({ ended, usedAt }) => !ended && now - usedAt > lagMs);
      if (silent.length === 0) return;
      const byTenant = Map.groupBy(silent, ({ tenant }) => tenant);
      await store.readAll(
        [...byTenant].map(([tenant, some]) => {
          const touch = db
            .updateTable('sessions')
            .set({ used_at: new Date(now) })
            .where('tenant_id', '=', tenant)
            .where('id', '=', any(some.map(({ id }) => id)));
          return { claim: { tenant }, query: touch.where('reason', 'is', null) };
        }),
      );
    },

    listOf: async (tenant, account) => {
      const open = selection
        .where('tenant_id', '=', tenant)
        .where('account_id', '=', account)
        .where('reason', 'is', null);
      const rows = await store.read({ tenant }, open.orderBy('created_at', 'desc').limit(200));
      return rows.map((row) => read(row, Date.now())).filter(({ ended }) => !ended);
    },

    prove: async (tenant, id, { amr, authenticatedAt }) => {
      const proven = { amr: [...amr], authenticated_at: new Date(authenticatedAt) };
      await store.read(
        { tenant },
        db
          .updateTable('sessions')
          .set(proven)
          .where('tenant_id', '=', tenant)
          .where('id', '=', id)
          .where('reason', 'is', null),
      );
    },

    end: async (tenant, which, reason) => {
      const over = db
        .updateTable('sessions')
        .set({ ended_at: new Date(), reason })
        .where('tenant_id', '=', tenant)
        .where('reason', 'is', null)
        .returning('id');
      const chosen =
        'session' in which
          ? over.where('id', '=', which.session)
          : over.where('account_id', '=', which.account);
      return (await store.read({ tenant }, chosen)).map(({ id }) => id);
    },
  };
};
