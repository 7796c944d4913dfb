import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { type Policy, policy } from '@jangada/hop/policy.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isTransient, resilience } from './resilience.ts';

const steadfast = { failures: 1_000, withinMs: 60_000, openMs: 30_000, successes: 2 };
const never = new AbortController().signal;

const shield = (own: Partial<Policy>) => {
  const metrics = openMetrics('test');
  return { ...resilience('test', policy({ breaker: steadfast, ...own }), metrics), metrics };
};

const away = () => Promise.reject(new Unavailable('database'));

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/**
 * Settles a promise by running timers, and no more of them: files share a process, where another's connection may try
 * again for ever. Undefined unless it rejects.
 */
const failureOf = async (promise: Promise<unknown>): Promise<unknown> => {
  let isSettled = false;
  const settled = promise
    .then(
      () => undefined,
      (error: unknown) => error,
    )
    .finally(() => {
      isSettled = true;
    });
  while (!isSettled) await vi.advanceTimersToNextTimerAsync();
  return settled;
};

describe('an attempt that fails', () => {
  test.each([
    ['a dependency that is away', away, 4],
    ['an attempt that takes too long', () => new Promise<never>(() => undefined), 4],
    ['a message that cannot be processed', () => Promise.reject(new Unprocessable('INTERNAL', 'no')), 1],
    ['a mistake of ours', () => Promise.reject(new TypeError('undefined is not a function')), 1],
  ])('by %s is made so many times in all', async (_name, work, attempts) => {
    const attempt = vi.fn(work);
    const { call } = shield({ attempts: 4, timeoutMs: 100 });
    expect(await failureOf(call(attempt, never))).toBeInstanceOf(Error);
    expect(attempt).toHaveBeenCalledTimes(attempts);
  });

  test('is made no more once it succeeds', async () => {
    const attempt = vi.fn(away as () => Promise<unknown>).mockRejectedValueOnce(new Unavailable('database'));
    attempt.mockResolvedValueOnce('here');
    const answer = shield({ attempts: 4 }).call(attempt, never);
    expect(await failureOf(answer)).toBeUndefined();
    await expect(answer).resolves.toBe('here');
    expect(attempt).toHaveBeenCalledTimes(2);
  });

  /** Waits between four attempts, in ms. */
  const waits = async (): Promise<number[]> => {
    const times: number[] = [];
    const { call } = shield({ attempts: 4, backoffMs: 1_000, backoffMaxMs: 10_000 });
    const attempt = () => {
      times.push(Date.now());
      return away();
    };
    await failureOf(call(attempt, never));
    return times.slice(1).map((time, index) => time - (times[index] ?? 0));
  };

  /** Chance that is the same each time, so that what the test says of it is too. */
  const seedChance = (): void => {
    let state = 1;
    vi.spyOn(Math, 'random').mockImplementation(() => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    });
  };

  test('waits longer before each next one, by chance, within bounds that double from the first second', async () => {
    seedChance();
    const runs: number[][] = [];
    for (let count = 0; count < 800; count++) runs.push(await waits());
    const medians = [0, 1, 2].map((retry) => {
      const sorted = runs.map((run) => run[retry] ?? Number.NaN).sort((a, b) => a - b);
      expect(sorted.at(-1)).toBeLessThanOrEqual((1_000 * 2 ** (retry + 1)) / 1.4);
      // By chance: a crowd that failed together does not come back together.
      expect(new Set(sorted).size).toBeGreaterThan(400);
      return sorted[400] ?? Number.NaN;
    });
    const [first = 0, second = 0, third = 0] = medians;
    expect(first).toBeGreaterThan(500);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(1.5 * second);
  });

  test('waits 10 s at most however often it has failed', async () => {
    seedChance();
    const times: number[] = [];
    const { call } = shield({ attempts: 10, backoffMs: 1_000, backoffMaxMs: 10_000 });
    const failure = failureOf(
      call(() => {
        times.push(Date.now());
        return away();
      }, never),
    );
    await failure;
    const between = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.max(...between)).toBe(10_000);
    expect(between.at(-1)).toBeGreaterThan(5_000);
  });
});

