import { describe, expect, test } from 'vitest';
import { watchFrames } from './frames.ts';

/** A masked frame as a client sends it. */
const frame = (opcode: number, length: number, fin = true): Buffer => {
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 0xff]
        : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  const [first = 0, ...rest] = size;
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | first, ...rest, 1, 2, 3, 4]),
    Buffer.alloc(length, 0x81),
  ]);
};
const watching = () => {
  const clock = { now: 1 };
  return { clock, ...watchFrames(() => clock.now) };
};

describe('a frame watch', () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 200_000])(
    'is at rest after whole messages of %i bytes, in whatever pieces they come',
    (length) => {
      const bytes = Buffer.concat([frame(1, length), frame(9, 0), frame(2, length)]);
      for (const piece of [bytes.length, 7, 1]) {
        const watch = watching();
        for (let at = 0; at < bytes.length; at += piece) watch.read(bytes.subarray(at, at + piece));
        expect(watch.unfinishedSince()).toBeUndefined();
      }
    },
  );

  test('knows since when something is unfinished, from its first byte on', () => {
    const bytes = frame(1, 300);
    const watch = watching();
    watch.clock.now = 5;
    watch.read(bytes.subarray(0, 1));
    watch.clock.now = 9;
    watch.read(bytes.subarray(1, -1));
    expect(watch.unfinishedSince()).toBe(5);
    watch.read(bytes.subarray(-1));
    expect(watch.unfinishedSince()).toBeUndefined();
  });

  test('is not deceived by pings between the fragments of a message', () => {
    const watch = watching();
    watch.read(frame(1, 3, false));
    for (watch.clock.now = 2; watch.clock.now < 9; watch.clock.now++)
      watch.read(Buffer.concat([frame(9, 2), frame(0, 1, false)]));
    expect(watch.unfinishedSince()).toBe(1);
    watch.read(frame(0, 1));
    expect(watch.unfinishedSince()).toBeUndefined();
  });
});
