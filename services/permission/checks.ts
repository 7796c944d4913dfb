import type { Pack, Purpose } from '@jangada/packs/pack.ts';
import { consentOf, mayReachOut, reachFor, resourcesOf } from '@jangada/packs/rules.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Decision } from '@jangada/proto/run.ts';
import type { Grant } from '@jangada/trust/grant.ts';
import type { Named } from './facts.ts';

/**
 * What one decision stands on, all of it: nothing else can influence it, and what is missing denies. Time is not
 * here because PostgreSQL's is the only one: whether a relationship holds is a fact that it states.
 */
export interface Facts {
  readonly pack: Pack;
  readonly plan: Plan;
  readonly role: string;
  /** The person in the tenant's records that the asker is. */
  readonly person: string | undefined;
  /** As the question named it. */
  readonly purpose: string | undefined;
  /** How the asker signed in: `aal2` with a second factor. */
  readonly assurance: 'aal1' | 'aal2';
  /** What is known of the person the plan names. */
  readonly named: Named | undefined;
}

/** Of the facts, what is known before PostgreSQL is asked. */
type Asked = Pick<Facts, 'pack' | 'plan' | 'role' | 'purpose'>;

/** What a check finds wrong; undefined when it passes. */
type Check = (facts: Facts) => Code | undefined;
type CheckName = NonNullable<Decision['refusedBy']>;

/** The role holds a permission for every resource that the plan touches, and somebody whose rows are meant. */
export const role: Check = (facts) => {
  const reach = reachOf(facts);
  if (!reach) return 'AUTHZ_DENIED';
  return reach !== 'tenant' && !facts.person ? 'AUTHZ_DENIED' : undefined;
};

/** The purpose is declared, open to the role, covers every resource, and the sign-in is strong enough for it. */
export const purpose: Check = (facts) => {
  const known = purposeOf(facts);
  const resources = resourcesOf(facts.pack, facts.plan);
  if (!known || !resources || !known.roles.includes(facts.role)) return 'PURPOSE_NOT_ALLOWED';
  if (![...resources].every((resource) => known.resources.includes(resource))) return 'PURPOSE_NOT_ALLOWED';
  if (known.groupMin !== undefined && facts.plan.ask === 'list') return 'PURPOSE_NOT_ALLOWED';
  return known.assurance === 'aal2' && facts.assurance !== 'aal2' ? 'MFA_REQUIRED' : undefined;
};

/** Who is named is of this tenant, and within the asker's reach. A foreign id and an unknown one look the same. */
export const relation: Check = (facts) => {
  if (!namesPerson(facts.plan)) return undefined;
  if (!facts.named?.inTenant) return 'TENANT_ISOLATION_VIOLATION';
  // Reach over the whole tenant hides nothing: an unknown name is an empty answer there, not a refusal.
  const reach = reachOf(facts);
  if (facts.named.inReach || reach === 'tenant') return undefined;
  return reach === 'related' ? 'AUTHZ_NO_RELATION' : 'AUTHZ_DENIED';
};

/**
 * Who is named has agreed to what reading takes. About oneself one may always read (LGPD, art. 18, II). Where nobody
 * is named there is nobody to refuse: who has not agreed is in no list and no figure.
 */
export const consent: Check = (facts) => {
  const isAsked = namesPerson(facts.plan) && consentFor(facts) !== undefined;
  // An unknown name is an empty answer to whoever reaches the whole tenant.
  if (!isAsked || !facts.named?.inReach) return undefined;
  return facts.named.consents ? undefined : 'CONSENT_REQUIRED';
};

/**
 * A figure for a purpose of figures is not about one person. How many are behind it otherwise is known only where it is
 * read: PostgreSQL tells none about too few.
 */
export const group: Check = (facts) =>
  groupMinOf(facts) !== undefined && facts.plan.filter.subjectId !== undefined ? 'AGG_SUPPRESSED' : undefined;

/** In this order: who, what for, about whom, with whose leave, about how many. The first that refuses is the answer. */
const checks: Readonly<Record<CheckName, Check>> = { role, purpose, relation, consent, group };

/** The first check that refuses, with its code; undefined when all pass. */
export const refusalOf = (facts: Facts): { by: CheckName; code: Code } | undefined => {
  for (const [by, check] of Object.entries(checks) as [CheckName, Check][]) {
    const code = check(facts);
    if (code) return { by, code };
  }
  return undefined;
};

/**
 * True where nothing but a relationship is missing and the pack lets whoever asked say that it is an emergency. An answer
 * is asked for once: a question that goes on after one is decided like any other.
 */
export const mayAnswer = (facts: Facts, canAnswer: boolean): boolean =>
  canAnswer &&
  !facts.plan.order &&
  refusalOf(facts)?.code === 'AUTHZ_NO_RELATION' &&
  mayReachOut(facts.pack, facts.role, facts.person);

/** Levels of consent, any of which is enough; undefined where none is needed. */
export const consentFor = (facts: Asked): readonly string[] | undefined => {
  const resources = resourcesOf(facts.pack, facts.plan);
  return resources && reachOf(facts) !== 'own' ? consentOf(facts.pack, resources) : undefined;
};

/** True when the plan is about one person, by name or by id. */
export const namesPerson = ({ filter }: Plan): boolean =>
  filter.subject !== undefined || filter.subjectId !== undefined;

const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** The name of the purpose that holds: the question's, or else the role's, or else the pack's. */
export const purposeNameOf = ({
  pack,
  role: name,
  purpose: named,
}: Pick<Asked, 'pack' | 'role' | 'purpose'>): string =>
  named ?? own(pack.roles, name)?.defaultPurpose ?? pack.defaultPurpose;

const purposeOf = (facts: Asked): Purpose | undefined => own(facts.pack.purposes, purposeNameOf(facts));

/** People there must be behind each figure; undefined where the purpose is not one of figures. */
export const groupMinOf = (facts: Asked): number | undefined => purposeOf(facts)?.groupMin;

/** How far the role reaches for all that the plan touches; undefined when some of it is not allowed at all. */
export const reachOf = (facts: Asked): Grant['reach'] | undefined =>
  reachFor(facts.pack, facts.plan, { role: facts.role, isOfMany: groupMinOf(facts) !== undefined });
