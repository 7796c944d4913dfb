import { describe, expect, test } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

describe('a password', () => {
  test('verifies against its own hash, to the letter', async () => {
    const stored = await hashPassword('jangada no mar');
    expect(await verifyPassword('jangada no mar', stored)).toBe(true);
    expect(await verifyPassword('Jangada no mar', stored)).toBe(false);
    expect(await verifyPassword('jangada no mar ', stored)).toBe(false);
    expect(await verifyPassword('', stored)).toBe(false);
  });

  test('is never stored alike twice, and never in clear', async () => {
    const [first, second] = await Promise.all([hashPassword('senha'), hashPassword('senha')]);
    expect(first).not.toBe(second);
    expect(first).not.toContain('senha');
  });

  test('is stored with the parameters it was derived with: Argon2id, 19 MiB, 2 passes', async () => {
    expect(await hashPassword('senha')).toMatch(/^argon2id\$m=19456,t=2,p=1\$[\w-]{22}\$[\w-]{43}$/);
  });

  test('verifies under the parameters of the time it was stored', async () => {
    const { argon2Sync } = await import('node:crypto');
    const salt = Buffer.alloc(16, 7);
    const cost = { memory: 8_192, passes: 1, parallelism: 1 };
    const hash = argon2Sync('argon2id', { ...cost, message: 'antiga', nonce: salt, tagLength: 32 });
    const stored = `argon2id$m=8192,t=1,p=1$${salt.toString('base64url')}$${hash.toString('base64url')}`;
    expect(await verifyPassword('antiga', stored)).toBe(true);
    expect(await verifyPassword('antiga', stored.replace('t=1', 't=2'))).toBe(false);
  });

  test.each([
    '',
    'senha',
    '$2b$12$KIXQ0h6z1y2x3w4v5u6t7e',
    'argon2id$m=19456,t=2,p=1$$',
    'argon2i$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ])('does not verify against what is not a hash of ours: %j', async (stored) => {
    expect(await verifyPassword('senha', stored)).toBe(false);
  });
});
