import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { crowd } from './crowd.ts';

/** Answers when it is told to. */
const asking = () => {
  const rounds: { wanted: readonly string[]; answer: () => void; fail: () => void }[] = [];
  const one = crowd<string, string>(
    (wanted) =>
      new Promise((resolve, reject) =>
        rounds.push({
          wanted,
          answer: () => resolve(wanted.map((name) => name.toUpperCase())),
          fail: () => reject(new Error('away')),
        }),
      ),
  );
  return { rounds, one };
};

test('whoever comes while some are asked about is asked about with the next', async () => {
  const { rounds, one } = asking();
  const first = one('a');
  await turn();
  await turn();
  const others = ['b', 'c', 'b'].map(one);
  await turn();
  expect(rounds.map(({ wanted }) => wanted)).toEqual([['a']]);
  rounds[0]?.answer();
  expect(await first).toBe('A');
  await turn();
  await turn();
  expect(rounds[1]?.wanted).toEqual(['b', 'c', 'b']);
  rounds[1]?.answer();
  expect(await Promise.all(others)).toEqual(['B', 'C', 'B']);
});

test('an answer that is late is not waited for by others, and one that fails fails for its own', async () => {
  const { rounds, one } = asking();
  const first = one('a');
  await turn();
  await turn();
  const second = one('b');
  await expect.poll(() => rounds.length).toBe(2);
  rounds[0]?.fail();
  await expect(first).rejects.toThrow('away');
  rounds[1]?.answer();
  expect(await second).toBe('B');
});