describe('the order of the wrapping', () => {
  test('gives each attempt its own time', async () => {
    const signals: AbortSignal[] = [];
    const { call } = shield({ attempts: 3, timeoutMs: 100, backoffMs: 1, backoffMaxMs: 1 });
    const started = Date.now();
    await failureOf(
      call((signal) => {
        signals.push(signal);
        return new Promise<never>(() => undefined);
      }, never),
    );
    expect(new Set(signals).size).toBe(3);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
    expect(Date.now() - started).toBeGreaterThanOrEqual(300);
  });

  test('counts each attempt at the breaker, and fails at once when it opens between two', async () => {
    const { call, state } = shield({ attempts: 5, breaker: { ...steadfast, failures: 3 } });
    const attempt = vi.fn(away);
    const failure = await failureOf(call(attempt, never));
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(failure).toMatchObject({ isBrokenCircuitError: true });
    expect(state()).toBe('open');
  });

  test('counts an attempt that took too long as a failure', async () => {
    const { call, state } = shield({ attempts: 1, timeoutMs: 100, breaker: { ...steadfast, failures: 1 } });
    await failureOf(call(() => new Promise<never>(() => undefined), never));
    expect(state()).toBe('open');
  });

  test('does not count a message that cannot be processed', async () => {
    const { call, state } = shield({ attempts: 1, breaker: { ...steadfast, failures: 1 } });
    await failureOf(call(() => Promise.reject(new Unprocessable('INTERNAL', 'no')), never));
    expect(state()).toBe('closed');
  });

  test('tells whoever stops pulling, and the gauge, that it opened', async () => {
    const { call, onOpen, metrics } = shield({ attempts: 1, breaker: { ...steadfast, failures: 1 } });
    const listener = vi.fn();
    onOpen(listener);
    await failureOf(call(away, never));
    expect(listener).toHaveBeenCalledOnce();
    expect(await metrics.text()).toMatch(/^circuit_breaker_state\{name="test",service="test"\} 2$/m);
  });

  test('of a hop is shown beside that of what the hop asks, in one process', async () => {
    const { call, metrics } = shield({ attempts: 1, breaker: { ...steadfast, failures: 1 } });
    resilience('asked', policy({ breaker: steadfast }), metrics);
    await failureOf(call(away, never));
    const shown = (await metrics.text()).match(/^circuit_breaker_state\{name="\w+".*$/gm);
    expect(shown).toEqual([
      'circuit_breaker_state{name="test",service="test"} 2',
      'circuit_breaker_state{name="asked",service="test"} 0',
    ]);
  });
});

describe('a caller who cancels', () => {
  test('ends the attempt and the waiting, and is told its own reason', async () => {
    const cancel = new AbortController();
    const { call } = shield({ attempts: 4 });
    const attempt = vi.fn(() => new Promise<never>(() => undefined));
    const failure = failureOf(call(attempt, cancel.signal));
    cancel.abort(new Error('cancelled'));
    expect(await failure).toMatchObject({ message: 'cancelled' });
    expect(attempt).toHaveBeenCalledOnce();
  });

  test.each([
    ['at once', () => new Promise<never>(() => undefined)],
    [
      'as a dependency that is away',
      (signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Unavailable('model'))),
        ),
    ],
  ])('is no failure of the dependency when the work ends %s', async (_name, work) => {
    const { call, state } = shield({ attempts: 1, breaker: { ...steadfast, failures: 1 } });
    const cancel = new AbortController();
    const failure = failureOf(call(work, cancel.signal));
    cancel.abort();
    expect(await failure).toMatchObject({ name: 'AbortError' });
    expect(state()).toBe('closed');
  });
});

describe('the bulkhead', () => {
  const busy = () => {
    const places = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { admit, call } = shield({ concurrent: 2, waiting: 1 });
    const held = places.map(({ promise }) => admit(() => promise));
    return { admit, call, places, held };
  };

  test('lets one more wait and refuses the next, which may be tried again', async () => {
    const { admit, places, held } = busy();
    const third = vi.fn(() => Promise.resolve('third'));
    const waiting = admit(third);
    const refused = await admit(() => Promise.resolve('fourth')).catch((error: unknown) => error);
    expect(isTransient(refused)).toBe(true);
    expect(third).not.toHaveBeenCalled();
    places[0]?.resolve();
    await expect(waiting).resolves.toBe('third');
    places[1]?.resolve();
    await Promise.all(held);
  });

  test('of one hop does not hold up another', async () => {
    const { places, held } = busy();
    await expect(shield({ concurrent: 1, waiting: 0 }).admit(() => Promise.resolve('free'))).resolves.toBe(
      'free',
    );
    for (const { resolve } of places) resolve();
    await Promise.all(held);
  });

  test('gives its place back when the work fails', async () => {
    const { admit } = shield({ concurrent: 1, waiting: 0 });
    for (let count = 0; count < 3; count++) await expect(admit(away)).rejects.toThrow(Unavailable);
    await expect(admit(() => Promise.resolve('free'))).resolves.toBe('free');
  });
});
