import { ConfigError } from '@jangada/config/config.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { policy } from '@jangada/hop/policy.ts';
import { type Outside, openOutside } from '@jangada/outside/outside.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { startWebhookEndpoint, type WebhookEndpoint } from '@jangada/testkit/webhook.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openWebhooks, type Webhooks } from './webhooks.ts';

const key = 'a key that both have';
let endpoint: WebhookEndpoint;
let elsewhere: WebhookEndpoint;
let outside: Outside;

beforeAll(async () => {
  [endpoint, elsewhere] = await Promise.all([startWebhookEndpoint(key), startWebhookEndpoint(key)]);
  outside = openOutside([endpoint.host, 'hooks.example.org', 'private.example.org', '10.0.0.1']);
});
afterAll(async () => {
  await outside?.[Symbol.asyncDispose]();
  await endpoint?.[Symbol.asyncDispose]();
  await elsewhere?.[Symbol.asyncDispose]();
});
beforeEach(() => endpoint.behave({ status: 204 }));

const open = (
  own: Partial<Parameters<typeof openWebhooks>[0]> = {},
): Webhooks & { metrics: () => Promise<string> } => {
  const metrics = openMetrics('saga');
  const impatient = policy({
    ...{ timeoutMs: 10_000, attempts: 3, backoffMs: 1, backoffMaxMs: 2 },
    breaker: { failures: 3, withinMs: 600_000, openMs: 600_000, successes: 1 },
  });
  const opened = openWebhooks({
    ...{ billing: {}, notifications: { casa: endpoint.url }, keys: { casa: key }, outside, metrics },
    policyOf: (name) => resilience(name, impatient, metrics),
    ...own,
  });
  return { ...opened, metrics: async () => metrics.text() };
};
const since = (first: number) => endpoint.told.slice(first).map(({ id }) => id);

describe('a webhook', () => {
  test('is signed over its id, its time and its body', async () => {
    const first = endpoint.told.length;
    expect(await open().send('casa', 'notify', 'n-1', '{"type":"booking.made"}')).toBe('done');
    expect(endpoint.told.slice(first)).toEqual([{ id: 'n-1', taken: true, body: { type: 'booking.made' } }]);
    const before = endpoint.forged;
    expect(
      await open({ keys: { casa: 'another key than theirs' } }).send('casa', 'notify', 'n-2', '{}'),
    ).toBe('done');
    expect(await open({ now: () => Date.now() - 3_600_000 }).send('casa', 'notify', 'n-3', '{}')).toBe(
      'done',
    );
    expect(endpoint.forged).toBe(before + 2);
  });

  test('is skipped of a tenant that has none, and of a step that has none', async () => {
    expect(await open().send('other', 'notify', 'n-4', '{}')).toBe('skipped');
    expect(await open().send('casa', 'bill', 'n-4', '{}')).toBe('skipped');
    expect(since(0)).not.toContain('n-4');
  });

  test.each([
    ['is away', { status: 503 }],
    ['has too much to do', { status: 429 }],
    ['says nothing', 'silent'],
    ['hangs up', 'broken'],
  ] as const)('to who %s is tried again under the same id, and then later', async (_how, taking) => {
    endpoint.behave(taking);
    const first = endpoint.told.length;
    const webhooks = open();
    await expect(webhooks.send('casa', 'remind', 'n-5', '{}')).rejects.toThrow(Unavailable);
    await until('each attempt', () => since(first).length >= 3);
    expect(since(first)).toEqual(['n-5', 'n-5', 'n-5']);
    expect(await webhooks.metrics()).toMatch(
      /webhooks_total\{[^}]*step="remind"[^}]*outcome="away"[^}]*\} 1/,
    );
  });

  test('of one who is away rests alone', async () => {
    endpoint.behave({ status: 503 });
    const [first, before] = [endpoint.told.length, elsewhere.told.length];
    await using both = openOutside([endpoint.host, elsewhere.host]);
    const webhooks = open({
      outside: both,
      billing: { casa: elsewhere.url },
      notifications: { casa: endpoint.url, other: elsewhere.url },
      keys: { casa: key, other: key },
    });
    for (const id of ['n-7', 'n-8'])
      await expect(webhooks.send('casa', 'notify', id, '{}')).rejects.toThrow(Unavailable);
    expect(since(first)).toEqual(['n-7', 'n-7', 'n-7']);
    expect(await webhooks.send('other', 'notify', 'n-9', '{}')).toBe('done');
    expect(await webhooks.send('casa', 'bill', 'n-10', '{}')).toBe('done');
    expect(elsewhere.told.slice(before).map(({ id }) => id)).toEqual(['n-9', 'n-10']);
    expect(await webhooks.metrics()).toMatch(/circuit_breaker_state\{name="notifications of casa"[^}]*\} 2/);
  });

  test('to a name of a private address is never again', async () => {
    const url = 'https://localhost:1/';
    await using there = openOutside(['localhost:1']);
    const webhooks = open({ notifications: { casa: url }, outside: there });
    expect(await webhooks.send('casa', 'notify', 'n-11', '{}')).toBe('refused');
  });

  test.each([
    ['refuses it', () => ({ status: 410 })],
    ['leads elsewhere', () => ({ leadsTo: elsewhere.url })],
  ])('to who %s is not tried again', async (_how, taking) => {
    endpoint.behave(taking());
    const first = endpoint.told.length;
    expect(await open().send('casa', 'notify', 'n-6', '{}')).toBe('refused');
    expect(since(first)).toEqual(['n-6']);
    expect(elsewhere.told.map(({ id }) => id)).not.toContain('n-6');
  });

  test.each([
    ['a host that is not named', 'https://elsewhere.example.org/'],
    ['a private address', 'https://10.0.0.1/'],
    ['plain http', 'http://hooks.example.org/'],
    ['a name and a password', 'https://me:secret@hooks.example.org/'],
  ])('to %s is none', (_where, url) => {
    expect(() => open({ notifications: { casa: url } })).toThrow(ConfigError);
  });

  test('that nothing would be signed for is none', () => {
    expect(() => open({ billing: { other: endpoint.url } })).toThrow(/WEBHOOK_KEYS has no key of other/);
  });
});
