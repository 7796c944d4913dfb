import { hashPassword, verifyPassword } from '@jangada/trust/password.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from './accounts.ts';
import type { Identities } from './identity.ts';
import type { Failures } from './limits.ts';
import type { Meter } from './meter.ts';
import { Refusal } from './refusal.ts';

/** Log-in by password, and the keys that verify what it returns. */

const credentials = z.object({ email: z.string().min(3).max(254), password: z.string().min(1).max(1_024) });

interface Deps {
  readonly identities: Identities;
  readonly accounts: Accounts;
  readonly failures: Failures;
  readonly meter: Meter;
}

export const loginRoutes = (app: FastifyInstance, { identities, accounts, failures, meter }: Deps): void => {
  // Verified against when there is no such account, so that the time taken does not tell.
  const nobody = hashPassword(crypto.randomUUID());

  app.post('/v1/auth/token', { config: { public: true } }, async (request) => {
    const { data } = credentials.safeParse(request.body);
    if (!data) throw new Refusal('INPUT_INVALID');
    const claimant = { ip: request.ip, account: data.email };
    await failures.check('signin', claimant);
    const account = await accounts.byEmail(data.email);
    const matches = await verifyPassword(data.password, account?.passwordHash ?? (await nobody));
    if (!account || !matches) {
      await failures.failed('signin', claimant);
      meter.authenticationFailed();
      throw new Refusal('AUTH_INVALID');
    }
    await failures.succeeded('signin', claimant);
    const { token, expiresInSeconds } = await identities.issue(account, crypto.randomUUID(), {
      acr: 'aal1',
      amr: ['pwd'],
      authenticatedAt: Date.now(),
    });
    return { access_token: token, token_type: 'Bearer', expires_in: expiresInSeconds };
  });

  app.get('/.well-known/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(identities.publicKeys()),
  );
};
