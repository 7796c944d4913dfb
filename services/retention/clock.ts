import { Unprocessable } from '@jangada/hop/outcome.ts';
import { type Store, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import type { Tick } from './handler.ts';

/** Clocks that differ by more are not believed. */
const skewMaxMs = 5_000;

/**
 * What is due follows from the time, so nothing is removed while clocks disagree: this process's and the database's, and the
 * broker's, whose tick cannot be from what is yet to come.
 * @throws Unprocessable CLOCK_SKEW
 */
export const assertClocks = async (
  store: Pick<Store, 'read'>,
  { tenant, at }: Pick<Tick, 'tenant' | 'at'>,
  now: () => number = Date.now,
): Promise<void> => {
  const asked = now();
  const [row] = await store.read({ tenant }, written(sql<{ now: string }>`select clock_timestamp() as now`));
  const answered = now();
  const there = Date.parse(row?.now ?? '');
  const skewMs = Math.max(asked - there, there - answered, at.getTime() - there);
  if (!(skewMs <= skewMaxMs)) throw new Unprocessable('CLOCK_SKEW', 'clocks differ by more than 5 s');
};
