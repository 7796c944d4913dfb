import { createHmac } from 'node:crypto';
import { ConfigError } from '@jangada/config/config.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { Distrusted, type Outside } from '@jangada/outside/outside.ts';
import type { Resilience } from '@jangada/runtime/resilience.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import type { Step } from './next.ts';
import { isOfCharge } from './wording.ts';

/**
 * Webhooks as standardwebhooks.com has them: the same `webhook-id` for every attempt, the time, and an HMAC over id, time and
 * body, so that who hears it knows that it is ours, of now and not a second one.
 */
export interface Webhooks {
  /** Refused is never again; skipped where the tenant has nobody to tell. @throws Unavailable where nobody took it */
  send(tenant: string, step: Step, id: string, body: string): Promise<'done' | 'skipped' | 'refused'>;
}

type Urls = Readonly<Record<string, string>>;

interface Endpoint {
  readonly url: URL;
  readonly key: string;
  readonly policy: Resilience;
}

export const signatureOf = (key: string, id: string, seconds: number, body: string): string =>
  `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;

/** @throws ConfigError for an address that may not be called, or that nothing would be signed for */
export const openWebhooks = ({
  billing,
  notifications,
  keys,
  outside,
  policyOf,
  metrics,
  now = Date.now,
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
  const endpointsOf = (setting: string, what: string, urls: Urls): ReadonlyMap<string, Endpoint> =>
    new Map(
      Object.entries(urls).map(([tenant, address]) => {
        const key = keys[tenant];
        if (!key) throw new ConfigError(`cannot start:\n  ${setting}: WEBHOOK_KEYS has no key of ${tenant}`);
        const url = new URL(address);
        try {
          outside.allow(url);
        } catch {
          throw new ConfigError(
            `cannot start:\n  ${setting}: WEBHOOK_HOSTS does not let ${tenant} call there`,
          );
        }
        return [tenant, { url, key, policy: policyOf(`${what} of ${tenant}`) }];
      }),
    );
  const charges = endpointsOf('BILLING_URLS', 'billing', billing);
  const people = endpointsOf('NOTIFICATION_URLS', 'notifications', notifications);
  const calls = metrics.counter('webhooks_total', 'Steps that tell somebody outside, by how they ended', [
    'step',
    'outcome',
  ]);

  const post = async (
    { url, key, policy }: Endpoint,
    id: string,
    body: string,
  ): Promise<'done' | 'refused'> => {
    const attempt = async (signal: AbortSignal): Promise<'done' | 'refused'> => {
      const seconds = Math.floor(now() / 1_000);
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': signatureOf(key, id, seconds, body),
      };
      try {
        await outside.post(url, headers, body, signal);
        return 'done';
      } catch (error) {
        if (error instanceof Distrusted) return 'refused';
        throw error;
      }
    };
    return policy.admit(() => policy.call(attempt, never));
  };

  return {
    send: async (tenant, step, id, body) => {
      const endpoint = (isOfCharge(step) ? charges : people).get(tenant);
      const count = <O extends string>(outcome: O): O => {
        calls.inc({ step, outcome });
        return outcome;
      };
      if (!endpoint) return count('skipped');
      try {
        return count(await post(endpoint, id, body));
      } catch (error) {
        count('away');
        throw error instanceof Unavailable ? error : new Unavailable('webhook', error);
      }
    },
  };
};

const never = new AbortController().signal;
