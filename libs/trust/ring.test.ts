import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { publicKeysOf } from './keyset.ts';
import { openRing, type RingClaims, ringClaimsOf, signRing, type Use } from './ring.ts';

const rootOf = (kid: string) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const text = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] });
  return { text, sign: (ring: RingClaims) => signRing({ kid, key: privateKey }, ring) };
};
const root = rootOf('root');

const at = (fromNow: number): string => new Date(Date.now() + fromNow).toISOString();
const hour = 3_600_000;
const keyOf = (kid: string, own: Partial<RingClaims['keys'][number]> = {}): RingClaims['keys'][number] => {
  const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return { use: 'pass', kid, x, notBefore: at(-hour), notAfter: at(hour), ...own };
};
const opened = (...keys: RingClaims['keys']) => {
  const ring = openRing(root.text);
  ring.offer(root.sign({ epoch: 1, keys }));
  return ring;
};

describe('a key ring', () => {
  test('is empty, and of no epoch, until one is believed', () => {
    const ring = openRing(root.text);
    expect([ring.epoch(), ring.finder('pass')('a'), ring.keysOf('pass')]).toEqual([0, undefined, []]);
  });

  test('gives the keys of one use, while they serve', () => {
    const ring = opened(
      keyOf('now'),
      keyOf('ended', { notAfter: at(-1) }),
      keyOf('next', { notBefore: at(hour) }),
      keyOf('other', { use: 'grant' }),
    );
    const found = (use: Use) => ['now', 'ended', 'next', 'other', 'none'].filter(ring.finder(use));
    expect([found('pass'), found('grant'), found('token')]).toEqual([['now'], ['other'], []]);
    expect(ring.keysOf('pass').map(({ kid }) => kid)).toEqual(['now', 'next']);
  });

  test('is believed from its root alone', () => {
    const ring = openRing(root.text);
    const good = root.sign({ epoch: 1, keys: [keyOf('a')] });
    const [payload = '', kid = '', signature = ''] = good.split('.');
    const wider = Buffer.from(JSON.stringify({ v: 1, epoch: 1, keys: [keyOf('b')] })).toString('base64url');
    for (const wrong of [
      rootOf('root').sign({ epoch: 1, keys: [keyOf('b')] }),
      rootOf('other').sign({ epoch: 1, keys: [keyOf('b')] }),
      [wider, kid, signature].join('.'),
      [payload, kid, ''].join('.'),
      payload,
      '',
    ])
      expect(ring.offer(wrong)).toBe(false);
    expect(ring.epoch()).toBe(0);
    expect(ring.offer(good)).toBe(true);
  });

  test('goes forward only', () => {
    const ring = openRing(root.text);
    const [first, second] = [1, 2].map((epoch) => root.sign({ epoch, keys: [keyOf(`of-${epoch}`)] }));
    expect([second, first, second].map((statement) => ring.offer(statement ?? ''))).toEqual([
      true,
      false,
      false,
    ]);
    expect(ring.keysOf('pass').map(({ kid }) => kid)).toEqual(['of-2']);
    expect(ring.offer(root.sign({ epoch: 2, keys: [keyOf('again')] }))).toBe(false);
  });

  test('keeps what it knows of a key that stays, and drops one that goes', () => {
    const [stays, goes] = [keyOf('stays'), keyOf('goes')];
    const ring = opened(stays, goes);
    const before = ring.finder('pass')('stays');
    ring.offer(root.sign({ epoch: 2, keys: [stays, keyOf('new')] }));
    expect(ring.finder('pass')('stays')).toBe(before);
    expect(ring.finder('pass')('goes')).toBeUndefined();
  });

  test('says how old the keys are whose statements are met', () => {
    const met: string[] = [];
    const ring = openRing(root.text, (use, age) => met.push(`${use} ${age}`));
    const [old, young] = [keyOf('old', { notBefore: at(-2 * hour) }), keyOf('young')];
    ring.offer(root.sign({ epoch: 1, keys: [young, old, keyOf('next', { notBefore: at(hour) })] }));
    for (const kid of ['old', 'young', 'next', 'none']) ring.finder('pass')(kid);
    expect(met).toEqual(['pass previous', 'pass current']);
  });

  test('of a root whose time is over is not read', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'old', notAfter: at(-1) };
    const statement = signRing({ kid: 'old', key: privateKey }, { epoch: 1, keys: [] });
    expect(ringClaimsOf(publicKeysOf(JSON.stringify({ keys: [jwk] })), statement)).toBeUndefined();
  });
});
