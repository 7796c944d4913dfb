import { randomBytes } from 'node:crypto';
import { token } from '@jangada/proto/message.ts';
import { expect, test } from 'vitest';
import { openIds } from './ids.ts';

const ownedId = openIds(randomBytes(32));
const ana = { tenant: 'clinic', subject: 'ana' };
const bia = { tenant: 'clinic', subject: 'bia' };
const run = (owner: typeof ana, given: string) => ownedId('run', owner, given);

test('the same id of the same person is the same run, and of another person another run', () => {
  expect(run(ana, 'run-1')).toBe(run(ana, 'run-1'));
  expect(run(ana, 'run-1')).toMatch(/^run-1_/);
  expect(run(bia, 'run-1')).not.toBe(run(ana, 'run-1'));
  expect(run({ ...ana, tenant: 'other' }, 'run-1')).not.toBe(run(ana, 'run-1'));
  expect(ownedId('session', ana, 'run-1')).not.toBe(run(ana, 'run-1'));
});

test('an id from inside stays what it is for its owner and leads anybody else to a run of their own', () => {
  const inside = run(ana, 'run-1');
  expect(run(ana, inside)).toBe(inside);
  expect(run(bia, inside)).not.toBe(inside);
});

test('whatever is given becomes a token that can stand in a subject', () => {
  const tag = run(ana, 'x').slice(1);
  for (const given of [
    '',
    '*',
    '>',
    'a.b',
    'a b',
    '🌊',
    'x'.repeat(10_000),
    `a.b${tag}`,
    `${'x'.repeat(60)}${tag}`,
  ]) {
    expect(run(ana, given)).toMatch(token);
  }
  expect(run(ana, 'a.b')).not.toBe(run(ana, 'a b'));
});
