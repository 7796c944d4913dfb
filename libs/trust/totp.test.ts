import { describe, expect, test } from 'vitest';
import { newTotpSecret, totpAt, totpStep, totpUri } from './totp.ts';

// The SHA-1 secret and values of RFC 6238, appendix B, cut to six digits.
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('a one-time code', () => {
  test.each([
    [59_000, '287082'],
    [1_111_111_109_000, '081804'],
    [20_000_000_000_000, '353130'],
  ])('at %d is what the standard says', (at, code) => {
    expect(totpAt(secret, at)).toBe(code);
  });

  test('belongs to one step, and is known within the step before and after', () => {
    const code = totpAt(secret, 59_000);
    expect(
      [0, 29_999, 30_000, 59_999, 60_000, 89_999, 90_000].map((at) => totpStep(secret, code, at)),
    ).toEqual([1, 1, 1, 1, 1, 1, undefined]);
  });

  test.each(['', '28708', '2870822', '28708a', '２８７０８２', ' 287082'])('is not %j', (code) => {
    expect(totpStep(secret, code, 59_000)).toBeUndefined();
  });

  test('comes from a secret that apps can scan, and no two are alike', () => {
    const [one, other] = [newTotpSecret(), newTotpSecret()];
    expect(one).toMatch(/^[A-Z2-7]{32}$/);
    expect(one).not.toBe(other);
    expect(totpUri(one, 'ana@casa.example')).toBe(
      `otpauth://totp/Jangada:ana%40casa.example?secret=${one}&issuer=Jangada`,
    );
  });
});
