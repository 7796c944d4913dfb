import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detailsOf, detailsVersion } from './booking.ts';
import { messages } from './catalogue.ts';

// Golden samples are never edited, only added: an old message in a stream must still be understood. One that has been
// there is `<name>.<version>`; a shape that came later says which it is behind the version.
const folder = join(import.meta.dirname, 'samples');
const samples = readdirSync(folder).map((file) => {
  const [, name, version] = /^(.+)\.(\d+)(?:-[a-z]+)?\.json$/.exec(file) ?? [];
  return { file, name, version: Number(version) };
});

describe('golden samples', () => {
  test.each(samples)('$file still parses, and loses nothing', ({ file, name }) => {
    const message = messages.find((one) => one.name === name);
    const sample: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    expect(message?.body.parse(sample)).toEqual(sample);
  });

  test.each(messages)('$name has a sample of its version', ({ name, version }) => {
    expect(samples).toContainEqual({ file: `${name}.${version}.json`, name, version });
  });

  test('a name is used once', () => {
    expect(new Set(messages.map((message) => message.name)).size).toBe(messages.length);
  });
});

describe('details of a booking', () => {
  const golden = (version: number): unknown =>
    JSON.parse(readFileSync(join(import.meta.dirname, `golden/details.${version}.json`), 'utf8'));

  test('of version 1 are read as what they mean today', () => {
    const { roomId: _room, ...today } = detailsOf(detailsVersion, golden(detailsVersion));
    expect(detailsOf(1, golden(1))).toEqual(today);
  });

  test('of this version lose nothing', () => {
    expect(detailsOf(detailsVersion, golden(detailsVersion))).toEqual(golden(detailsVersion));
  });

  test('of a later release are not guessed at', () => {
    expect(() => detailsOf(detailsVersion + 1, golden(detailsVersion))).toThrow(TypeError);
  });
});
