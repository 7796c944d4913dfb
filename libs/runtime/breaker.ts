import type { CircuitState, IBreaker } from 'cockatiel';

/**
 * Opens after a number of failures within a span of time, however many successes lie between them: the seeds'
 * breaker (3 failures in 60 s). Cockatiel counts consecutive failures or shares of a sample, not this. Closing
 * after several successes is cockatiel's half-open sampling; the ramp after it is `recover` in consume.ts.
 */
export class WindowBreaker implements IBreaker {
  /** Times of the failures still within the window, in ms. */
  state: number[] = [];
  readonly #failures: number;
  readonly #withinMs: number;
  readonly #now: () => number;

  constructor(options: { failures: number; withinMs: number }, now: () => number = Date.now) {
    this.#failures = options.failures;
    this.#withinMs = options.withinMs;
    this.#now = now;
  }

  /** Failures that count now. */
  get failures(): number {
    const now = this.#now();
    return this.state.filter((time) => now - time < this.#withinMs).length;
  }

  success(state: CircuitState): void {
    // Only the breaker's own closing wipes the slate; a success while closed does not undo a failure.
    if (state === halfOpen) this.state = [];
  }

  failure(_state: CircuitState): boolean {
    const now = this.#now();
    this.state = [...this.state.filter((time) => now - time < this.#withinMs), now].slice(-this.#failures);
    return this.state.length >= this.#failures;
  }
}

const halfOpen: CircuitState.HalfOpen = 2;
