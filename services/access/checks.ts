import { correctable } from '@jangada/packs/holdings.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { mayReachOut, peopleOf } from '@jangada/packs/rules.ts';
import type { Command } from '@jangada/proto/access.ts';
import { ofCommand } from '@jangada/proto/assurance.ts';
import { type Code, stepUp } from '@jangada/proto/errors.ts';

/** What changes who may do what. */
export type Change = Exclude<Command, { action: 'answer_interrupt' }>;

/** What the decision on a command stands on, all of it; what is missing denies. */
export interface Facts {
  readonly pack: Pack;
  readonly command: Change;
  readonly role: string;
  /** The person in the tenant's records who gives the command. */
  readonly person: string | undefined;
  readonly assurance: 'aal1' | 'aal2';
  /** Milliseconds since the sign-in. */
  readonly signedInMsAgo: number;
  /** The person and, where one is named, the provider are of this tenant. */
  readonly inTenant: boolean;
  /** The person is in the care of whoever gives the command, now. */
  readonly inCare: boolean;
  /** The tenant has a database of its own, where privacy does not look: a request there would lie for ever. */
  readonly apart: boolean;
}

/** The code that a command is refused with; undefined when it is allowed. */
export const refusalOf = (facts: Facts): Code | undefined => {
  const { command } = facts;
  switch (command.action) {
    case 'give_consent':
    case 'withdraw_consent':
      return consent(facts, command.subjectId, command.level);
    case 'open_relationship':
    case 'close_relationship':
      return relationship(facts);
    case 'break_glass':
      return emergency(facts, command);
    case 'open_privacy_request':
      return privacyRequest(facts, command);
    case 'review_privacy_request':
    case 'tell_privacy_recipient':
      return review(facts);
    case 'place_hold':
    case 'release_hold':
    case 'approve_retention':
      return lifecycle(facts, command.class);
  }
};

const holds = ({ pack, role }: Facts, permission: string): boolean =>
  Object.hasOwn(pack.roles, role) && pack.roles[role]?.permissions.includes(permission) === true;

/** Everybody for themselves; for others, who may write about them, and cares for them where the role reaches no further. */
const consent = (facts: Facts, subject: string, level: string): Code | undefined => {
  const { pack, role, person, inTenant, inCare } = facts;
  const resource = peopleOf(pack)?.resource;
  const isOwn = person === subject && holds(facts, `write:own_${resource}`);
  if (!isOwn && !holds(facts, `write:${resource}`)) return 'AUTHZ_DENIED';
  if (!inTenant) return 'TENANT_ISOLATION_VIOLATION';
  if (!isOwn && pack.roles[role]?.reach !== 'tenant' && !inCare) return 'AUTHZ_NO_RELATION';
  return pack.consent.levels.includes(level) ? undefined : 'INPUT_INVALID';
};

/** What is missing of what the command takes; `without` where there is no second factor at all. */
const unproven = ({ command, assurance, signedInMsAgo }: Facts, without: Code): Code | undefined => {
  if (ofCommand[command.action] !== 'step-up') return undefined;
  if (assurance !== stepUp.acr_values) return without;
  return signedInMsAgo <= stepUp.max_age * 1_000 ? undefined : 'AUTH_STEP_UP';
};

const relationship = (facts: Facts): Code | undefined => {
  if (!holds(facts, 'admin:users')) return 'AUTHZ_DENIED';
  const missing = unproven(facts, 'MFA_REQUIRED');
  return missing ?? (facts.inTenant ? undefined : 'TENANT_ISOLATION_VIOLATION');
};

/** What is kept and what goes is for who answers for the data, right after showing a second factor. */
const lifecycle = (facts: Facts, name: string): Code | undefined => {
  if (!holds(facts, 'admin:security')) return 'AUTHZ_DENIED';
  const missing = unproven(facts, 'MFA_REQUIRED');
  return missing ?? (facts.pack.retention.some((rule) => rule.class === name) ? undefined : 'INPUT_INVALID');
};

/** Who cares for people may reach for one more, for a reason, right after showing a second factor. */
const emergency = (
  facts: Facts,
  { reason, explanation }: Extract<Command, { action: 'break_glass' }>,
): Code | undefined => {
  const { pack, role, person, inTenant, inCare } = facts;
  const allowed = mayReachOut(pack, role, person) ? pack.emergency : undefined;
  if (!allowed?.reasons.includes(reason)) return 'AUTHZ_DENIED';
  if (explanation.trim().length < allowed.explanationMin) return 'AUTHZ_DENIED';
  const missing = unproven(facts, 'AUTH_STEP_UP');
  if (missing) return missing;
  if (!inTenant) return 'TENANT_ISOLATION_VIOLATION';
  // Who has a relationship needs no emergency.
  return inCare ? 'INPUT_INVALID' : undefined;
};

/**
 * Everybody about themselves, and staff about who showed a document, right after showing a second factor. Whoever it is not
 * certain of is told so, whether they are another or proved too little.
 */
const privacyRequest = (
  facts: Facts,
  { subjectId, type, corrections }: Extract<Command, { action: 'open_privacy_request' }>,
): Code | undefined => {
  const { pack, person, inTenant, apart } = facts;
  const isOwn = person === subjectId;
  if (!isOwn && !holds(facts, 'admin:users')) return 'DSR_IDENTITY';
  const missing = unproven(facts, 'DSR_IDENTITY');
  if (missing) return missing;
  if (apart) return 'NOT_FOUND';
  if (!inTenant) return 'TENANT_ISOLATION_VIOLATION';
  const wanted = Object.keys(corrections ?? {});
  if (wanted.length > 0 !== (type === 'correction')) return 'INPUT_INVALID';
  return wanted.every((field) => correctable(pack).has(field)) ? undefined : 'INPUT_INVALID';
};

const review = (facts: Facts): Code | undefined =>
  holds(facts, 'admin:users') ? unproven(facts, 'MFA_REQUIRED') : 'AUTHZ_DENIED';
