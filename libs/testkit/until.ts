import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for a condition instead of for a time.
 * @throws Error naming what was waited for, after `limitMs`
 */
export const until = async <T>(
  what: string,
  condition: () => Promise<T> | T,
  limitMs = 15_000,
): Promise<NonNullable<T>> => {
  const limit = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() > limit) throw new Error(`waited ${limitMs} ms for ${what}`);
    await sleep(20);
  }
};
