import { Unprocessable } from '@jangada/hop/outcome.ts';
import { judge, refusedFrom, violations } from '@jangada/nlu/guard.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { hashedTextOf } from '@jangada/proto/run.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { blockedRequests, securityViolations } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { questionHash } from '@jangada/trust/pass.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';

const config = configOf(['MESSAGE_KEYS', 'AI_SECURITY_LEVEL']);
const telemetry = openTelemetry(contract.name, config);

const attacked = securityViolations(telemetry.metrics, violations);
const blocked = blockedRequests(telemetry.metrics, ['AI_SECURITY_VIOLATION']);

await using service = await serve(
  contract,
  config,
  {
    gather: async (body, { pass }) => {
      // The pass is for one question: whoever changed the text on the way does not get it answered.
      if (questionHash(hashedTextOf(body)) !== pass.qh)
        throw new Unprocessable('CTX_PAYLOAD_MISMATCH', 'the question is not the signed one');
      const { score, violation } = judge('about' in body ? '' : body.question);
      const attack = score >= refusedFrom[config.AI_SECURITY_LEVEL] ? violation : undefined;
      if (attack) {
        attacked(attack, 'warning');
        blocked('AI_SECURITY_VIOLATION');
      }
      const now = Temporal.Now.instant();
      return { pack: packOf(pass.pack), now, zone: pass.zone, locale: pass.loc, attack };
    },
    decide,
  },
  telemetry,
);

await service.stopped;
