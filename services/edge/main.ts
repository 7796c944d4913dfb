import { followChanges } from '@jangada/limits/changes.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { configOf, openService } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openRoot } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { edgeSettings, openServer } from './server.ts';
import { openWarmth } from './warming.ts';

const config = configOf([
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'REDIS_URL',
  'RATE_LIMIT_PROFILE',
  'RATE_LIMIT_REPLICAS',
  'AI_AGENT_MAX_SESSIONS_PER_IP',
  'PUBLIC_AI_RATE_LIMIT_MAX_REQUESTS',
  'PUBLIC_AI_RATE_LIMIT_WINDOW_MS',
  'TENANT_AI_RATE_LIMIT_MAX_REQUESTS',
  'TENANT_AI_RATE_LIMIT_WINDOW_MS',
  ...edgeSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
await using limits = openLimits({
  settings: config,
  secret: config.ENCRYPTION_KEY,
  metrics: telemetry.metrics,
});
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const warmth = openWarmth(config.PREWARM);
const probes = {
  ...warmth.probes,
  database: () => store.ping(),
  redis: optional(() => limits.ping()),
  root: optional(() => root.health()),
};
await using service = await openService(contract, config, probes, telemetry);
await followChanges(service.bus.nc, limits, telemetry.log);
forgetChangedKeys(service.bus, vault);
await openServer(service, config, {
  ...{ store, limits, vault, warmth },
  probes: { ...warmth.probes, database: probes.database },
});
await service.stopped;
