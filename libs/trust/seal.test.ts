import { generateKeyPairSync } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Signer, signersOf } from './keyset.ts';
import { type FindKey, reader, sealer, UnknownKey } from './seal.ts';

/** A pair of keys as the settings hold them. */
const pair = (kid: string) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [signer] = signersOf(JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), kid }] }));
  if (!signer) throw new Error('no key was read');
  return { kid, signer, publicKey };
};
type Pair = ReturnType<typeof pair>;
const ringOf =
  (...keys: Pair[]): FindKey =>
  (kid) =>
    keys.find((key) => key.kid === kid)?.publicKey;

const shape = z.object({ sub: z.string(), exp: z.number() });
const claims = { sub: 'user-1', exp: 1_000 };
const ours = pair('2026-11');
const read = reader(ringOf(ours), shape);
const refused = expect.objectContaining({ code: 'CTX_INVALID' });

const seal = (signer: Signer, said: object): Promise<string> => sealer(() => signer)(said);

/** The statement with other claims under the seal it had. */
const altered = (statement: string, own: object): string => {
  const [payload = '', ...rest] = statement.split('.');
  const said = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return [Buffer.from(JSON.stringify({ ...said, ...own })).toString('base64url'), ...rest].join('.');
};

/** Statements that were sealed in one turn of the event loop, so under one signature where they fit. */
const together = (count: number): Promise<string[]> => {
  const sealTogether = sealer(() => ours.signer);
  return Promise.all(
    Array.from({ length: count }, (_, index) => sealTogether({ ...claims, sub: `user-${index}` })),
  );
};
const signatureOf = (statement: string) => statement.split('.')[2];

describe('a signed statement', () => {
  test('is read back as it was signed, without what signing added', async () => {
    expect(read(await seal(ours.signer, claims))).toEqual(claims);
  });

  test('is refused when somebody else signed it in our name', async () => {
    const forged = await seal({ ...pair('other').signer, kid: ours.signer.kid }, claims);
    expect(() => read(forged)).toThrow(refused);
  });

  test.each([
    ['another person', { sub: 'user-2' }],
    ['a later expiry', { exp: 2_000 }],
    ['another key id', { kid: 'other' }],
    ['another version', { v: 2 }],
    ['one claim more', { role: 'admin' }],
  ])('is refused when it was altered to %s', async (_what, own) => {
    const statement = altered(await seal(ours.signer, claims), own);
    expect(() => read(statement)).toThrow(refused);
  });

  test('is refused with any one bit of its signature flipped', async () => {
    const [payload, path, signature = ''] = (await seal(ours.signer, claims)).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    expect(bytes).toHaveLength(64);
    for (const place of bytes.keys()) {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ 1;
      expect(() => read(`${payload}.${path}.${flipped.toString('base64url')}`)).toThrow(refused);
    }
  });

  test('is refused under a key id that is not in the ring', async () => {
    const statement = await seal(pair('unknown').signer, claims);
    expect(() => read(statement)).toThrow(refused);
  });

  test.each(['', '.', '..', 'a', 'a.b', 'a.b.c', 'bm90IGpzb24.0-.c2ln', 'bnVsbA.0-.c2ln', 'e30.-1-.c2ln'])(
    'is refused when it is none: %j',
    (statement) => {
      expect(() => read(statement)).toThrow(refused);
    },
  );

  test('is refused when it is well signed and says something else', async () => {
    const other = await seal(ours.signer, { sub: 'user-1' });
    expect(() => read(other)).toThrow(new Unprocessable('CTX_INVALID', 'signed statement has a wrong shape'));
  });

  test('tells nothing of its content when it is refused', async () => {
    const wrong = altered(await seal(ours.signer, { ...claims, sub: 'ana@example.org' }), { exp: 'x' });
    expect(() => read(wrong)).toThrow(expect.objectContaining({ message: 'signature does not verify' }));
  });
});

