import { optional } from '@jangada/runtime/health.ts';
import { keep } from '@jangada/runtime/keep.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { projectAll } from './bookings.ts';
import { contract } from './contract.ts';
import type { Event } from './event.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE', 'DATABASE_TENANT_URLS', ...rootSettings]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root no event can be read: better not to start than to fail each.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const { metrics } = telemetry;
const position = metrics.gauge(
  'projection_position',
  'Place in the stream of the last event that was taken in',
);
const lag = metrics.gauge('projection_lag_seconds', 'How old the oldest event in hand is, taken in or not');

await using service = await keep(
  contract,
  config,
  {
    record: ({ tenant, id, sequence, storedAt }, body): Event => ({ tenant, id, sequence, storedAt, body }),
    keep: async (events) => {
      // Before it is tried: what fails is as late.
      lag.set((Date.now() - Math.min(...events.map(({ storedAt }) => storedAt.getTime()))) / 1_000);
      await projectAll(store, vault, events);
      position.set(Math.max(...events.map(({ sequence }) => sequence)));
      return [];
    },
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);

forgetChangedKeys(service.bus, vault);

await service.stopped;
