import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readQuestion } from './question.ts';
import { Refusal } from './refusal.ts';
import { readJson, shaped } from './shape.ts';

const outcome = (read: () => unknown) => {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, ...(error.field ? { field: error.field } : {}) };
    throw error;
  }
};
const json = (text: string) => outcome(() => readJson(Buffer.from(text), 'INVALID_MESSAGE'));
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const keys = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}`;

describe('JSON from outside', () => {
  test.each(['', '{', '[1,]', 'undefined', 'NaN', '{"a":Infinity}', "{'a':1}"])('%j is none', (text) => {
    expect(json(text)).toEqual({ code: 'INVALID_MESSAGE' });
  });

  test('in what is not UTF-8 is none', () => {
    const bytes = Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]);
    expect(outcome(() => readJson(bytes, 'INVALID_MESSAGE'))).toEqual({ code: 'INVALID_MESSAGE' });
  });

  test.each<[string, string]>([
    ['{"__proto__":{"admin":true}}', '__proto__'],
    ['{"a":{"constructor":{"prototype":{"admin":true}}}}', 'a.constructor'],
    ['{"\\u005f_proto__":{"admin":true}}', '__proto__'],
    ['{"limit":1e309}', 'limit'],
    ['{"limit":-1e309}', 'limit'],
    ['{"limit":9007199254740993}', 'limit'],
    ['{"page":{"limit":[1,1e400]}}', 'page.limit.1'],
    ['{"name":"\\ud800"}', 'name'],
  ])('is refused by the path of what is unsound in it: %s', (text, field) => {
    expect(json(text)).toEqual({ code: 'INPUT_INVALID', field });
    expect(Object.prototype).not.toHaveProperty('admin');
  });

  test('goes sixteen levels deep and holds two hundred keys in an object, and no more', () => {
    expect(json(nested(16))).toHaveProperty('value');
    expect(json(nested(17))).toMatchObject({ code: 'INPUT_INVALID' });
    expect(json('['.repeat(30_000) + ']'.repeat(30_000))).toMatchObject({ code: 'INPUT_INVALID' });
    expect(json(keys(200))).toHaveProperty('value');
    expect(json(keys(201))).toEqual({ code: 'INPUT_INVALID' });
    expect(json(`[${'1,'.repeat(10_001)}1]`)).toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('is told by a field’s name only where that is a name', () => {
    expect(json('{"Ana Lima, CPF 111.444.777-35":1e309}')).toEqual({ code: 'INPUT_INVALID', field: '*' });
  });
});

describe('a shape', () => {
  const schema = z.strictObject({
    id: z.string(),
    note: z.string().optional(),
    page: z.int().min(0).optional(),
  });
  const shape = (value: unknown) => outcome(() => shaped(schema, value, 'INVALID_MESSAGE'));

  test('takes null for absent, where a field may be', () => {
    expect(shape({ id: 'a', note: null })).toEqual({ value: { id: 'a' } });
    expect(shape({ id: null, note: 'secret' })).toEqual({ code: 'INVALID_MESSAGE', field: 'id' });
  });

  test('knows no other field, and no number that is written otherwise', () => {
    expect(shape({ id: 'a', role: 'admin' })).toEqual({ code: 'INPUT_INVALID', field: 'role' });
    for (const page of [-1, 0.5, '1', 'NaN', true])
      expect(shape({ id: 'a', page })).toEqual({ code: 'INVALID_MESSAGE', field: 'page' });
  });
});

describe('a question', () => {
  const read = (text: string) => outcome(() => readQuestion(text, 'en'));

  test.each([
    ['agenda de João à tarde', 'agenda de João à tarde'],
    ['Joa\u0303o ac\u0327a\u0303o', 'João ação'],
    ['que\u200Bro \u202Eagora\u202C\u2066 x\u2069\uFEFF', 'quero agora x'],
    ['a\r\n\tb\u2028c', 'a b c'],
    ['a\u0000\u001b[2Jb\u0007\u0085\u009b', 'a[2Jb'],
    ['so\u00ADft \u{E0041}tag\u{E007F}', 'soft tag'],
    ['dois 😀 e 日本', 'dois 😀 e 日本'],
  ])('%j becomes what one sees of it', (given, text) => {
    expect(read(given)).toEqual({ value: text });
  });

  test('of nothing that one sees is none', () => {
    for (const text of ['', ' \n', '\u200B\u202E\u0000'])
      expect(read(text)).toEqual({ code: 'INPUT_INVALID' });
  });

  test('of more than two thousand characters is too large, however they are written', () => {
    expect(read('x'.repeat(2_000))).toEqual({ value: 'x'.repeat(2_000) });
    expect(read('x'.repeat(2_001))).toEqual({ code: 'PAYLOAD_TOO_LARGE' });
    // Two characters for each of these: the composed form is excluded from NFC.
    expect(read('\u0958'.repeat(2_000))).toEqual({ code: 'PAYLOAD_TOO_LARGE' });
  });

  test('of sixteen kilobytes of combining marks is not even composed', () => {
    expect(read('\u0301\u0323'.repeat(4_096))).toEqual({ code: 'PAYLOAD_TOO_LARGE' });
  });
});
