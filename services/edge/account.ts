import { packOf } from '@jangada/packs/registry.ts';
import * as auth from '@jangada/proto/auth.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Account, Accounts } from './accounts.ts';
import { bookableOf } from './agenda.ts';
import { demandSecondFactor, permissionsOf } from './assurance.ts';
import { originOf } from './door.ts';
import type { Factors } from './factors.ts';
import type { Identity } from './identity.ts';
import type { Liveness } from './liveness.ts';
import type { Issued, Logins } from './login.ts';
import { Refusal } from './refusal.ts';
import type { Ending, Session, Sessions } from './sessions.ts';
import type { Tickets } from './tickets.ts';
import type { Witness } from './witness.ts';

/** What somebody who is signed in does with their own account, and an administrator with that of another. */

interface Deps {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly factors: Factors;
  readonly liveness: Liveness;
  readonly logins: Logins;
  readonly tickets: Tickets;
  readonly witness: Witness;
}

const name = z.string().min(1).max(64);
const codeBody = z.object({ otp: z.string().min(6).max(32) });
const logoutBody = z.object({ everywhere: z.boolean().optional() }).nullish();
const revokeBody = z.union([z.strictObject({ session: name }), z.strictObject({ account: name })]);
const sessionsQuery = z.object({ account: name.optional() });

/** @throws Refusal INPUT_INVALID */
const read = <S extends z.ZodType>(shape: S, value: unknown): z.output<S> => {
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw new Refusal('INPUT_INVALID');
  return parsed.data;
};

export const accountRoutes = (app: FastifyInstance, deps: Deps): void => {
  const { accounts, sessions, factors, liveness, logins, tickets, witness } = deps;

  const accountOf = async ({ subject, tenant }: Identity): Promise<Account> => {
    const account = await accounts.byId(subject);
    if (account?.tenant !== tenant) throw new Refusal('AUTH_INVALID');
    return account;
  };

  /** Ends sessions of an account everywhere. False when there was none. */
  const end = async (
    { tenant, subject, origin: from }: Identity,
    account: string,
    which: { session: string } | { account: string },
    reason: Extract<Ending, 'logout' | 'revoked'>,
  ): Promise<boolean> => {
    const ended = await sessions.end(tenant, which, reason);
    liveness.tellEnded(tenant, ended);
    await Promise.all(
      ended.map((id) => witness(auth.revoked, tenant, { actor: subject, account, reason }, { id, from })),
    );
    return ended.length > 0;
  };

  app.post('/v1/auth/logout', async (request, reply) => {
    const identity = request.signedIn();
    const { everywhere } = read(logoutBody, request.body) ?? {};
    const which = everywhere ? { account: identity.subject } : { session: identity.session };
    await end(identity, identity.subject, which, 'logout');
    return reply.code(204).send();
  });

  app.get('/v1/auth/sessions', async (request) => {
    const identity = request.signedIn();
    const { account = identity.subject } = read(sessionsQuery, request.query);
    if (account !== identity.subject) await request.demand();
    const found = await sessions.listOf(identity.tenant, account);
    return { sessions: found.map((session) => shown(session, identity)) };
  });

  app.post('/v1/auth/revoke', async (request, reply) => {
    const identity = request.signedIn();
    const which = read(revokeBody, request.body);
    const account = await holderOf(sessions, identity.tenant, which);
    // What is another tenant's and what does not exist look alike.
    if (!account || !(await end(identity, account, which, 'revoked'))) throw new Refusal('NOT_FOUND');
    return reply.code(204).send();
  });

  app.post('/v1/auth/ticket', async (request) => {
    const { ticket, expiresInSeconds } = await tickets.issue(request.signedIn());
    return { ticket, expires_in: expiresInSeconds };
  });

  /** Who is signed in and what they may do, for a page that offers no more than that. */
  app.get('/v1/auth/me', async (request) => {
    const identity = request.signedIn();
    const account = await accountOf(identity);
    const tenant = await accounts.tenant(account.tenant);
    if (!tenant) throw new Refusal('AUTH_INVALID');
    const pack = packOf(tenant.pack);
    const { wording } = pack;
    const permissions = permissionsOf(tenant, identity);
    const agenda = bookableOf(pack, permissions);
    return {
      account: account.id,
      email: account.email,
      role: identity.role,
      ...(identity.person ? { person: identity.person } : {}),
      tenant: { id: account.tenant, zone: tenant.zone, locale: tenant.locale },
      permissions,
      ...(agenda ? { agenda } : {}),
      assurance: identity.acr,
      secondFactor: await factors.isEnrolled(account),
      suggestions: { en: wording.en.suggestions, 'pt-BR': wording['pt-BR'].suggestions },
    };
  });

  /** The first one-time code takes a log-in just now, which the door sees to; another in its place takes the present one. */
  app.post('/v1/auth/mfa/enrol', async (request) => {
    const identity = request.signedIn();
    const account = await accountOf(identity);
    if (await factors.isEnrolled(account)) demandSecondFactor(identity);
    const { secret, uri } = await factors.enrol(account, account.email);
    return { secret, otpauth_uri: uri };
  });

  /** The session goes on, surer than before. */
  const stepUp = async (request: FastifyRequest, account: Account): Promise<Issued> => {
    const { tenant, session } = request.signedIn();
    const proof = { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], authenticatedAt: Date.now() } as const;
    await sessions.prove(tenant, session, proof);
    const [proven] = await sessions.find([{ tenant, session }]);
    if (!proven) throw new Refusal('AUTH_REVOKED');
    return logins.issue(account, proven);
  };

  app.post('/v1/auth/mfa/confirm', async (request) => {
    const { otp } = read(codeBody, request.body);
    const account = await accountOf(request.signedIn());
    const from = originOf(request);
    const { recoveryCodes } = await logins.judged(account, from, () => factors.confirm(account, otp));
    await witness(auth.changed, account.tenant, { actor: account.id, change: 'enrolled' }, { from });
    return { recovery_codes: recoveryCodes, ...(await stepUp(request, account)) };
  });

  app.post('/v1/auth/mfa/verify', async (request) => {
    const { otp } = read(codeBody, request.body);
    const account = await accountOf(request.signedIn());
    await logins.prove(account, otp, originOf(request));
    return stepUp(request, account);
  });
};

const shown = ({ id, createdAt, usedAt, acr }: Session, { session }: Identity) => ({
  id,
  createdAt: new Date(createdAt).toISOString(),
  lastUsedAt: new Date(usedAt).toISOString(),
  acr,
  current: id === session,
});

const holderOf = async (
  sessions: Sessions,
  tenant: string,
  which: { session: string } | { account: string },
): Promise<string | undefined> => {
  if ('account' in which) return which.account;
  const [session] = await sessions.find([{ tenant, session: which.session }]);
  return session?.account;
};
