import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicKeysOf, secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import { ringClaimsOf } from '@jangada/trust/ring.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeys } from './keys.ts';
import { fileOf, givenRing, kindNames, nextRing, readSet, retired, rotated, writeSet } from './keysets.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'jangada-keysets-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const path = () => join(dir, 'keys.json');
const hour = 3_600_000;

describe('the keys of a local system', () => {
  test('are made once, each in a file that only its owner reads', () => {
    const first = openKeys(path(), ['edge']);
    const again = openKeys(path(), ['edge', 'intent']);
    for (const kind of kindNames) expect(again.setOf(kind)).toBe(first.setOf(kind));
    expect([again.broker['edge'], again.keyRingRoot]).toEqual([first.broker['edge'], first.keyRingRoot]);
    for (const file of [path(), ...[...kindNames, 'root' as const].map((name) => fileOf(first.folder, name))])
      expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('of an earlier release serve on', () => {
    const old = openKeys(path(), ['edge']);
    const jwkOf = (kind: 'pass' | 'grant' | 'token') => JSON.stringify(readSet(old.folder, kind)[0]);
    const secret = secretFrom(() => old.setOf('database-grant'))().secret;
    const earlier = {
      broker: old.broker,
      encryptionKey: old.encryptionKey,
      passPrivateKey: jwkOf('pass'),
      passPublicKeys: '{}',
      grantPrivateKey: jwkOf('grant'),
      tokenPrivateKey: jwkOf('token'),
      grantDatabaseKey: secret.toString('base64'),
    };
    rmSync(old.folder, { recursive: true });
    writeFileSync(path(), JSON.stringify(earlier));
    const keys = openKeys(path(), ['edge']);
    expect(signerFrom(() => keys.setOf('pass'))().kid).toBe(JSON.parse(earlier.passPrivateKey).kid);
    expect(secretFrom(() => keys.setOf('database-grant'))().secret).toEqual(secret);
    expect([keys.broker, keys.encryptionKey]).toEqual([earlier.broker, earlier.encryptionKey]);
    expect(readFileSync(path(), 'utf8')).not.toContain('PrivateKey');
  });
});

describe('the ring that follows', () => {
  test('says every public key and no private one, and nothing when there is nothing new', () => {
    const { folder, keyRingRoot } = openKeys(path(), []);
    const first = nextRing(folder)(undefined) ?? '';
    const claims = ringClaimsOf(publicKeysOf(keyRingRoot), first);
    expect(claims?.epoch).toBe(1);
    expect(claims?.keys.map(({ use }) => use)).toEqual(['pass', 'grant', 'token']);
    expect(Object.keys(claims?.keys[0] ?? {}).sort()).toEqual(['kid', 'notAfter', 'notBefore', 'use', 'x']);
    expect(nextRing(folder)(first)).toBeUndefined();
    writeSet(folder, 'pass', rotated('pass', readSet(folder, 'pass'), { leadMs: 0, overlapMs: hour }));
    const second = nextRing(folder)(first) ?? '';
    expect(ringClaimsOf(publicKeysOf(keyRingRoot), second)).toMatchObject({ epoch: 2 });
    expect([givenRing(first)(second), givenRing(second)(first)]).toEqual([undefined, second]);
  });
});

describe('a rotation', () => {
  const now = Date.now();
  const inMs = (ms: number): string => new Date(now + ms).toISOString();
  const after = { leadMs: 60_000, overlapMs: hour };

  test('adds a key that begins later, and ends the others after the overlap', () => {
    const { folder } = openKeys(path(), []);
    for (const kind of kindNames) {
      const known = readSet(folder, kind);
      const planned = rotated(kind, known, after, now);
      expect(planned).toHaveLength(2);
      expect(planned[0]).toEqual({ ...known[0], notAfter: inMs(60_000 + hour) });
      expect(planned[1]).toMatchObject({ notBefore: inMs(60_000) });
      expect(new Set(planned.map(({ kid }) => kid)).size).toBe(2);
    }
    expect(rotated('message', readSet(folder, 'message'), after, now).map(({ kid }) => kid)).toEqual([
      '1',
      '2',
    ]);
  });

  test('retires an old key only when nothing of it can be met any more, unless it is forced', () => {
    const { folder } = openKeys(path(), []);
    const planned = rotated('pass', readSet(folder, 'pass'), after, now);
    const kids = (at: number, force = false) => retired('pass', planned, { now: at, force }).length;
    expect(kids(now)).toBe(2);
    expect(kids(now, true)).toBe(2);
    expect(kids(now + 60_000 + 59_000)).toBe(2);
    expect(kids(now + 60_000 + 59_000, true)).toBe(1);
    expect(kids(now + 60_000 + 60_000)).toBe(1);
  });
});
