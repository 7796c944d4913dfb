import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { conversations } from '@jangada/vault/core.ts';
import { type StoredRow, sealRows } from '@jangada/vault/rows.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { type Exchange, type Placed, place, type Session } from './handler.ts';

const db = queries<CoreTables>();

export interface Keeping {
  readonly vault: Vault;
  /** How long a session outlives its last question. */
  readonly lastsMs: number;
  /** Tenants whose transactions are open at a time. */
  readonly tenantsAtOnce: number;
}

/**
 * Keeps questions with what came of them: of each tenant in one transaction, with the sessions that they belong to. One
 * that is there already, because it was delivered again, stays as it was.
 */
export const keepAll = async (
  store: Pick<Store, 'within'>,
  exchanges: readonly Exchange[],
  keeping: Keeping,
): Promise<void> => {
  const byTenant = Map.groupBy(exchanges, ({ tenant }) => tenant).entries();
  const keepSome = async (): Promise<void> => {
    for (const [tenant, own] of byTenant)
      await store.within({ tenant }, (transaction) => keepOf(transaction, tenant, own, keeping));
  };
  await Promise.all(Array.from({ length: keeping.tenantsAtOnce }, keepSome));
};

const keepOf = async (
  transaction: Transaction,
  tenant: string,
  exchanges: readonly Exchange[],
  { vault, lastsMs }: Keeping,
): Promise<void> => {
  const threads = [...new Set(exchanges.map(({ thread }) => thread))];
  const [, known, sealed] = await Promise.all([
    // Another instance may hold the next question of the same thread.
    transaction.rows(
      written(sql`select pg_advisory_xact_lock(hashtextextended(${`conversations ${tenant}`}, 0))`),
    ),
    sessionsOf(transaction, tenant, threads),
    sealRows(vault, conversations, tenant, exchanges.map(rowOf), transaction),
  ]);
  const placed = place(known, exchanges, lastsMs);
  await Promise.all([
    writeSessions(transaction, tenant, placed.sessions),
    writeExchanges(transaction, tenant, placed.exchanges, sealed),
  ]);
};

const sessionsOf = async (
  transaction: Transaction,
  tenant: string,
  threads: readonly string[],
): Promise<Session[]> => {
  const rows = await transaction.rows(
    db
      .selectFrom('ai_agent_sessions')
      .selectAll()
      .where('tenant_id', '=', tenant)
      .where('thread_id', '=', sql<string>`any(${threads})`),
  );
  return rows.map((row) => ({
    id: row.id,
    thread: row.thread_id,
    owner: row.subject_id,
    type: row.session_type,
    createdAt: new Date(row.created_at),
    lastActivityAt: new Date(row.last_activity_at),
    expiresAt: new Date(row.expires_at),
    isActive: row.is_active,
  }));
};

const columnOf =
  <T>(rows: readonly T[]) =>
  <K extends keyof T>(name: K) =>
    rows.map((row) => row[name]);

const writeSessions = async (
  transaction: Transaction,
  tenant: string,
  sessions: readonly Session[],
): Promise<void> => {
  const column = columnOf(sessions);
  await transaction.rows(
    written(sql`
      insert into ai_agent_sessions (tenant_id, id, session_type, thread_id, subject_id, is_active, created_at, last_activity_at, expires_at)
      select ${tenant}, * from unnest(
        ${column('id')}::text[], ${column('type')}::text[], ${column('thread')}::text[], ${column('owner')}::text[],
        ${column('isActive')}::boolean[], ${column('createdAt')}::timestamptz[], ${column('lastActivityAt')}::timestamptz[],
        ${column('expiresAt')}::timestamptz[])
      on conflict (tenant_id, id) do update set is_active = excluded.is_active,
        last_activity_at = excluded.last_activity_at, expires_at = excluded.expires_at`),
  );
};

/** What is sealed of a question, and whose key it is sealed with. */
const rowOf = ({ run: id, owner, question, answer, message }: Exchange) => ({
  ...{ id, subject_id: owner, question, answer, message },
});

const writeExchanges = async (
  transaction: Transaction,
  tenant: string,
  exchanges: Placed['exchanges'],
  sealed: readonly StoredRow[],
): Promise<void> => {
  const column = columnOf(exchanges);
  const rows = new Map(sealed.map((row) => [row['id'], row]));
  const field = (name: keyof typeof conversations.columns) =>
    exchanges.map(({ run }) => rows.get(run)?.[name]);
  await transaction.rows(
    written(sql`
      insert into ai_agent_conversations (tenant_id, id, created_at, session_id, thread_id, subject_id, is_first, question, answer, message, attempt, ending, code)
      select ${tenant}, fresh.* from unnest(
        ${column('run')}::text[], ${column('at')}::timestamptz[], ${column('session')}::text[], ${column('thread')}::text[],
        ${column('owner')}::text[], ${column('isFirst')}::boolean[], ${field('question')}::bytea[], ${field('answer')}::bytea[],
        ${field('message')}::bytea[], ${column('attempt')}::smallint[], ${column('ending')}::text[], ${column('code')}::text[])
        as fresh (id)
      -- The key holds the time too, and a run that is asked for once more, much later, has another.
      where not exists (select from ai_agent_conversations there where there.tenant_id = ${tenant} and there.id = fresh.id)
      on conflict do nothing`),
  );
};
