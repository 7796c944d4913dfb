import { setTimeout as sleep } from 'node:timers/promises';

/** Rows seen to in one transaction at first, and at most. */
const most = 1_000;
const least = 100;

/** One transaction is to take no longer, so that no question waits longer for what it has locked or the disk that it writes to. */
const aimMs = 50;

/** How many times as long as it worked it then rests: who asks questions meanwhile has the database to themselves most of the time. */
const rests = 2;

/**
 * Works through what there is, so many rows at a time as take about as long as they may. It is over when fewer are seen than
 * were asked for.
 */
export const paced = async (signal: AbortSignal, work: (rows: number) => Promise<number>): Promise<void> => {
  for (let rows = most; ; ) {
    signal.throwIfAborted();
    const began = performance.now();
    const seen = await work(rows);
    if (seen < rows) return;
    const tookMs = performance.now() - began;
    await sleep(rests * tookMs, undefined, { signal });
    rows = Math.round(Math.min(most, Math.max(least, (rows * aimMs) / tookMs)));
  }
};
