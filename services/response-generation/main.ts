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
import type { Reason } from './by-model.ts';
import { contract } from './contract.ts';
import { assertGranted, isBreach } from './egress.ts';
import { tell } from './handler.ts';
import { ask } from './ordering.ts';
import type { Prompt } from './prompt.ts';
import { pulseOf } from './pulse.ts';
import { openQuota } from './quota.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'AI_SERVICE_PROVIDER',
  'AI_SERVICE_URL',
  'AI_SERVICE_API_KEY',
  'AI_SERVICE_MODEL',
  'AI_SERVICE_SMALL_MODEL',
  'REDIS_URL',
  'RATE_LIMIT_PROFILE',
  'RATE_LIMIT_REPLICAS',
]);
const telemetry = openTelemetry(contract.name, config);

await using limits = openLimits({ settings: config, metrics: telemetry.metrics });

/** What the composer needs, and the broker, before a run's deadline. */
const reservedMs = 1_000;

const openQuotaOf = async (url: string) => {
  // Half a second of loading that a system without a model does not spend.
  const { openModel } = await import('./model.ts');
  const { AI_SERVICE_MODEL: large, AI_SERVICE_SMALL_MODEL: small = large } = config;
  const model = await openModel(
    { provider: config.AI_SERVICE_PROVIDER, url, key: config.AI_SERVICE_API_KEY },
    { small, large },
    // A policy of its own: when it rests, answers go on without it instead of waiting for it.
    resilience('model', policy({ timeoutMs: 8_000, attempts: 2 }), telemetry.metrics),
  );
  return { quota: openQuota(model, limits, telemetry.metrics), pulse: pulseOf(model.ping) };
};
const asked = config.AI_SERVICE_URL ? await openQuotaOf(config.AI_SERVICE_URL) : undefined;
const fallbacks = telemetry.metrics.counter(
  'llm_fallbacks_total',
  'Answers that the composer told in the place of the model, by reason',
  ['reason'],
);

const violated = isolationViolations(telemetry.metrics, 'answer');

await using service = await serve(
  contract,
  config,
  {
    gather: async (answer, { pass, grant }) => {
      const pack = packOf(pass.pack);
      assertGranted(answer, grant, pack);
      const who = { tenant: pass.tid, pack: pass.pack };
      const leftMs = Math.max(0, pass.exp - Date.now() - reservedMs);
      const { orders, wording } = pack;
      const { orders: words } = wording[answer.locale];
      return {
        ...(answer.plan.order &&
          orders &&
          words && {
            ordering: {
              order: answer.plan.order,
              elapsedMs: () => Date.now() - pass.iat,
              ...{ words, zone: pass.zone, whom: orders.whom, minutes: orders.minutes },
              ...{ isOwn: grant?.reach === 'own', now: Temporal.Now.instant() },
              ...{ run: pass.rid, purpose: pass.pur },
              // The same however often it comes.
              expiresAt: new Date(pass.iat + orders.answerWithinMs).toISOString(),
            },
          }),
        wording: pack.wording[answer.locale],
        zone: pass.zone,
        currency: pass.cur,
        offered: pass.tools,
        // Begun as it is told: this hop's own policy is not for a model that takes its time.
        ...(asked && {
          model: {
            begin: (prompt: Prompt, signal: AbortSignal) => asked.quota.begin(who, prompt, signal),
            late: AbortSignal.timeout(leftMs),
            fellBack: (reason: Reason) => fallbacks.inc({ reason }),
          },
        }),
        elapsedMs: () => Date.now() - pass.iat,
      };
    },
    compose: (answer, { ordering, ...means }, signal) =>
      ordering ? ask(answer, ordering.order, ordering) : tell(answer, means, signal),
    onDead: (code) => {
      if (isBreach(code)) violated();
    },
    probes: { ai_service: optional(async () => asked?.pulse()) },
  },
  telemetry,
);
await followChanges(service.bus.nc, limits, telemetry.log);

await service.stopped;
