import { judge, refusedFrom } from '@jangada/nlu/guard.ts';
import { violations } from '@jangada/nlu/guard-rules.ts';
import { packOf, packs } from '@jangada/packs/registry.ts';
import { isAbout, modelOf, orderModelOf } from '@jangada/packs/understanding.ts';
import { hashedTextOf } from '@jangada/proto/run.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { blockedRequests, securityViolations } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { assertSigned } from '@jangada/trust/pass.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';
import { followRules } from './rules.ts';

const config = configOf(['MESSAGE_KEYS', 'AI_SECURITY_LEVEL', 'AI_SECURITY_RULES']);
const telemetry = openTelemetry(contract.name, config);

// The first question must not wait for what understands it.
for (const pack of packs) {
  modelOf(pack);
  if (pack.orders) orderModelOf(pack);
}

const attacked = securityViolations(telemetry.metrics, violations);
const blocked = blockedRequests(telemetry.metrics, ['AI_SECURITY_VIOLATION']);
const rules = followRules(config.AI_SECURITY_RULES, telemetry);

await using service = await serve(
  contract,
  config,
  {
    gather: async (body, { pass }) => {
      assertSigned(hashedTextOf(body), pass, 'question');
      const pack = packOf(pass.pack);
      const isOurs = (text: string): boolean => isAbout(pack, text);
      const { score, violation } = judge('about' in body ? '' : body.question, { rules: rules(), isOurs });
      const attack = score >= refusedFrom[config.AI_SECURITY_LEVEL] ? violation : undefined;
      if (attack) {
        attacked(attack, 'warning');
        blocked('AI_SECURITY_VIOLATION');
      }
      return { pack, now: Temporal.Now.instant(), zone: pass.zone, locale: pass.loc, attack };
    },
    decide,
  },
  telemetry,
);

await service.stopped;
