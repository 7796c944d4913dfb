import { expect, test } from 'vitest';
import { filterOf, partsOf, subjectOf } from './message.ts';
import { due } from './retention.ts';
import * as run from './run.ts';

test('a fact has one subject for each tenant and run', () => {
  expect(subjectOf(run.understood, 'clinica', 'r1')).toBe('run.understood.clinica.r1');
  expect(filterOf(run.understood)).toBe('run.understood.*.*');
  expect(partsOf(run.understood, 'run.understood.clinica.r1')).toEqual({ tenant: 'clinica', id: 'r1' });
});

test('a request waits on the subject of its tenant', () => {
  expect(subjectOf(run.requested, 'clinica', 'r1')).toBe('run.requested.clinica');
  expect(filterOf(due)).toBe('tick.retention.*');
  expect(partsOf(run.requested, 'run.requested.clinica')).toEqual({ tenant: 'clinica', id: undefined });
});

test.each([
  'run.understood.clinica',
  'run.understood.a.b.c',
  'run.permitted.clinica.r1',
  'run.understood',
  '',
])('a subject of another shape or message is not mistaken for it: %s', (subject) => {
  expect(partsOf(run.understood, subject)).toBeUndefined();
});
