import { setTimeout as sleep } from 'node:timers/promises';

/** How long texts are gathered for one request, and how many go in one at most. */
const gatherMs = 10;
const most = 64;

interface Waiting<V> {
  readonly text: string;
  readonly done: (value: V) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Asks for what belongs to each text, many of them in one request: those that are asked for at nearly the same time go
 * together, and fail together. `send` gives one value for each text, in order.
 */
export const gathered = <V>(
  send: (texts: readonly string[]) => Promise<readonly V[]>,
): ((text: string) => Promise<V>) => {
  let waiting: Waiting<V>[] = [];
  const go = async (): Promise<void> => {
    await sleep(gatherMs);
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += most) {
      const some = all.slice(from, from + most);
      send(some.map(({ text }) => text)).then(
        (values) => {
          for (const [at, value] of values.entries()) some[at]?.done(value);
        },
        (error: unknown) => {
          for (const { failed } of some) failed(error);
        },
      );
    }
  };
  return (text) =>
    new Promise((done, failed) => {
      if (waiting.length === 0) void go();
      waiting.push({ text, done, failed });
    });
};
