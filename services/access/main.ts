import { packOf } from '@jangada/packs/registry.ts';
import type { Command } from '@jangada/proto/access.ts';
import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { assertSigned } from '@jangada/trust/pass.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { carryOut } from './command.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root no emergency could be accounted for: better not to start than to fail whoever has one.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const bodies = openBodies(config.MESSAGE_KEYS);
const emergencies = telemetry.metrics.counter(
  'agent_break_glass_total',
  'Emergencies in which somebody reached for data without a relationship, by what came of it',
  ['outcome'],
);
for (const outcome of ['opened', 'refused']) emergencies.inc({ outcome }, 0);

const reachesOut = (command: Command): boolean =>
  command.action === 'break_glass' || (command.action === 'answer_interrupt' && command.confirmed);

await using service = await serve(
  contract,
  config,
  {
    gather: async ({ command }, { pass }) => {
      assertSigned(JSON.stringify(command), pass, 'command');
      const apart = Object.hasOwn(config.DATABASE_TENANT_URLS, pass.tid);
      const outcome = await carryOut(store, { command, pass, pack: packOf(pass.pack), vault, bodies, apart });
      if (reachesOut(command)) {
        emergencies.inc({ outcome: outcome.refused ? 'refused' : 'opened' });
        const about = { operation: 'break-glass', tenantId: pass.tid, runId: pass.rid };
        telemetry.log.warn(
          {
            ...about,
            outcome: outcome.refused ? 'refused' : 'opened',
            ...(outcome.refused ? { code: outcome.refused } : {}),
          },
          'somebody reached for data without a relationship; see `jangada audit`',
        );
      }
      return outcome;
    },
    decide,
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);

forgetChangedKeys(service.bus, vault);

await service.stopped;
