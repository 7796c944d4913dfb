import { CircuitState, circuitBreaker, handleAll } from 'cockatiel';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WindowBreaker } from './breaker.ts';

const seed = { failures: 3, withinMs: 60_000 };
const { Closed, HalfOpen, Open } = CircuitState;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('failures within the window', () => {
  /** Whether each failure, at these seconds, opens the breaker. */
  const openedBy = (seconds: readonly number[]): boolean[] => {
    const breaker = new WindowBreaker(seed);
    return seconds.map((second) => {
      vi.setSystemTime(second * 1_000);
      return breaker.failure(Closed);
    });
  };

  test('open it at the third in a minute', () => {
    expect(openedBy([0, 30, 59])).toEqual([false, false, true]);
  });

  test('leave it closed when they are spread over more than a minute', () => {
    expect(openedBy([0, 31, 62, 93, 124])).toEqual([false, false, false, false, false]);
  });

  test('no longer count once they are a minute old, to the millisecond', () => {
    expect(openedBy([0, 1, 60])).toEqual([false, false, false]);
    expect(openedBy([0, 1, 59.999])).toEqual([false, false, true]);
  });

  test('are not undone by successes between them', () => {
    const breaker = new WindowBreaker(seed);
    breaker.failure(Closed);
    breaker.success(Closed);
    breaker.failure(Closed);
    breaker.success(Closed);
    expect(breaker.failure(Closed)).toBe(true);
  });

  test('are forgotten when it closes after its trial', () => {
    const breaker = new WindowBreaker(seed);
    for (let count = 0; count < 3; count++) breaker.failure(Closed);
    breaker.success(HalfOpen);
    expect([breaker.failure(Closed), breaker.failure(Closed)]).toEqual([false, false]);
  });

  test('take no more memory the more there are', () => {
    const breaker = new WindowBreaker(seed);
    for (let count = 0; count < 1_000; count++) breaker.failure(Closed);
    expect(breaker.state).toHaveLength(3);
  });
});

describe('with the seed figures, a circuit', () => {
  const circuit = () =>
    circuitBreaker(handleAll, {
      breaker: new WindowBreaker(seed),
      halfOpenAfter: 30_000,
      halfOpenSampling: { calls: 2, threshold: 0 },
    });
  const fail = () => Promise.reject(new Error('away'));
  const succeed = () => Promise.resolve('here');
  const opened = async () => {
    const breaker = circuit();
    for (let count = 0; count < 3; count++) await breaker.execute(fail).catch(() => undefined);
    expect(breaker.state).toBe(Open);
    return breaker;
  };

  test('asks nobody while it is open, for 30 s', async () => {
    const breaker = await opened();
    const work = vi.fn(succeed);
    vi.advanceTimersByTime(29_999);
    await expect(breaker.execute(work)).rejects.toMatchObject({ isBrokenCircuitError: true });
    expect(work).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await expect(breaker.execute(work)).resolves.toBe('here');
  });

  test('is not closed by one success, and is by two', async () => {
    const breaker = await opened();
    vi.advanceTimersByTime(30_000);
    await breaker.execute(succeed);
    expect(breaker.state).toBe(HalfOpen);
    await breaker.execute(succeed);
    expect(breaker.state).toBe(Closed);
  });

  test('opens again for another 30 s when its second trial fails', async () => {
    const breaker = await opened();
    vi.advanceTimersByTime(30_000);
    await breaker.execute(succeed);
    await breaker.execute(fail).catch(() => undefined);
    expect(breaker.state).toBe(Open);
    vi.advanceTimersByTime(29_999);
    await expect(breaker.execute(succeed)).rejects.toMatchObject({ isBrokenCircuitError: true });
  });
});
