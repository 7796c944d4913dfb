import { describe, expect, test } from 'vitest';
import { watchFrames } from './frames.ts';
import { openPulse, type Since } from './pulse.ts';

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

describe('a pulse', () => {
  const still: Since = { message: undefined, unread: undefined };
  const seconds = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => (from + at) * 1_000);
  /** What was due in which second. */
  const dues = (pulse: ReturnType<typeof openPulse>, from: number, to: number, since = still) =>
    seconds(from, to).flatMap((now) => {
      const due = pulse.due(now, since);
      return due ? [[due, now / 1_000] as const] : [];
    });

  test('asks for a sign of life every 16 to 20 s, and ends what gave none until the next', () => {
    const pulse = openPulse(0);
    pulse.signedIn(0, 3_600_000);
    let last = 0;
    for (const now of seconds(0, 600)) {
      if (pulse.due(now, still) !== 'ping') continue;
      expect(now - last).toBeGreaterThanOrEqual(16_000);
      expect(now - last).toBeLessThanOrEqual(21_000);
      last = now;
      pulse.pong();
    }
    const [ping, dead] = dues(pulse, 600, 642);
    expect([ping?.[0], dead?.[0]]).toEqual(['ping', 'dead']);
  });

  test('asks once for another token a minute before the present one ends, or in the middle of a short life', () => {
    const pulse = openPulse(0);
    const asked = (from: number, to: number) =>
      dues(pulse, from, to).filter(([due]) => due === 'reauth' || due === 'expired');
    pulse.signedIn(0, 600_000);
    expect(asked(0, 600)).toEqual([['reauth', 540]]);
    pulse.signedIn(590_000, 620_000);
    expect(asked(600, 622)).toEqual([
      ['reauth', 605],
      ['expired', 620],
      ['expired', 621],
    ]);
  });

  test('waits 5 s for somebody to sign in, 10 s for a message to end', () => {
    expect(dues(openPulse(0), 0, 7)).toEqual([['unsigned', 6]]);
    const pulse = openPulse(0);
    pulse.signedIn(0, 3_600_000);
    expect(dues(pulse, 0, 12, { ...still, message: 0 })[0]).toEqual(['stalled', 11]);
  });

  test('lets a client that reads nothing have its 30 s, though it answers no ping', () => {
    const pulse = openPulse(0);
    pulse.signedIn(0, 3_600_000);
    expect(dues(pulse, 0, 21).map(([due]) => due)).toEqual(['ping']);
    expect(dues(pulse, 21, 53, { ...still, unread: 21_000 })).toEqual([['unread', 52]]);
  });

  test('ends what gives no sign of life once there is nothing that it could read before the ping', () => {
    const pulse = openPulse(0);
    pulse.signedIn(0, 3_600_000);
    expect(dues(pulse, 0, 21).map(([due]) => due)).toEqual(['ping']);
    expect(dues(pulse, 21, 45, { ...still, unread: 21_000 })).toEqual([]);
    expect(dues(pulse, 45, 46)).toEqual([['dead', 45]]);
  });
});
