import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { groupCommit } from './group-commit.ts';

const committed = (gatherMs: number) => {
  const batches: number[][] = [];
  const store = Promise.withResolvers<void>();
  const add = groupCommit<number>(gatherMs, async (batch) => {
    batches.push([...batch]);
    await store.promise;
  });
  return { add, batches, stored: store.resolve };
};

test('what comes while it is gathered, or while another batch is stored, is one batch', async () => {
  const { add, batches, stored } = committed(40);
  add(1);
  await sleep(10);
  add(2);
  await vi.waitFor(() => expect(batches).toHaveLength(1));
  add(3);
  await sleep(60);
  add(4);
  stored();
  await vi.waitFor(() => expect(batches).toHaveLength(2));
  expect(batches).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test('a batch has an end', async () => {
  const { add, batches, stored } = committed(1);
  stored();
  for (let one = 0; one < 600; one++) add(one);
  await vi.waitFor(() => expect(batches.map(({ length }) => length)).toEqual([256, 256, 88]));
});
