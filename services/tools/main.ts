import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { policy } from '@jangada/hop/policy.ts';
import { openOutside } from '@jangada/outside/outside.ts';
import { packOf, packs } from '@jangada/packs/registry.ts';
import { optional } from '@jangada/runtime/health.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { planHash } from '@jangada/trust/grant.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';
import { openLookups } from './lookups.ts';

const config = configOf(['MESSAGE_KEYS', 'TOOL_HOSTS', 'TOOL_URLS', 'TOOL_KEYS']);
const telemetry = openTelemetry(contract.name, config);

await using outside = openOutside(config.TOOL_HOSTS);

// A policy of its own, as for a model: while it rests, answers go on without what is outside.
const asking = resilience('outside', policy({ timeoutMs: 2_000, attempts: 2 }), telemetry.metrics);
const lookups = openLookups({
  known: packs.flatMap(({ sources }) => Object.values(sources).flatMap(({ tools = [] }) => tools)),
  urls: config.TOOL_URLS,
  keys: config.TOOL_KEYS,
  outside,
  policy: asking,
  metrics: telemetry.metrics,
  log: telemetry.log,
});

await using service = await serve(
  contract,
  config,
  {
    gather: async ({ plan }, { pass, grant, grantStatement, span }) => {
      if (grant?.ph !== planHash(plan) || !grantStatement)
        throw new Unprocessable('CTX_NO_GRANT', 'the grant is for another plan');
      const tools = packOf(pass.pack).sources[plan.source]?.tools ?? [];
      const said = await Promise.all(
        tools
          .filter((tool) => tool.kind === 'lookup')
          .map(async (tool) => {
            const asked = span(tool.name);
            try {
              return [tool.name, await lookups.ask(tool, plan)] as const;
            } finally {
              asked.end();
            }
          }),
      );
      return { tools, said: new Map(said), grant: grantStatement };
    },
    decide,
    probes: {
      outside: optional(async () => {
        if (asking.state() === 'open') throw new Unavailable('outside source');
      }),
    },
  },
  telemetry,
);

await service.stopped;
