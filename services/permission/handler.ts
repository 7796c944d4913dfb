import { type Decide, emit } from '@jangada/hop/hop.ts';
import { policyOf, sourceOf } from '@jangada/packs/rules.ts';
import { emergencySchema } from '@jangada/proto/access.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { Part } from '@jangada/proto/reply.ts';
import type { Decision } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import { type Grant, planHash } from '@jangada/trust/grant.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { consentFor, type Facts, groupMinOf, purposeNameOf, reachOf, refusalOf } from './checks.ts';
import type { contract } from './contract.ts';

/** The facts of one question, its pass, and the key to say yes with. */
export interface Asker extends Omit<Facts, 'plan'> {
  readonly pass: Pass;
  /** Of relationships and consents, see `Known`; absent where the plan depends on neither. */
  readonly revision: string | undefined;
  /** Until when the question waits for an answer, where it does. */
  readonly answerUntil: string | undefined;
  /** Signs a grant. */
  readonly sign: (claims: Grant) => Promise<string>;
}

/**
 * Decides what one plan may read: the checks in their order, then a grant for exactly that plan. What the decision
 * stood on travels with it, so that audit keeps it.
 */
export const decide: Decide<typeof contract, Asker> = (
  body,
  { pass, revision, answerUntil, sign, ...asker },
) => {
  const { question, plan, locale, intent } = body;
  const facts: Facts = { ...asker, plan };
  const refusal = refusalOf(facts);
  const reach = reachOf(facts);
  const consent = consentFor(facts);
  const min = groupMinOf(facts);
  const decision: Decision = {
    policy: policyOf(facts.pack),
    purpose: purposeNameOf(facts),
    ...(refusal ? { refusedBy: refusal.by } : {}),
    ...(reach && !refusal ? { reach } : {}),
    ...(consent?.[0] === undefined ? {} : { consent: consent[0] }),
    ...(min === undefined ? {} : { groupMin: min }),
    flags: flagsOf(facts, refusal?.by),
  };
  if (refusal && answerUntil !== undefined) {
    const why = { code: refusal.code, locale, intent: intent.type };
    const fact = { ...why, decision, action: 'break_glass', expiresAt: answerUntil } as const;
    return emit(run.interrupted, fact, { tell: questionOf(fact, facts, pass) });
  }
  if (refusal) return emit(run.refused, { code: refusal.code, locale, intent: intent.type, decision });
  // Nobody could say yes to it.
  if (plan.order && !body.canAnswer)
    return emit(run.refused, { code: 'CONFIRMATION_REQUIRED', locale, intent: intent.type, decision });
  if (!reach) throw new Error('a plan without a reach passed the checks');
  const grant = sign({
    rid: pass.rid,
    tid: pass.tid,
    sub: pass.sub,
    ph: planHash(plan),
    reach,
    ...(facts.person ? { by: facts.person } : {}),
    pur: decision.purpose,
    fields: plan.fields,
    limit: plan.limit,
    ...(consent ? { consent: [...consent] } : {}),
    ...(min === undefined ? {} : { min }),
    ...(revision === undefined ? {} : { rev: revision }),
    pol: decision.policy,
    exp: pass.exp,
  });
  return emit(run.permitted, { question, locale, intent, plan, decision }, { grant });
};

/** What whoever asked is asked, in the language of their question. */
const questionOf = (
  { code, locale, intent, action, expiresAt }: Body<typeof run.interrupted>,
  { pack }: Facts,
  { rid: id, pur: purpose }: Pass,
): Part => {
  const words = pack.wording[locale].emergency;
  if (!pack.emergency || !words) throw new Error('a pack without emergencies asks nobody whether it is one');
  return {
    type: 'interrupted',
    id,
    action,
    code,
    message: words.question,
    intent,
    ...(purpose === undefined ? {} : { purpose }),
    responseSchema: emergencySchema(pack.emergency, words),
    expiresAt,
  };
};

const flagsOf = ({ pack, plan, purpose }: Facts, refusedBy: Decision['refusedBy']): Decision['flags'] => {
  const source = sourceOf(pack, plan.source);
  return {
    lgpdCompliant: refusedBy !== 'purpose' && refusedBy !== 'consent',
    purposeSpecified: purpose !== undefined,
    // What is changed is named by its id.
    dataMinimized: plan.fields.every(
      (field) =>
        source?.list.includes(field) ||
        source?.overview?.includes(field) ||
        (plan.order !== undefined && field === 'id'),
    ),
    // What is about nobody may be kept for ever.
    retentionPolicy: !source?.subject || pack.retention.some(({ table }) => table === source.table),
  };
};
