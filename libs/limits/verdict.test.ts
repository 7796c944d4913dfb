import { limitFacts } from '@jangada/proto/limit.ts';
import { parseList } from 'structured-headers';
import { expect, test } from 'vitest';
import { factsOf, headersOf, type Standing, verdictOf } from './verdict.ts';

const minute: Standing = {
  policy: 'ai-user',
  max: 20,
  windowMs: 60_000,
  remaining: 3,
  resetMs: 12_100,
  allowed: true,
};
const spent: Standing = { ...minute, policy: 'ai-tenant', max: 1_000, remaining: 0, allowed: false };

const headers = (...standings: Standing[]) => headersOf(factsOf(verdictOf(standings)));
const read = (field: string | undefined) =>
  parseList(field ?? '').map(([name, parameters]) => [name, Object.fromEntries(parameters)]);

test('both fields are structured lists of the policies, with quota, window, what is left and until when', () => {
  const fields = headers(minute, spent);
  expect(read(fields['ratelimit-policy'])).toEqual([
    ['ai-user', { q: 20, w: 60 }],
    ['ai-tenant', { q: 1_000, w: 60 }],
  ]);
  expect(read(fields['ratelimit'])).toEqual([
    ['ai-user', { r: 3, t: 13 }],
    ['ai-tenant', { r: 0, t: 13 }],
  ]);
});

test('only what is refused is told when to come back: after the last of those that refuse', () => {
  expect(headers(minute)).not.toHaveProperty('retry-after');
  const both = verdictOf([spent, { ...spent, resetMs: 899_001 }, { ...minute, resetMs: 9_999_999 }]);
  const facts = factsOf(both);
  expect([both.allowed, facts.retryAfter, headersOf(facts)['retry-after']]).toEqual([false, 900, '900']);
  expect(limitFacts.parse(facts)).toEqual(facts);
});

test('where nothing limits nothing is said', () => {
  expect([verdictOf([]).allowed, headers()]).toEqual([true, {}]);
});
