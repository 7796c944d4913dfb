import * as auth from '@jangada/proto/auth.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Origin } from '@jangada/trust/origin.ts';
import { hashPassword, verifyPassword } from '@jangada/trust/password.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Account, Accounts } from './accounts.ts';
import { originOf } from './door.ts';
import type { Factors, Verdict } from './factors.ts';
import type { Identities, Proof } from './identity.ts';
import type { Failures } from './limits.ts';
import type { Liveness } from './liveness.ts';
import type { Meter } from './meter.ts';
import { Refusal } from './refusal.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Witness } from './witness.ts';

/** Log-in by password and one-time code, renewal, and the keys that verify what they return. */

const otp = z.string().min(6).max(32);
const request = z.union([
  z.object({ grant_type: z.literal('refresh_token'), refresh_token: z.string().max(200) }),
  z.object({
    grant_type: z.literal('password').optional(),
    email: z.string().min(3).max(254),
    password: z.string().min(1).max(1_024),
    otp: otp.optional(),
  }),
]);
type Credentials = Extract<z.output<typeof request>, { email: string }>;

/** What a log-in, a renewal or a step-up returns. */
export interface Issued {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly refresh_token?: string;
}

export interface Logins {
  /** @throws Refusal AUTH_INVALID, MFA_REPLAY, RATE_LIMITED for a code that does not count */
  prove(account: Account, code: string | undefined, from: Origin): Promise<Proof>;
  /**
   * Has a code judged. A wrong one counts against the address it comes from, the account's own count is its factor's.
   * @throws Refusal for every verdict but the right one, after audit was told
   */
  judged<T extends { readonly verdict: Verdict }>(
    account: Account,
    from: Origin,
    judge: () => Promise<T>,
  ): Promise<T>;
  issue(account: Account, session: Session, refreshToken?: string): Promise<Issued>;
}

interface Deps {
  readonly identities: Identities;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly factors: Factors;
  readonly failures: Failures;
  readonly liveness: Liveness;
  readonly meter: Meter;
  readonly witness: Witness;
}

const refusals: Readonly<Record<Exclude<Verdict, 'right'>, Code>> = {
  wrong: 'AUTH_INVALID',
  last: 'AUTH_INVALID',
  used: 'MFA_REPLAY',
  locked: 'RATE_LIMITED',
};

export const loginRoutes = (app: FastifyInstance, deps: Deps): Logins => {
  const { identities, accounts, sessions, factors, failures, liveness, meter, witness } = deps;
  // Verified against when there is no such account, so that the time taken does not tell.
  const nobody = hashPassword(crypto.randomUUID());

  const logins: Logins = {
    judged: async (account, from, judge) => {
      const { id, tenant } = account;
      const claimant = { ip: from.ipAddress, account: id };
      await failures.check('mfa', claimant);
      const judged = await judge();
      const { verdict } = judged;
      if (verdict === 'right') {
        await failures.succeeded('mfa', claimant);
        return judged;
      }
      await failures.failed('mfa', claimant);
      const code = refusals[verdict];
      if (verdict === 'last') await witness(auth.locked, tenant, { actor: id }, { from });
      if (verdict === 'used') await witness(auth.replayed, tenant, { actor: id }, { from });
      else await witness(auth.denied, tenant, { actor: id, code }, { from });
      throw new Refusal(code);
    },
    prove: async (account, code, from) => {
      const authenticatedAt = Date.now();
      if (code === undefined) return { acr: 'aal1', amr: ['pwd'], authenticatedAt };
      const { recovered } = await logins.judged(account, from, () => factors.verify(account, code));
      const { id, tenant } = account;
      if (recovered) await witness(auth.changed, tenant, { actor: id, change: 'recovered' }, { from });
      return { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], authenticatedAt };
    },
    issue: async (account, session, refreshToken) => {
      const { token, expiresInSeconds } = await identities.issue(account, session.id, session);
      return {
        access_token: token,
        token_type: 'Bearer',
        expires_in: expiresInSeconds,
        ...(refreshToken ? { refresh_token: refreshToken } : {}),
      };
    },
  };

  const logIn = async ({ email, password, otp: code }: Credentials, from: Origin): Promise<Issued> => {
    const claimant = { ip: from.ipAddress, account: email };
    await failures.check('signin', claimant);
    const account = await accounts.byEmail(email);
    const matches = await verifyPassword(password, account?.passwordHash ?? (await nobody));
    if (!account || !matches) {
      await failures.failed('signin', claimant);
      // Not waited for, or the time taken would tell that there is such an account.
      if (account)
        void witness(auth.denied, account.tenant, { actor: account.id, code: 'AUTH_INVALID' }, { from });
      throw new Refusal('AUTH_INVALID');
    }
    await failures.succeeded('signin', claimant);
    // Whether there is a second factor is told only to who knows the first.
    const proof = await logins.prove(account, code, from);
    const { session, refreshToken } = await sessions.open(account, proof);
    const { id, tenant } = account;
    await witness(auth.opened, tenant, { actor: id, amr: [...proof.amr] }, { id: session.id, from });
    return logins.issue(account, session, refreshToken);
  };

  const renew = async (refreshToken: string, from: Origin): Promise<Issued> => {
    const renewal = await sessions.renew(refreshToken);
    if (renewal.outcome === 'unknown') throw new Refusal('AUTH_INVALID');
    const { session } = renewal;
    if (renewal.outcome === 'ended')
      throw new Refusal(session.ended === 'expired' ? 'AUTH_EXPIRED' : 'AUTH_REVOKED');
    if (renewal.outcome === 'reused') {
      const { tenant, id, account } = session;
      const ended = await sessions.end(tenant, { session: id }, 'reuse');
      liveness.tellEnded(tenant, ended);
      await witness(auth.reused, tenant, { actor: account }, { id, from });
      throw new Refusal('AUTH_REPLAY');
    }
    const account = await accounts.byId(session.account);
    if (!account) throw new Refusal('AUTH_INVALID');
    return logins.issue(account, session, renewal.refreshToken);
  };

  app.post('/v1/auth/token', async (asked) => {
    const { data } = request.safeParse(asked.body);
    const from = originOf(asked);
    if (!data) throw new Refusal('INPUT_INVALID');
    try {
      return await ('refresh_token' in data ? renew(data.refresh_token, from) : logIn(data, from));
    } catch (error) {
      if (error instanceof Refusal) meter.authenticationFailed(error.code);
      throw error;
    }
  });

  app.get('/.well-known/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(identities.publicKeys()),
  );
  return logins;
};
