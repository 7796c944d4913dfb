import { setTimeout as sleep } from 'node:timers/promises';
import type { AttackCase } from './case.ts';
import { type Driver, driverFor, NotBuilt, type Observed } from './driver.ts';
import { drivers } from './drivers.ts';
import { type Effects, watch } from './effects.ts';
import { elsewhere } from './elsewhere.ts';
import type { Ground } from './ground.ts';
import { judge } from './judge.ts';

/** How an attack ended, as it stands in the table. */
export interface Result {
  readonly id: string;
  readonly area: string;
  readonly attack: string;
  readonly verdict: 'pass' | 'fail' | 'later' | 'elsewhere' | 'not applicable' | 'no driver';
  readonly expected: string;
  readonly observed: string;
  /** Fields of `expected` that nobody looked at. */
  readonly informative: readonly string[];
  readonly ms: number;
}

const expectation = ({ expected: { outcome, code, close } }: AttackCase): string =>
  [outcome, code, close].filter(Boolean).join(' ');

/** Measured only for what runs alone. */
const unwatched: Effects = {
  queries: async () => 0,
  queriesOn: async () => 0,
  reads: async () => 0,
  admitted: async () => 0,
  stored: async () => [],
  entries: async () => [],
  logged: () => '',
  spans: () => '',
  noticedBy: async () => 0,
};

/** One attack, and all the cases that it is. */
interface Attempt {
  readonly driver: Driver;
  readonly cases: readonly [AttackCase, ...AttackCase[]];
}

/** A driver does the same for all cases that give it the same: then it does so once, and each judges what came of it. */
const attemptsOf = (able: readonly { one: AttackCase; driver: Driver }[]): readonly Attempt[] => {
  const attempts = new Map<string, { driver: Driver; cases: [AttackCase, ...AttackCase[]] }>();
  for (const { one, driver } of able) {
    const key = JSON.stringify([drivers.indexOf(driver), one.how.payload, one.expected['after']]);
    const known = attempts.get(key);
    if (known) known.cases.push(one);
    else attempts.set(key, { driver, cases: [one] });
  }
  return [...attempts.values()].toSorted((a, b) => drivers.indexOf(a.driver) - drivers.indexOf(b.driver));
};

const patienceMs = 100_000;
const tooLong = async (): Promise<never> => {
  await sleep(patienceMs, undefined, { ref: false });
  throw new Error(`no end after ${patienceMs / 1_000} s`);
};

const carryOut = async ({ driver, cases }: Attempt, ground: Ground): Promise<readonly Result[]> => {
  const effects = driver.waits ? unwatched : await watch(ground);
  const from = performance.now();
  const result = (one: AttackCase, own: Pick<Result, 'verdict' | 'observed' | 'informative'>): Result => {
    const { id, area, attack } = one;
    return { id, area, attack, expected: expectation(one), ms: performance.now() - from, ...own };
  };
  let seen: Observed;
  try {
    seen = await Promise.race([driver.run(cases[0], ground), tooLong()]);
  } catch (error) {
    const observed =
      error instanceof NotBuilt
        ? `not built: ${error.message}`
        : `the driver failed: ${error instanceof Error ? error.message : 'unknown'}`;
    return cases.map((one) => result(one, { verdict: 'fail', observed, informative: [] }));
  }
  const judged: Result[] = [];
  for (const one of cases) {
    const { wrong, informative } = await judge(one, seen, effects);
    const told = [seen.code, seen.close, seen.sqlstate].filter(Boolean).join(' ');
    const observed = [...wrong, told, seen.note ?? ''].filter(Boolean).join('; ');
    judged.push(result(one, { verdict: wrong.length > 0 ? 'fail' : 'pass', observed, informative }));
  }
  return judged;
};

/** The result of a case that is not carried out here. */
const unrun = (one: AttackCase, verdict: Result['verdict'], observed: string): Result => {
  const { id, area, attack } = one;
  return { id, area, attack, verdict, expected: expectation(one), observed, informative: [], ms: 0 };
};

const withoutDriver = (one: AttackCase): Result | undefined => {
  const known = elsewhere.find(
    (other) => other.area === one.area && other.words.test(`${one.attack} ${one.how.steps}`),
  );
  if (known) return unrun(one, known.verdict, known.test ? `${known.why} (${known.test})` : known.why);
  if (driverFor(drivers, one)) return undefined;
  return unrun(one, 'no driver', 'no driver fits its area, entry and words');
};

const leftOut = (one: AttackCase): Result =>
  unrun(one, 'elsewhere', 'takes longer than a test run should (npm run adversary)');

/**
 * Carries out every case: those that mostly wait at once and beside the others, which go one after the other. In brief,
 * those that take long are left out.
 */
export const runCases = async (
  cases: readonly AttackCase[],
  ground: Ground,
  { brief = false, said = () => undefined }: { brief?: boolean; said?: (result: Result) => void } = {},
): Promise<readonly Result[]> => {
  const results = new Map<string, Result>();
  const finish = (result: Result): void => {
    results.set(result.id, result);
    said(result);
  };
  const able: { one: AttackCase; driver: Driver }[] = [];
  for (const one of cases) {
    const driver = driverFor(drivers, one);
    const settled = withoutDriver(one) ?? (brief && driver?.long ? leftOut(one) : undefined);
    if (settled) finish(settled);
    else if (driver) able.push({ one, driver });
  }
  const attempts = attemptsOf(able);
  const inOrder = attempts.filter(({ driver }) => !driver.waits);
  const isMeasured = ({ cases: all }: Attempt): boolean => all.some(({ expected }) => expected.must_not);
  const carryOutAll = async (some: readonly Attempt[]): Promise<void> => {
    for (const attempt of some) for (const result of await carryOut(attempt, ground)) finish(result);
  };
  // What must not happen is measured while nothing else does.
  await carryOutAll(inOrder.filter(isMeasured));
  const waiting = attempts
    .filter(({ driver }) => driver.waits)
    .map(async (attempt) => (await carryOut(attempt, ground)).forEach(finish));
  await carryOutAll(inOrder.filter((attempt) => !isMeasured(attempt)));
  await Promise.all(waiting);
  return cases.flatMap(({ id }) => results.get(id) ?? []);
};
