import type { Limits } from '@jangada/limits/limits.ts';
import type { Who } from '@jangada/limits/policies.ts';
import { factsOf, type Verdict } from '@jangada/limits/verdict.ts';
import type { LimitClass } from '@jangada/packs/pack.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { LimitFacts } from '@jangada/proto/limit.ts';
import type { Accounts } from './accounts.ts';
import type { Identity } from './identity.ts';
import { Refusal } from './refusal.ts';

/** Limits as the edge asks them: what is not allowed is a refusal that says when to come back. */

/** Who calls, as far as it is known. */
export interface Caller {
  readonly ip: string;
  readonly identity: Identity | undefined;
}

export interface Gate {
  /** Counts one use of a class. @throws Refusal RATE_LIMITED, Unavailable */
  admit(limited: LimitClass, caller: Caller): Promise<LimitFacts>;
  /** Takes a place of those that an address may hold open; returns what gives it back. @throws Refusal SESSION_LIMIT */
  enter(ip: string): Promise<() => void>;
}

export const openGate = (limits: Limits, accounts: Accounts): Gate => ({
  admit: async (limited, { ip, identity }) => {
    if (!identity) return allow(await limits.admit(limited, { ip }));
    const { tenant, subject: user, role } = identity;
    const known = await accounts.tenant(tenant);
    if (!known) throw new Refusal('AUTH_INVALID');
    return allow(await limits.admit(limited, { ip, user, tenant, role, pack: known.pack }), known.locale);
  },
  enter: async (ip) => {
    const { free, ...limit } = await limits.hold('sessions', { ip });
    if (!limit.allowed) throw new Refusal('SESSION_LIMIT', { limit: factsOf(limit) });
    return free;
  },
});

/** Somebody who tries to prove who they are. */
export interface Claimant {
  readonly ip: string;
  /** What is claimed: the name under which somebody signs in, or the id of an account. */
  readonly account: string;
}

/**
 * Failed proofs, of a password (`signin`) or of a second factor (`mfa`). Ask `check` before a proof is looked at, then
 * say how it ended. Nothing that succeeds is counted, and nothing forgives what failed but time.
 */
export interface Failures {
  /** @throws Refusal RATE_LIMITED when too much has failed */
  check(kind: 'signin' | 'mfa', who: Claimant): Promise<void>;
  failed(kind: 'signin' | 'mfa', who: Claimant): Promise<void>;
  /** @throws Refusal RATE_LIMITED when too much failed meanwhile: guesses made at once are no more than one by one */
  succeeded(kind: 'signin' | 'mfa', who: Claimant): Promise<void>;
}

export const openFailures = (limits: Limits): Failures => {
  const whoOf = ({ ip, account }: Claimant): Who => ({ ip, user: account.toLowerCase() });
  const check: Failures['check'] = async (kind, who) => {
    allow(await limits.check(kind, whoOf(who)));
  };
  return {
    check,
    failed: async (kind, who) => {
      await limits.charge(kind, whoOf(who));
    },
    succeeded: check,
  };
};

/** @throws Refusal RATE_LIMITED */
const allow = (verdict: Verdict, locale: Locale = 'en'): LimitFacts => {
  const limit = factsOf(verdict);
  if (!verdict.allowed) throw new Refusal('RATE_LIMITED', { limit, locale });
  return limit;
};
