import { emit, type In, type Out } from '@jangada/hop/hop.ts';
import type { Limits } from '@jangada/limits/limits.ts';
import { factsOf } from '@jangada/limits/verdict.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sourceOf } from '@jangada/packs/rules.ts';
import * as run from '@jangada/proto/run.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { reachOf } from './checks.ts';
import type { contract } from './contract.ts';

/**
 * Reading rows about people is limited by itself, whatever else somebody asks, and here, where the plan is known. A
 * plan that the role may not read anyway is refused for that, and uses nothing.
 */
export const limiting =
  (limits: Limits) =>
  async (
    { plan, locale, intent }: In<typeof contract>,
    pass: Pass,
  ): Promise<Out<typeof contract> | undefined> => {
    const pack = packOf(pass.pack);
    const { rol: role, tid: tenant, sub: user, pur: purpose } = pass;
    if (!sourceOf(pack, plan.source)?.subject || !reachOf({ pack, plan, role, purpose })) return undefined;
    const verdict = await limits.admit('data', { user, tenant, role, pack: pass.pack });
    if (verdict.allowed) return undefined;
    const limit = factsOf(verdict);
    return emit(run.refused, { code: 'RATE_LIMITED', locale, intent: intent.type, limit });
  };
