import { expect, test } from 'vitest';
import { secrets } from './settings.ts';
import { shownOf } from './shown.ts';

test('no secret is shown, whatever it is', () => {
  const values = Object.fromEntries(secrets.map((name) => [name, 'postgres://app:hunter2@db/jangada']));
  expect(JSON.stringify(shownOf(values))).not.toContain('hunter2');
  expect(shownOf(values)).toEqual({ DATABASE_URL: 'clear', REDIS_URL: 'clear' });
});

test.each([
  ['NATS_URL', 'tls://broker.internal:4222', 'tls'],
  ['NATS_URL', 'nats://broker:4222', 'clear'],
  ['REDIS_URL', 'rediss://cache', 'tls'],
  ['DATABASE_URL', 'postgres://app:x@db/jangada?sslmode=verify-full', 'tls'],
  ['DATABASE_URL', 'postgres://app:x@db/jangada?sslmode=require', 'clear'],
])('%s %s is %s', (name, value, text) => {
  expect(shownOf({ [name]: value })).toEqual({ [name]: text });
});

test('an address is shown without who signs in there', () => {
  expect(shownOf({ AI_SERVICE_URL: 'https://me:hunter2@model.internal/v1' })).toEqual({
    AI_SERVICE_URL: 'https://model.internal/v1',
  });
  const urls = { one: 'https://me:hunter2@a.example/', other: 'https://me:hunter2@b.example/' };
  expect(shownOf({ TOOL_URLS: urls })).toEqual({
    TOOL_URLS: '{"one":"https://a.example/","other":"https://b.example/"}',
  });
});

test('what is no setting, and what is not set, is left out; what is long is only there', () => {
  expect(
    shownOf({
      RUN_DEADLINE_MS: 30_000,
      TLS_PROXY: false,
      TLS_CERT: undefined,
      TLS_CA: 'x'.repeat(301),
      other: 1,
    }),
  ).toEqual({ RUN_DEADLINE_MS: '30000', TLS_PROXY: 'false', TLS_CA: 'given' });
});
