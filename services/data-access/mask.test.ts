import { expect, test } from 'vitest';
import { maskOf } from './mask.ts';

test.each([
  ['email', 'ana.lima@example.org', 'a***@example.org'],
  ['email', 'a@example.org', 'a***@example.org'],
  ['email', '"ana@home"@example.org', '"***@example.org'],
  ['email', 'ana\nlima@example.org', 'a***@example.org'],
  ['email', 'ana lima', '***'],
  ['email', '@example.org', '***'],
  ['phone', '+55 11 90000-0010', '***0010'],
  ['phone', '0010', '***'],
  ['phone', '12345678', '***'],
  ['hide', 'Avaliação inicial de pele', '***'],
  ['hide', '', '***'],
] as const)('masked as %s, %j is seen as %j', (mask, value, seen) => {
  expect(maskOf(mask, value)).toBe(seen);
});
