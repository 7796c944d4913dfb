import { Unprocessable } from '@jangada/hop/outcome.ts';
import { expect, test } from 'vitest';
import { eachOnce } from './batch.ts';

test('a batch of which one fails, and that comes again record by record, is done once', async () => {
  const each = eachOnce<{ readonly name: string }>();
  const worked: string[] = [];
  const work = async ({ name }: { readonly name: string }): Promise<void> => {
    worked.push(name);
    if (name === 'bad') throw new Unprocessable('UPSTREAM_UNAVAILABLE', 'nobody took it');
  };
  const batch = [{ name: 'one' }, { name: 'bad' }, { name: 'two' }];
  await expect(each(batch, work)).rejects.toThrow(Unprocessable);
  const alone = await Promise.allSettled(batch.map((record) => each([record], work)));
  expect(alone.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(worked).toEqual(['one', 'bad', 'two', 'bad']);
  await each([{ name: 'one' }], work);
  expect(worked.at(-1)).toBe('one');
});
