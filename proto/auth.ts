import { z } from 'zod';
import { codes } from './errors.ts';
import { message } from './message.ts';

/**
 * What happens at the door where there is no run, and so no pass: the edge says it of an account it knows, in that
 * account's tenant. What strangers do is counted and logged, but is no fact of any tenant.
 */

/** The account that did it. */
const actor = z.string().max(64);
const amr = z.array(z.string());
/** From where the call came, sealed for whoever reads the audit trail; absent where no call is behind it. */
const from = z.string().max(2_000).optional();

export const opened = message({
  name: 'session.opened',
  kind: 'fact',
  passed: false,
  says: 'A person logged in, and a session began.',
  body: z.object({ actor, amr, from }),
});

export const revoked = message({
  name: 'session.revoked',
  kind: 'fact',
  passed: false,
  says: 'A session was ended before its time; from now on nobody gets in by it.',
  body: z.object({
    actor,
    account: z.string().max(64),
    reason: z.enum(['logout', 'revoked', 'reuse']),
    from,
  }),
});

export const reused = message({
  name: 'refresh.reuse',
  kind: 'fact',
  passed: false,
  says: 'A refresh token came a second time, so somebody has a copy; the session is over.',
  body: z.object({ actor, from }),
});

export const denied = message({
  name: 'auth.denied',
  kind: 'fact',
  passed: false,
  says: 'A log-in to an account, or a token of an ended session, was refused.',
  body: z.object({ actor, code: z.enum(codes), from }),
});

export const changed = message({
  name: 'mfa.changed',
  kind: 'fact',
  passed: false,
  says: 'An account has a new second factor or none any more, or one of its recovery codes was used up.',
  // The account is named where somebody else did it.
  body: z.object({
    actor,
    change: z.enum(['enrolled', 'recovered', 'reset']),
    account: z.string().max(64).optional(),
    from,
  }),
});

export const replayed = message({
  name: 'mfa.replay',
  kind: 'fact',
  passed: false,
  says: 'A one-time code came a second time and was refused.',
  body: z.object({ actor, from }),
});

export const locked = message({
  name: 'mfa.locked',
  kind: 'fact',
  passed: false,
  says: 'Too many wrong one-time codes came for an account; for a while none is judged.',
  body: z.object({ actor, from }),
});

export const viewed = message({
  name: 'trail.viewed',
  kind: 'fact',
  passed: false,
  says: 'Who administers a tenant looked at what others asked, at the audit trail, or at a report of it.',
  body: z.object({
    actor,
    what: z.enum(['runs', 'run', 'audit', 'report']),
    /** Whose steps were looked at, where it was one run. */
    run: z.string().max(128).optional(),
    from,
  }),
});

/** Every fact of the door. */
export const authFacts = [opened, revoked, reused, denied, changed, replayed, locked, viewed] as const;
