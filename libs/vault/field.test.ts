import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { blindIndex } from './blind.ts';
import { headOf, openField, type Place, sealField } from './field.ts';
import { localRoot } from './local.ts';

const key = { version: 3, tenantKeyVersion: 2, key: randomBytes(32) };
const place: Place = { tenant: 'casa', table: 'people', column: 'email', row: 'r1', subject: 'p1' };
const text = 'ana@casa.example';
const sealed = sealField(key, place, text);
const opening =
  (bytes: Buffer, at: Place = place, by = key.key) =>
  () =>
    openField(by, at, bytes);
const refusal = (code: string) => expect.objectContaining({ code });

describe('a sealed field', () => {
  test.each(['', 'a', text, 'ç'.repeat(300), 'fifteen letters'])('opens to what was sealed: %j', (value) => {
    expect(openField(key.key, place, sealField(key, place, value))).toBe(value);
  });

  test('is version, key versions, iv, ciphertext and tag, and holds no clear text', () => {
    expect(sealed.subarray(0, 5).toString('hex')).toBe('0100020003');
    expect(headOf(sealed)).toEqual({ tenantKeyVersion: 2, version: 3 });
    expect(sealed.length).toBe(5 + 12 + 32 + 16);
    expect(sealed.includes('ana')).toBe(false);
  });

  test('is another one each time, and as long as any of about its length', () => {
    expect(sealField(key, place, text).equals(sealed)).toBe(false);
    expect(sealField(key, place, 'x').length).toBe(sealField(key, place, 'twelve chars').length);
  });

  test('does not open with any one bit changed', () => {
    const outcomes = new Set<string>();
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        openField(key.key, place, changed);
        outcomes.add('opened');
      } catch (error) {
        outcomes.add((error as { code: string }).code);
      }
    }
    expect([...outcomes].sort()).toEqual(['CRYPTO_AAD', 'CRYPTO_FORMAT']);
  });

  test.each(Object.keys(place) as (keyof Place)[])('does not open at another %s', (part) => {
    expect(opening(sealed, { ...place, [part]: 'other' })).toThrow(refusal('CRYPTO_AAD'));
  });

  test('does not open where two parts of its place are joined otherwise', () => {
    expect(opening(sealed, { ...place, row: 'r1","p', subject: '1' })).toThrow(refusal('CRYPTO_AAD'));
  });

  test('does not open with another key', () => {
    expect(opening(sealed, place, randomBytes(32))).toThrow(refusal('CRYPTO_AAD'));
  });

  test.each([
    ['another version byte', Buffer.concat([Buffer.from([0xff]), sealed.subarray(1)])],
    ['a tag of 4 bytes', sealed.subarray(0, -12)],
    ['clear text', Buffer.from('a clear text that is as long as a sealed field would be')],
    ['nothing', Buffer.alloc(0)],
  ])('is refused as no field with %s', (_, bytes) => {
    expect(opening(bytes)).toThrow(refusal('CRYPTO_FORMAT'));
  });
});

describe('a blind index', () => {
  const indexKey = { key: randomBytes(32), version: 1 };
  const at = { tenant: 'casa', table: 'people', column: 'phone' };
  const hex = (value: string, own: object = {}, kind: 'cpf' | 'email' | 'phone' = 'phone') =>
    blindIndex(indexKey, { ...at, ...own }, kind, value)?.toString('hex');

  test('is the same however a value is written', () => {
    expect(hex('+55 11 98765-4321')).toBe(hex('(11) 98765-4321'));
    expect(hex('529.982.247-25', {}, 'cpf')).toBe(hex('52998224725', {}, 'cpf'));
    expect(hex(' Ana@Casa.example', {}, 'email')).toBe(hex('ana@casa.example', {}, 'email'));
    expect(hex('ａna@casa.example', {}, 'email')).toBe(hex('ana@casa.example', {}, 'email'));
  });

  test.each(['tenant', 'table', 'column'])('is another for another %s', (part) => {
    expect(hex('11 98765-4321', { [part]: 'other' })).not.toBe(hex('11 98765-4321'));
  });

  test('is its version and 16 bytes, and nothing for what holds nothing', () => {
    expect(hex('11 98765-4321')).toMatch(/^0001[0-9a-f]{32}$/);
    expect(hex('none')).toBeUndefined();
  });
});

describe('a local root', () => {
  const root = localRoot(key.key, []);

  test('has a name that holds nothing of the key', async () => {
    const name = (await root.current()).slice('local:'.length);
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const)
      for (let at = 0; at + 8 <= name.length; at++)
        expect(key.key.toString(encoding)).not.toContain(name.slice(at, at + 8));
  });

  test('unwraps what an accepted one wrapped, and nothing of one that is not given', async () => {
    const wrapped = await root.wrap(Buffer.alloc(32, 7), 'purpose');
    const next = localRoot(randomBytes(32), [key.key]);
    expect(await next.unwrap(wrapped, 'purpose')).toEqual(Buffer.alloc(32, 7));
    await expect(localRoot(randomBytes(32), []).unwrap(wrapped, 'purpose')).rejects.toThrow(
      refusal('CRYPTO_KEY_RETIRED'),
    );
    await expect(root.unwrap(wrapped, 'another purpose')).rejects.toThrow(refusal('CRYPTO_AAD'));
  });
});
