import { setTimeout as sleep } from 'node:timers/promises';

/** How long texts are gathered for one request, and how many go in one at most. */
const gatherMs = 10;
const most = 64;

interface Waiting<V> {
  readonly text: string;
  readonly waitsMs: number;
  readonly done: (value: V) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Asks for what belongs to each text, many of them in one request: those that are asked for at nearly the same time go
 * together, and fail together unless what failed is of one of them. `send` gives one value for each text, in order, and is
 * told for how many ms anybody waits.
 */
export const gathered = <V>(
  send: (texts: readonly string[], waitsMs: number) => Promise<readonly V[]>,
  /** Whether a text was refused: then each is asked for alone, so that it takes nobody along. */
  isOfText: (error: unknown) => boolean,
): ((text: string, waitsMs: number) => Promise<V>) => {
  let waiting: Waiting<V>[] = [];
  const ask = async (some: readonly Waiting<V>[]): Promise<void> => {
    try {
      const texts = some.map(({ text }) => text);
      const values = await send(texts, Math.max(...some.map(({ waitsMs }) => waitsMs)));
      for (const [at, value] of values.entries()) some[at]?.done(value);
    } catch (error) {
      if (some.length > 1 && isOfText(error)) for (const one of some) void ask([one]);
      else for (const { failed } of some) failed(error);
    }
  };
  const go = async (): Promise<void> => {
    await sleep(gatherMs);
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += most) void ask(all.slice(from, from + most));
  };
  return (text, waitsMs) =>
    new Promise((done, failed) => {
      if (waiting.length === 0) void go();
      waiting.push({ text, waitsMs, done, failed });
    });
};
