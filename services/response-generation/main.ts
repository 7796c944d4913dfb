import { policy } from '@jangada/hop/policy.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { optional } from '@jangada/runtime/health.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { contract } from './contract.ts';
import { tell } from './handler.ts';
import { openModel } from './model.ts';

const config = configOf([
  'PASS_PUBLIC_KEYS',
  'MESSAGE_KEYS',
  'AI_SERVICE_URL',
  'AI_SERVICE_API_KEY',
  'AI_SERVICE_MODEL',
]);
const telemetry = openTelemetry(contract.name, config);

// The model has a policy of its own: when it rests, answers go on without it instead of waiting for it.
const model = config.AI_SERVICE_URL
  ? openModel(
      { url: config.AI_SERVICE_URL, key: config.AI_SERVICE_API_KEY, name: config.AI_SERVICE_MODEL },
      resilience('model', policy({ timeoutMs: 8_000, attempts: 2 }), telemetry.metrics),
    )
  : undefined;

await using service = await serve(
  contract,
  config,
  {
    gather: async (answer, { pass, signal }) => {
      const telling = await model?.begin(answer, signal).catch(() => undefined);
      return {
        wording: packOf(pass.pack).wording[answer.locale],
        zone: pass.zone,
        currency: pass.cur,
        telling,
        degraded: model !== undefined && telling === undefined,
        elapsedMs: () => Date.now() - pass.iat,
      };
    },
    compose: tell,
    probes: { ai_service: optional(async (signal) => model?.ping(signal)) },
  },
  telemetry,
);

await service.stopped;
