import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isSealed, openBodies, type Place } from './body.ts';

interface Key {
  readonly kid: string;
  readonly k?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
}
const setOf = (...keys: Key[]): string =>
  JSON.stringify({
    keys: keys.map((key) => ({ kty: 'oct', k: randomBytes(32).toString('base64url'), ...key })),
  });

const place: Place = {
  subject: 'run.understood.casa.run-1',
  tenant: 'casa',
  id: 'run-1',
  message: 'run.understood',
  version: '1',
  head: '{"intent":"appointments"}',
};
const text = JSON.stringify({ question: 'quem é Zuleide Canária?' });
const mismatch = expect.objectContaining({ code: 'CTX_PAYLOAD_MISMATCH' });
const one = setOf({ kid: '1' });
const bodies = openBodies(() => one);

describe('a sealed body', () => {
  test('opens where it was sealed, and holds nothing that can be read', () => {
    const sealed = bodies.seal(place, text);
    expect(bodies.open(place, sealed).toString()).toBe(text);
    expect(Buffer.from(sealed).toString('latin1')).not.toMatch(/Zuleide|question/);
    expect([sealed[0], isSealed(sealed)]).toEqual([1, true]);
    expect(sealed.length).toBe(Buffer.byteLength(text) + 31);
  });

  test('is never the same twice', () => {
    const sealed = Array.from({ length: 1_000 }, () => Buffer.from(bodies.seal(place, text)).toString('hex'));
    expect(new Set(sealed.map((hex) => hex.slice(6, 30))).size).toBe(1_000);
  });

  test.each<[string, Partial<Place>]>([
    ['run', { id: 'run-2', subject: 'run.understood.casa.run-2' }],
    ['run, where the subject names none', { id: 'run-2' }],
    ['tenant', { tenant: 'outra', subject: 'run.understood.outra.run-1' }],
    ['message', { message: 'run.permitted', subject: 'run.permitted.casa.run-1' }],
    ['version', { version: '2' }],
    ['head', { head: '{"intent":"billing"}' }],
  ])('does not open in the place of another %s', (_what, other) => {
    const sealed = bodies.seal(place, text);
    expect(() => bodies.open({ ...place, ...other }, sealed)).toThrow(mismatch);
  });

  test('does not open with any one byte changed', () => {
    const sealed = Buffer.from(bodies.seal(place, text));
    for (const at of sealed.keys()) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const code = at === 1 || at === 2 ? 'CRYPTO_KEY_RETIRED' : 'CTX_PAYLOAD_MISMATCH';
      expect(() => bodies.open(place, changed)).toThrow(expect.objectContaining({ code }));
    }
  });

  test('does not open cut short, drawn out, or in clear', () => {
    const sealed = Buffer.from(bodies.seal(place, text));
    const wrong = [sealed.subarray(0, -1), Buffer.concat([sealed, Buffer.alloc(1)]), sealed.subarray(0, 30)];
    for (const bytes of [...wrong, Buffer.from(text), Buffer.alloc(0)])
      expect(() => bodies.open(place, bytes)).toThrow(mismatch);
  });
});

describe('the keys of bodies', () => {
  const hour = 3_600_000;
  const at = (fromNow: number): string => new Date(Date.now() + fromNow).toISOString();
  const first = randomBytes(32).toString('base64url');
  const second = randomBytes(32).toString('base64url');

  test('are replaced while both ends run: the new one seals once its time has come, the old one still opens', () => {
    let file = setOf({ kid: '1', k: first });
    const reader = openBodies(() => file);
    const old = reader.seal(place, text);
    file = setOf({ kid: '1', k: first }, { kid: '2', k: second, notBefore: at(hour) });
    expect(reader.seal(place, text)[2]).toBe(1);
    file = setOf({ kid: '1', k: first }, { kid: '2', k: second, notBefore: at(-1) });
    const young = reader.seal(place, text);
    expect(young[2]).toBe(2);
    expect([old, young].map((sealed) => reader.open(place, sealed).toString())).toEqual([text, text]);
    file = setOf({ kid: '2', k: second });
    expect(() => reader.open(place, old)).toThrow(expect.objectContaining({ code: 'CRYPTO_KEY_RETIRED' }));
    expect(reader.open(place, young).toString()).toBe(text);
  });

  test('open nothing more when their time is over, and none that serves is an outage', () => {
    let file = setOf({ kid: '1', k: first });
    const reader = openBodies(() => file);
    const sealed = reader.seal(place, text);
    file = setOf({ kid: '1', k: first, notAfter: at(-1) });
    expect(() => reader.open(place, sealed)).toThrow(expect.objectContaining({ code: 'CRYPTO_KEY_RETIRED' }));
    expect(() => reader.seal(place, text)).toThrow(expect.objectContaining({ name: 'Unavailable' }));
  });

  test('stay as they are while their file is being written', () => {
    let file = setOf({ kid: '1', k: first });
    const reader = openBodies(() => file);
    const sealed = reader.seal(place, text);
    for (file of ['', '{"keys":', '{"keys":[]}', setOf({ kid: '1', k: 'short' })])
      expect(reader.open(place, sealed).toString()).toBe(text);
  });

  test('are refused at the start without a word of what they are', () => {
    const secret = randomBytes(31).toString('base64url');
    for (const wrong of [secret, setOf({ kid: '1', k: secret }), '{"keys":[{"kty":"RSA"}]}']) {
      expect(() => openBodies(() => wrong)).toThrow(/set of keys/);
      expect(() => openBodies(() => wrong)).not.toThrow(secret);
    }
  });
});
