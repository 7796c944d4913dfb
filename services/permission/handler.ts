import { type Decide, emit } from '@jangada/hop/hop.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { type Grant, planHash } from '@jangada/trust/grant.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { contract } from './contract.ts';
import type { Named } from './reach.ts';

/** Who asks, what the pack allows them, and what the database knows of the person named. */
export interface Asker {
  readonly pack: Pack;
  readonly pass: Pass;
  /** Present when the plan names a person. */
  readonly named: Named | undefined;
  /** Signs a grant. */
  readonly sign: (claims: Grant) => Promise<string>;
}

/**
 * Decides what one plan may read.
 *
 * The permissions a plan needs follow from its sources, not from the label of the intent, which a clever
 * question can choose. Whatever is not known denies: an unknown role, a role without a person, a name not found.
 */
export const decide: Decide<typeof contract, Asker> = (body, asker) => {
  const { plan, locale, intent } = body;
  const refuse = (code: Code) => emit(run.refused, { code, locale, intent: intent.type });
  const reach = reachOf(plan, asker.pack, asker.pass);
  if (!reach || !asker.pack.purposes.includes(asker.pass.pur)) return refuse('AUTHZ_DENIED');
  if (reach !== 'tenant' && !asker.pass.per) return refuse('AUTHZ_DENIED');
  if (namesPerson(plan)) {
    if (!asker.named?.inTenant) return refuse('TENANT_ISOLATION_VIOLATION');
    // Reach over the whole tenant hides nothing: an unknown name is an empty answer there, not a refusal.
    if (!asker.named.inReach && reach === 'related') return refuse('AUTHZ_NO_RELATION');
    if (!asker.named.inReach && reach === 'own') return refuse('AUTHZ_DENIED');
  }
  const { pass } = asker;
  const grant = asker.sign({
    rid: pass.rid,
    tid: pass.tid,
    sub: pass.sub,
    ph: planHash(plan),
    reach,
    ...(pass.per ? { by: pass.per } : {}),
    fields: plan.fields,
    limit: plan.limit,
    exp: pass.exp,
  });
  return emit(run.permitted, body, { grant });
};

/** True when the plan is about one person, by name or by id. */
export const namesPerson = ({ filter }: Plan): boolean =>
  filter.subject !== undefined || filter.subjectId !== undefined;

/**
 * How far the asker's role reaches for all sources of a plan together: the narrowest of them. Undefined when one
 * of them is not allowed at all. `read:own_x` means `read:x` on rows about oneself.
 */
export const reachOf = (plan: Plan, pack: Pack, pass: Pass): Grant['reach'] | undefined => {
  const role = Object.hasOwn(pack.roles, pass.rol) ? pack.roles[pass.rol] : undefined;
  if (!role) return undefined;
  const held = new Set(role.permissions);
  let reach: Grant['reach'] = role.reach;
  for (const name of [plan.source, ...plan.joins]) {
    const resource = pack.sources[name]?.resource;
    if (held.has(`read:${resource}`)) continue;
    if (!held.has(`read:own_${resource}`)) return undefined;
    reach = 'own';
  }
  return reach;
};
