import { createHmac } from 'node:crypto';
import { ConfigError } from '@jangada/config/config.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Resilience } from '@jangada/runtime/resilience.ts';
import { Distrusted, type Outside } from './outside.ts';

/**
 * Webhooks as standardwebhooks.com has them: the same `webhook-id` for every attempt, the time, and an HMAC over id, time and
 * body, so that who hears it knows that it is ours, of now and not a second one.
 */
export interface Webhook {
  /** What was answered; undefined where it was refused, and will be. @throws Unavailable where nobody took it */
  post(id: string, body: string): Promise<string | undefined>;
}

const signatureOf = (key: string, id: string, seconds: number, body: string): string =>
  `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`;

/** @throws ConfigError for an address that may not be called, or that nothing would be signed for */
export const openWebhook = ({
  setting,
  tenant,
  address,
  key,
  outside,
  policy,
  now = Date.now,
}: {
  /** The setting that names the address, for whoever has to mend it. */
  readonly setting: string;
  readonly tenant: string;
  readonly address: string;
  readonly key: string | undefined;
  readonly outside: Outside;
  readonly policy: Resilience;
  readonly now?: (() => number) | undefined;
}): Webhook => {
  if (!key) throw new ConfigError(`cannot start:\n  ${setting}: WEBHOOK_KEYS has no key of ${tenant}`);
  const url = new URL(address);
  try {
    outside.allow(url);
  } catch {
    throw new ConfigError(`cannot start:\n  ${setting}: WEBHOOK_HOSTS does not let ${tenant} call there`);
  }
  return {
    post: async (id, body) => {
      const attempt = async (signal: AbortSignal) => {
        const seconds = Math.floor(now() / 1_000);
        const headers = {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': signatureOf(key, id, seconds, body),
        };
        try {
          return await outside.post(url, headers, body, signal);
        } catch (error) {
          if (error instanceof Distrusted) return undefined;
          throw error;
        }
      };
      try {
        return await policy.admit(() => policy.call(attempt, never));
      } catch (error) {
        throw error instanceof Unavailable ? error : new Unavailable('webhook', error);
      }
    },
  };
};

const never = new AbortController().signal;
