import { policy } from '@jangada/hop/policy.ts';
import { openOutside } from '@jangada/outside/outside.ts';
import type { Body } from '@jangada/proto/message.ts';
import { optional } from '@jangada/runtime/health.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import { keep } from '@jangada/runtime/keep.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { configOf, type Service } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { eachOnce } from './batch.ts';
import { contract } from './contract.ts';
import { follow, followChange } from './follow.ts';
import { openWebhooks } from './webhooks.ts';

const config = configOf([
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  'WEBHOOK_HOSTS',
  'NOTIFICATION_URLS',
  'BILLING_URLS',
  'WEBHOOK_KEYS',
  'BOOKING_HOLD_MINUTES',
  'BOOKING_REMINDER_HOURS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root no booking can be read: better not to start than to fail each.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
await using outside = openOutside(config.WEBHOOK_HOSTS);
const calling = policy({
  timeoutMs: 5_000,
  attempts: 3,
  backoffMs: 250,
  breaker: { failures: 10, withinMs: 10_000, openMs: 5_000, successes: 2 },
});
const webhooks = openWebhooks({
  billing: config.BILLING_URLS,
  notifications: config.NOTIFICATION_URLS,
  keys: config.WEBHOOK_KEYS,
  outside,
  policyOf: (name) => resilience(name, calling, telemetry.metrics),
  metrics: telemetry.metrics,
});
const rules = {
  holdMs: config.BOOKING_HOLD_MINUTES * 60_000,
  remindMs: config.BOOKING_REMINDER_HOURS * 3_600_000,
};

/** From 5 s to 85 min: who is away for two hours is given up. */
const waitMs = (round: number): number | undefined => (round < 6 ? 5_000 * 4 ** round : undefined);

const failures = telemetry.metrics.counter(
  'appointments_failed_total',
  'Bookings that were undone because of what follows from them, by why',
  ['reason'],
);
const failed = (reason: string): void => failures.inc({ reason });

const each = eachOnce<{ readonly heard: Heard; readonly body: Body<(typeof contract)['on'][number]> }>();
const running = Promise.withResolvers<Service>();

await using service = await keep(
  contract,
  config,
  {
    record: (heard, body) => ({ heard, body }),
    keep: async (records, _signal, tell) => {
      const { bus } = await running.promise;
      const parts = { bus, store, vault, webhooks, rules, waitMs, tell, failed };
      await each(records, ({ heard, body }) =>
        'booking' in body ? follow(parts, { ...heard, body }) : followChange(parts, { ...heard, body }),
      );
      return [];
    },
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);
running.resolve(service);
forgetChangedKeys(service.bus, vault);

await service.stopped;
