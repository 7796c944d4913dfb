import { setTimeout as sleep } from 'node:timers/promises';

/** Rows seen to at once: at first and at least, and at most. */
const least = 100;
const most = 1_000;

/**
 * One transaction is to take no longer: what it has locked, and the processor that it runs on, are free again before anybody who asks
 * a question notices.
 */
const aimMs = 10;

/** How many times as long as it worked it then rests: who asks questions meanwhile has the database to themselves most of the time. */
const rests = 2;

/**
 * Works through what there is, so many rows at a time as take about as long as they may. Where others are at work it is slower, so it
 * takes fewer rows and rests longer. It is over when fewer are seen than were asked for.
 */
export const paced = async (signal: AbortSignal, work: (rows: number) => Promise<number>): Promise<void> => {
  for (let rows = least; ; ) {
    signal.throwIfAborted();
    const began = performance.now();
    const seen = await work(rows);
    if (seen < rows) return;
    const tookMs = performance.now() - began;
    await sleep(rests * tookMs, undefined, { signal });
    rows = Math.round(Math.min(most, Math.max(least, (rows * aimMs) / tookMs)));
  }
};
