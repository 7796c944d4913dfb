import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Accounts } from './accounts.ts';
import type { Identity } from './identity.ts';
import { Refusal } from './refusal.ts';
import { readSecret, type Sessions, secretFor } from './sessions.ts';

/**
 * Tickets for sockets: a browser can send no header with one, and a token in its address would stand in every
 * proxy's log. A ticket works once, at whatever replica, within half a minute, and says no more than the session
 * and the token that it was given for.
 */
export interface Tickets {
  /** @throws Unavailable */
  issue(identity: Identity): Promise<{ ticket: string; expiresInSeconds: number }>;
  /** @throws Refusal AUTH_REPLAY the second time, AUTH_EXPIRED, AUTH_INVALID; Unavailable: no ticket counts unseen */
  redeem(ticket: string): Promise<Identity>;
}

const lifetimeMs = 30_000;
const db = queries<CoreTables>();

export const openTickets = (store: Store, accounts: Accounts, sessions: Sessions): Tickets => ({
  issue: async ({ tenant, session, expiresAt }) => {
    const { text, hash } = secretFor(tenant);
    const now = Date.now();
    await store.within({ tenant }, async (transaction) => {
      await transaction.rows(
        db
          .deleteFrom('socket_tickets')
          .where('tenant_id', '=', tenant)
          .where('session_id', '=', session)
          .where('expires_at', '<', new Date(now - lifetimeMs).toISOString()),
      );
      await transaction.rows(
        db.insertInto('socket_tickets').values({
          tenant_id: tenant,
          hash,
          session_id: session,
          access_until: new Date(expiresAt),
          expires_at: new Date(now + lifetimeMs),
        }),
      );
    });
    return { ticket: text, expiresInSeconds: lifetimeMs / 1_000 };
  },

  redeem: async (ticket) => {
    const secret = readSecret(ticket);
    if (!secret) throw new Refusal('AUTH_INVALID');
    const { tenant, hash } = secret;
    const now = Date.now();
    const taking = db
      .updateTable('socket_tickets')
      .set({ used_at: new Date(now) })
      .where('tenant_id', '=', tenant)
      .where('hash', '=', hash);
    const [taken] = await store.read(
      { tenant },
      taking.where('used_at', 'is', null).returning(['session_id', 'access_until', 'expires_at']),
    );
    if (!taken) {
      const known = await store.read(
        { tenant },
        db
          .selectFrom('socket_tickets')
          .select('hash')
          .where('tenant_id', '=', tenant)
          .where('hash', '=', hash),
      );
      throw new Refusal(known.length > 0 ? 'AUTH_REPLAY' : 'AUTH_INVALID');
    }
    if (Date.parse(taken.expires_at) < now) throw new Refusal('AUTH_EXPIRED');
    const [session] = await sessions.find([{ tenant, session: taken.session_id }]);
    const account = session && (await accounts.byId(session.account));
    if (!account) throw new Refusal('AUTH_INVALID');
    const { acr, amr, authenticatedAt, id } = session;
    const { role, person } = account;
    const expiresAt = Date.parse(taken.access_until);
    return { tenant, subject: account.id, role, person, session: id, acr, amr, authenticatedAt, expiresAt };
  },
});
