import { optional } from '@jangada/runtime/health.ts';
import { keep } from '@jangada/runtime/keep.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { keepAll } from './exchanges.ts';
import { reading } from './reading.ts';
import { followSessions } from './sessions.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  'AI_AGENT_SESSION_TTL_MINUTES',
  'RUN_DEADLINE_MS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root nothing could be kept: better not to start than to fail each question.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const keeping = {
  vault,
  lastsMs: config.AI_AGENT_SESSION_TTL_MINUTES * 60_000,
  // Some of the connections stay for what is asked meanwhile.
  tenantsAtOnce: Math.ceil(config.DATABASE_POOL_SIZE / 2),
};
const bodies = openBodies(config.MESSAGE_KEYS);

await using service = await keep(
  contract,
  config,
  {
    bodies,
    read: reading(bodies, config.RUN_DEADLINE_MS),
    keep: async (exchanges) => {
      await keepAll(store, exchanges, keeping);
      return [];
    },
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);

forgetChangedKeys(service.bus, vault);
service.onDrain(followSessions(store, telemetry.metrics));

await service.stopped;