describe('statements that were sealed together', () => {
  test.each([1, 2, 3, 5, 63, 64, 65, 200])('are each read as they were signed, %i of them', async (count) => {
    const statements = await together(count);
    const fresh = reader(ringOf(ours), shape);
    expect(statements.map((statement) => fresh(statement).sub)).toEqual(
      Array.from({ length: count }, (_, index) => `user-${index}`),
    );
    expect(new Set(statements.map(signatureOf)).size).toBe(Math.ceil(count / 64));
  });

  test('do not vouch for one that was not among them', async () => {
    const statements = await together(8);
    for (const statement of statements) {
      read(statement);
      expect(() => read(altered(statement, { sub: 'user-99' }))).toThrow(refused);
    }
  });

  test('do not lend each other their place', async () => {
    const [first = '', second = ''] = await together(8);
    const [payload] = first.split('.');
    expect(() => read([payload, ...second.split('.').slice(1)].join('.'))).toThrow(refused);
  });

  test('are refused when their path is altered, shortened, lengthened or moved', async () => {
    const [statement = ''] = await together(8);
    const [payload, path = '', signature] = statement.split('.');
    const [index, hashes = ''] = path.split('-', 2);
    const bytes = Buffer.from(path.slice(path.indexOf('-') + 1), 'base64url');
    expect([index, bytes.length]).toEqual(['0', 3 * 32]);
    expect(hashes).not.toBe('');
    const flipped = Buffer.from(bytes);
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    const paths: [string, Buffer][] = [
      ['0', flipped],
      ['0', bytes.subarray(0, 64)],
      ['0', Buffer.concat([bytes, bytes.subarray(0, 32)])],
      ['0', bytes.subarray(0, 95)],
      ['1', bytes],
      ['8', bytes],
    ];
    for (const [place, siblings] of paths)
      expect(() => read(`${payload}.${place}-${siblings.toString('base64url')}.${signature}`)).toThrow(
        refused,
      );
  });

  test('cannot be replaced by what is inside their tree: a node is no statement', async () => {
    const [statement = ''] = await together(2);
    const [, path = '', signature] = statement.split('.');
    // The sibling's hash as a payload of its own, one level up.
    expect(() => read(`${path.slice(path.indexOf('-') + 1)}.0-.${signature}`)).toThrow(refused);
  });
});

describe('what was verified before', () => {
  test('is not verified again, and its expiry is still for the caller to check', async () => {
    const statement = await seal(ours.signer, { ...claims, exp: 0 });
    const first = read(statement);
    expect(read(statement)).toBe(first);
    expect(first.exp).toBe(0);
  });

  test('does not vouch for a statement that differs in its signature only', async () => {
    const [payload, path] = (await seal(ours.signer, claims)).split('.');
    expect(() => read(`${payload}.${path}.${'A'.repeat(86)}`)).toThrow(refused);
  });

  test('does not vouch for another key id under the same signature', async () => {
    const next = pair('2026-12');
    const both = reader(ringOf(ours, next), shape);
    const statement = await seal(ours.signer, claims);
    both(statement);
    expect(() => both(altered(statement, { kid: '2026-12' }))).toThrow(refused);
  });
});

describe('keys', () => {
  test('overlap while one is replaced by the next', async () => {
    const next = pair('2026-12');
    const [old, young] = [await seal(ours.signer, claims), await seal(next.signer, claims)];
    const both = reader(ringOf(ours, next), shape);
    expect([both(old), both(young)]).toEqual([claims, claims]);
    const after = reader(ringOf(next), shape);
    expect(() => after(old)).toThrow(refused);
  });

  test('that serve no more take with them what was verified with them', async () => {
    const serving = new Set(['2026-11']);
    const readNow = reader((kid) => (serving.has(kid) ? ringOf(ours)(kid) : undefined), shape);
    const statement = await seal(ours.signer, claims);
    expect(readNow(statement)).toEqual(claims);
    serving.clear();
    expect(() => readNow(statement)).toThrow(UnknownKey);
    serving.add('2026-11');
    expect(readNow(statement)).toEqual(claims);
  });

  test('of the same id do not vouch for what another key of that id signed', async () => {
    const twin = pair('2026-11');
    let now = ours;
    const readNow = reader((kid) => ringOf(now)(kid), shape);
    const statement = await seal(ours.signer, claims);
    readNow(statement);
    now = twin;
    expect(() => readNow(statement)).toThrow(refused);
  });

  test('that change between two statements of one turn sign each their own', async () => {
    const next = pair('2026-12');
    let now = ours.signer;
    const sealNow = sealer(() => now);
    const first = [sealNow(claims), sealNow(claims)];
    now = next.signer;
    const second = sealNow(claims);
    const statements = await Promise.all([...first, second]);
    const both = reader(ringOf(ours, next), shape);
    expect(statements.map(both)).toEqual([claims, claims, claims]);
    expect(statements.map((statement) => kidOf(statement))).toEqual(['2026-11', '2026-11', '2026-12']);
  });
});

const kidOf = (statement: string): string =>
  (JSON.parse(Buffer.from(statement.split('.')[0] ?? '', 'base64url').toString()) as Pick<Signer, 'kid'>).kid;
