import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Policy } from '@jangada/hop/policy.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import {
  bulkhead,
  CircuitState,
  circuitBreaker,
  decorrelatedJitterGenerator,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isTaskCancelledError,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import { WindowBreaker } from './breaker.ts';

/**
 * A hop's policy as cockatiel, in the one order that holds everywhere, from the outside in:
 *
 *   bulkhead → retry → breaker → timeout → work
 *
 * The bulkhead is outermost so that a message waits for a place before it costs anything; retry is outside the
 * breaker so that an attempt on an open breaker fails at once; the timeout is innermost so that each attempt has
 * its own and its expiry counts as a failure of the dependency.
 */
export interface Resilience {
  /** Takes a place in the bulkhead, or waits for one. */
  admit<T>(work: () => Promise<T>): Promise<T>;
  /** Retry, breaker and timeout around one call of a dependency. @throws the signal's reason once it is aborted */
  call<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  state(): BreakerState;
  /** Failures that count now, and since when the breaker is in its state. */
  counted(): { readonly failures: number; readonly since: Date };
  onOpen(listener: () => void): void;
}

export type BreakerState = 'closed' | 'half-open' | 'open';

/** True of a call that was not made: the dependency is protected. */
export const wasRejected = (error: unknown): boolean =>
  error instanceof Error && (isBrokenCircuitError(error) || isBulkheadRejectedError(error));

/** True when the same call may succeed later: a dependency is away, slow or protected. */
export const isTransient = (error: unknown): boolean =>
  error instanceof Unavailable ||
  (error instanceof Error && isTaskCancelledError(error)) ||
  wasRejected(error);

const states = { [CircuitState.Closed]: 'closed', [CircuitState.HalfOpen]: 'half-open' } as const;

const declareMetrics = (metrics: Metrics) => ({
  state: metrics.gauge('circuit_breaker_state', '0 closed, 1 half-open, 2 open', ['name']),
  retries: metrics.counter('hop_retries_total', 'Attempts after the first, within one delivery'),
  rejected: metrics.counter('hop_bulkhead_rejections_total', 'Messages that found no place to wait'),
});

/** A process may hold a policy for its hop and others for what the hop asks; their metrics are declared once. */
const declared = new WeakMap<Metrics, ReturnType<typeof declareMetrics>>();

export const resilience = (hop: string, policy: Policy, metrics: Metrics): Resilience => {
  const failed = handleWhen((error) => error instanceof Unavailable || isTaskCancelledError(error));
  const compartment = bulkhead(policy.concurrent, policy.waiting);
  const window = new WindowBreaker(policy.breaker);
  const breaker = circuitBreaker(failed, {
    breaker: window,
    halfOpenAfter: policy.breaker.openMs,
    halfOpenSampling: { calls: policy.breaker.successes, threshold: 0 },
  });
  const attempts = retry(failed, {
    maxAttempts: policy.attempts - 1,
    backoff: new ExponentialBackoff({
      initialDelay: policy.backoffMs,
      maxDelay: policy.backoffMaxMs,
      exponent: 2,
      generator: decorrelatedJitterGenerator,
    }),
  });
  const outer = wrap(attempts, breaker);
  const limit = timeout(policy.timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });

  let since = new Date();
  const state = () => states[breaker.state as keyof typeof states] ?? 'open';
  const counted = declared.get(metrics) ?? declareMetrics(metrics);
  declared.set(metrics, counted);
  const show = () => counted.state.set({ name: hop }, { closed: 0, 'half-open': 1, open: 2 }[state()]);
  show();
  breaker.onStateChange(() => {
    since = new Date();
    show();
  });
  attempts.onRetry(() => counted.retries.inc());
  compartment.onReject(() => counted.rejected.inc());

  return {
    admit: (work) => compartment.execute(work),
    call: (work, signal) =>
      outer.execute(
        () =>
          limit
            .execute(({ signal: attempt }) => work(attempt), signal)
            // What the caller has cancelled is no failure of the dependency, however it shows.
            .catch((error: unknown) => {
              throw signal.aborted ? signal.reason : error;
            }),
        signal,
      ),
    state,
    counted: () => ({ failures: window.failures, since }),
    onOpen: (listener) => {
      breaker.onBreak(listener);
    },
  };
};
