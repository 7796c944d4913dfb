import { policy } from '@jangada/hop/policy.ts';
import { followChanges } from '@jangada/limits/changes.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { optional } from '@jangada/runtime/health.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { isolationViolations } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { contract } from './contract.ts';
import { assertGranted, isBreach } from './egress.ts';
import { tell } from './handler.ts';
import { openModel } from './model.ts';
import { openQuota } from './quota.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'AI_SERVICE_URL',
  'AI_SERVICE_API_KEY',
  'AI_SERVICE_MODEL',
  'REDIS_URL',
  'RATE_LIMIT_PROFILE',
  'RATE_LIMIT_REPLICAS',
]);
const telemetry = openTelemetry(contract.name, config);

await using limits = openLimits({ settings: config, metrics: telemetry.metrics });

// The model has a policy of its own: when it rests, answers go on without it instead of waiting for it.
const model = config.AI_SERVICE_URL
  ? openModel(
      { url: config.AI_SERVICE_URL, key: config.AI_SERVICE_API_KEY, name: config.AI_SERVICE_MODEL },
      resilience('model', policy({ timeoutMs: 8_000, attempts: 2 }), telemetry.metrics),
    )
  : undefined;
const quota = model && openQuota(model, limits, telemetry.metrics);

const violated = isolationViolations(telemetry.metrics, 'answer');

await using service = await serve(
  contract,
  config,
  {
    gather: async (answer, { pass, grant, signal }) => {
      const pack = packOf(pass.pack);
      assertGranted(answer, grant, pack);
      const who = { tenant: pass.tid, pack: pass.pack };
      const telling = await quota?.begin(who, answer, signal).catch(() => undefined);
      return {
        wording: pack.wording[answer.locale],
        zone: pass.zone,
        currency: pass.cur,
        telling,
        degraded: quota !== undefined && telling === undefined,
        elapsedMs: () => Date.now() - pass.iat,
      };
    },
    compose: tell,
    onDead: (code) => {
      if (isBreach(code)) violated();
    },
    probes: { ai_service: optional(async (signal) => model?.ping(signal)) },
  },
  telemetry,
);
await followChanges(service.bus.nc, limits, telemetry.log);

await service.stopped;
