import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { givenCases, ownCases, readCases } from '../adversary/case.ts';
import { cross } from '../adversary/cross.ts';
import { expectedFailures } from '../adversary/expected-failures.ts';
import { type Ground, openGround } from '../adversary/ground.ts';
import { type Result, runCases } from '../adversary/run.ts';

/**
 * The attacks we know of, carried out against one running system, but for those that take long. `npm run adversary`
 * carries out all of them and shows a table.
 */

const given = readCases(givenCases());
if (!given) console.warn(`attacks of ${givenCases()} were NOT carried out: there is no such list`);
const cases = [...(readCases(ownCases) ?? []), ...(given ?? [])];

let ground: Ground;
let results: ReadonlyMap<string, Result>;

beforeAll(async () => {
  ground = await openGround();
  results = new Map((await runCases(cases, ground, { brief: true })).map((result) => [result.id, result]));
}, 400_000);
afterAll(() => ground?.[Symbol.asyncDispose]());

const told = (ids: readonly string[]): string[] =>
  ids.map((id) => `${id}: ${results.get(id)?.verdict}, ${results.get(id)?.observed}`);

test('two tenants: no name of one leads the other anywhere, and none is told apart from an unknown one', async () => {
  const { operations, foreign, hints, seed } = await cross(ground, { operations: 2_000 });
  expect({ foreign, hints }, `seed ${seed}`).toEqual({ foreign: 0, hints: [] });
  expect(operations).toBeGreaterThanOrEqual(2_000);
});

describe('the list of attacks', () => {
  test.skipIf(!given)('that is kept outside the repository is carried out too', () => {
    expect(given?.filter(({ id }) => !results.has(id))).toEqual([]);
  });

  test('finds a driver for each, or says why there is none', () => {
    expect(
      told([...results.values()].filter(({ verdict }) => verdict === 'no driver').map(({ id }) => id)),
    ).toEqual([]);
  });

  test('comes out as expected', () => {
    const failed = [...results.values()].filter(({ verdict }) => verdict === 'fail').map(({ id }) => id);
    expect(told(failed.filter((id) => !expectedFailures.has(id)))).toEqual([]);
  });

  test('holds no failure that is one no more', () => {
    const mended = [...expectedFailures.keys()].filter((id) => results.get(id)?.verdict === 'pass');
    expect(mended).toEqual([]);
  });
});
