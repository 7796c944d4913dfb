import { openCache } from '@jangada/cache/cache.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { core } from '@jangada/proto/envelope.ts';
import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { isolationViolations } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';
import { rowsOf } from './rows.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  'REDIS_URL',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
await using cache = openCache(config, telemetry.metrics);
// Without the root nothing that is sealed could be opened: better not to start than to fail each question.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);

const onForeign = isolationViolations(telemetry.metrics, 'rows');

await using service = await serve(
  contract,
  config,
  {
    gather: (body, turn) =>
      rowsOf(body, turn, { pack: packOf(turn.pass.pack), store, cache, vault, onForeign }),
    decide,
    probes: {
      database: () => store.ping(),
      redis: optional(() => cache.ping()),
      root: optional(() => root.health()),
    },
  },
  telemetry,
);

service.bus.nc.subscribe(core.changed('*'), {
  callback: (_error, message) => void cache.forget(message.subject.slice('changed.'.length)),
});

forgetChangedKeys(service.bus, vault);

await service.stopped;
