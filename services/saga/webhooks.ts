import type { Outside } from '@jangada/outside/outside.ts';
import { openWebhook, type Webhook } from '@jangada/outside/webhook.ts';
import type { Resilience } from '@jangada/runtime/resilience.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import type { Step } from './next.ts';
import { isOfCharge } from './wording.ts';

/** Tells of bookings who charges for them, and who tells people. */
export interface Webhooks {
  /** Whether the tenant has anybody to tell. */
  tells(tenant: string): boolean;
  /** Refused is never again; skipped where the tenant has nobody to tell. @throws Unavailable where nobody took it */
  send(tenant: string, step: Step, id: string, body: string): Promise<'done' | 'skipped' | 'refused'>;
}

type Urls = Readonly<Record<string, string>>;

/** @throws ConfigError for an address that may not be called, or that nothing would be signed for */
export const openWebhooks = ({
  billing,
  notifications,
  keys,
  outside,
  policyOf,
  metrics,
  now,
}: {
  /** By tenant. */
  readonly billing: Urls;
  readonly notifications: Urls;
  readonly keys: Readonly<Record<string, string>>;
  readonly outside: Outside;
  /** Made once for each address of each tenant: who is away uses up nobody else's attempts, and rests alone. */
  readonly policyOf: (name: string) => Resilience;
  readonly metrics: Metrics;
  readonly now?: () => number;
}): Webhooks => {
  const webhooksOf = (setting: string, what: string, urls: Urls): ReadonlyMap<string, Webhook> =>
    new Map(
      Object.entries(urls).map(([tenant, address]) => {
        const policy = policyOf(`${what} of ${tenant}`);
        const to = { setting, tenant, address, key: keys[tenant], outside, policy, now };
        return [tenant, openWebhook(to)];
      }),
    );
  const charges = webhooksOf('BILLING_URLS', 'billing', billing);
  const people = webhooksOf('NOTIFICATION_URLS', 'notifications', notifications);
  const calls = metrics.counter('webhooks_total', 'Steps that tell somebody outside, by how they ended', [
    'step',
    'outcome',
  ]);

  return {
    tells: (tenant) => charges.has(tenant) || people.has(tenant),
    send: async (tenant, step, id, body) => {
      const webhook = (isOfCharge(step) ? charges : people).get(tenant);
      const count = <O extends string>(outcome: O): O => {
        calls.inc({ step, outcome });
        return outcome;
      };
      if (!webhook) return count('skipped');
      try {
        return count((await webhook.post(id, body)) === undefined ? 'refused' : 'done');
      } catch (error) {
        count('away');
        throw error;
      }
    },
  };
};
