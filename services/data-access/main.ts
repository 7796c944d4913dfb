import { openCache } from '@jangada/cache/cache.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { core } from '@jangada/proto/envelope.ts';
import { optional } from '@jangada/runtime/health.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';
import { rowsOf } from './rows.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'REDIS_URL',
  'ENCRYPTION_KEY',
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
await using cache = openCache(config, telemetry.metrics);

await using service = await serve(
  contract,
  config,
  {
    gather: (body, turn) => rowsOf(body, turn, { pack: packOf(turn.pass.pack), store, cache }),
    decide,
    probes: { database: () => store.ping(), redis: optional(() => cache.ping()) },
  },
  telemetry,
);

service.bus.nc.subscribe(core.changed('*'), {
  callback: (_error, message) => void cache.forget(message.subject.slice('changed.'.length)),
});

await service.stopped;
