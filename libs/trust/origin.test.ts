import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openOrigins } from './origin.ts';

const secretSet = () =>
  JSON.stringify({ keys: [{ kty: 'oct', kid: '1', k: randomBytes(32).toString('base64url') }] });
const keys = secretSet();
const origins = openOrigins(() => keys);
const call = { tenant: 'casa', id: 'run-1' };
const from = { userAgent: 'Firefox/150.0', ipAddress: '203.0.113.7', requestPath: '/v1/query' };

describe('from where somebody called', () => {
  test('is read by whoever holds the key, and by nobody else', () => {
    const sealed = origins.seal(call, from);
    expect(origins.open(call, sealed)).toEqual(from);
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toMatch(/Firefox|203\.0|query/);
    expect(() => openOrigins(() => secretSet()).open(call, sealed)).toThrow();
  });

  test.each([
    { ...call, tenant: 'outra' },
    { ...call, id: 'run-2' },
  ])('does not open as that of another call: %o', (other) => {
    expect(() => origins.open(other, origins.seal(call, from))).toThrow(
      expect.objectContaining({ code: 'CTX_PAYLOAD_MISMATCH' }),
    );
  });

  test('is bounded, and steers no terminal', () => {
    const wild = { ...from, userAgent: `\u001b[2J\u009b31m\r\nána${'x'.repeat(300)}` };
    const { userAgent } = origins.open(call, origins.seal(call, wild));
    expect(userAgent.slice(0, 14)).toBe('?[2J?31m???nax');
    expect(userAgent).toHaveLength(256);
  });
});
