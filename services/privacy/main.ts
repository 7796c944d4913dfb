import { policy } from '@jangada/hop/policy.ts';
import { openOutside } from '@jangada/outside/outside.ts';
import { core } from '@jangada/proto/envelope.ts';
import { look } from '@jangada/proto/privacy.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import { optional } from '@jangada/runtime/health.ts';
import { keep } from '@jangada/runtime/keep.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { keepScheduled } from '@jangada/runtime/schedules.ts';
import { configOf, type Service } from '@jangada/runtime/service.ts';
import { openStore, queries } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { openRecipients } from './recipients.ts';
import { advanceAll } from './requests.ts';

const config = configOf([
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'PRIVACY_REVIEW',
  'PRIVACY_CERTIFICATE_KEYS',
  'WEBHOOK_HOSTS',
  'RECIPIENT_URLS',
  'WEBHOOK_KEYS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root nothing that is sealed could be told to whom it is about.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const signer = signerFrom(config.PRIVACY_CERTIFICATE_KEYS);
await using outside = openOutside(config.WEBHOOK_HOSTS);
// One attempt for each time that it is told again anyway: who is away holds up the requests of others no longer than that.
const telling = policy({
  attempts: 1,
  breaker: { failures: 2, withinMs: 60_000, openMs: 60_000, successes: 1 },
});
const webhooks = openRecipients({
  urls: config.RECIPIENT_URLS,
  keys: config.WEBHOOK_KEYS,
  outside,
  policyOf: (name) => resilience(name, telling, telemetry.metrics),
});
const running = Promise.withResolvers<Service>();

await using service = await keep(
  contract,
  config,
  {
    record: ({ tenant, storedAt }, { staleAfterSeconds }) => ({
      tenant,
      isStale: Date.now() - storedAt.getTime() > staleAfterSeconds * 1_000,
    }),
    keep: async (ticks, signal) => {
      const { bus, log, unexpected } = await running.promise;
      for (const tenant of new Set(ticks.filter(({ isStale }) => !isStale).map((tick) => tick.tenant)))
        await advanceAll(
          {
            ...{ store, vault, signer, tenant, log, reviews: config.PRIVACY_REVIEW },
            webhookOf: (recipient) => webhooks.get(`${tenant}/${recipient}`),
            say: async (id, emission) => {
              await publishFact(
                { bus, unexpected },
                { tenant, id, pass: undefined, traceparent: '' },
                emission,
              );
            },
            forget: async () => {
              bus.nc.publish(core.keysChanged(tenant));
              bus.nc.publish(core.changed(tenant));
              await bus.nc.flush();
              vault.forget(tenant);
            },
          },
          signal,
        );
      return [];
    },
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);
running.resolve(service);
forgetChangedKeys(service.bus, vault);

const tenants = () => store.rows(queries<CoreTables>().selectFrom('tenants').select(['id', 'time_zone']));
// Whoever asks is to be confirmed within a minute.
await keepScheduled(service, tenants, [{ tick: look, when: '0 * * * * *', staleAfterSeconds: 60 }]);

await service.stopped;
