import { Unavailable } from '@jangada/hop/outcome.ts';
import { policy } from '@jangada/hop/policy.ts';
import { type Resilience, resilience } from '@jangada/runtime/resilience.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { type Balancer, balancer, type Strategy } from './balance.ts';
import type { Instance, Registry } from './registry.ts';

export interface CallOptions<T> {
  /** Longest one attempt may take. */
  readonly timeoutMs: number;
  /** Attempts after the first; each may go to another instance. */
  readonly retries: number;
  /** Round robin, where it is not said. */
  readonly strategy?: Strategy;
  /** What is told instead once all attempts have failed: something from before, which is marked as such. */
  readonly fallback?: () => T | Promise<T>;
}

/** What came of a call. */
export interface Called<T> {
  readonly value: T;
  /** True for a fallback: nobody vouches that it still is so. */
  readonly stale: boolean;
  /** Whom it was asked of, in order. */
  readonly asked: readonly Instance[];
}

/**
 * Calls services that are found in the registry, from the outside in: fallback → retry → breaker → timeout → one instance. Calls of a
 * service with the same timeout and retries share a breaker. Whatever `call` fails with counts as a failure of the service.
 *
 * @throws Unavailable with the service's name, or that its breaker is open, where there is no fallback
 */
export const openCalls = (registry: Registry, metrics: Metrics) => {
  const policies = new Map<string, Resilience>();
  const balancers = new Map<string, Balancer>();
  const kept = <V>(of: Map<string, V>, key: string, make: () => V): V => {
    const value = of.get(key) ?? make();
    of.set(key, value);
    return value;
  };

  return async <T>(
    name: string,
    call: (url: string, signal: AbortSignal) => Promise<T>,
    { timeoutMs, retries, strategy = 'round robin', fallback }: CallOptions<T>,
  ): Promise<Called<T>> => {
    const attempts = retries + 1;
    const guard = kept(policies, JSON.stringify([name, timeoutMs, retries]), () =>
      // All attempts of one call may fail before the breaker opens, or it would cut the first call short.
      resilience(
        name,
        policy({
          ...{ timeoutMs, attempts },
          breaker: { ...policy().breaker, failures: Math.max(policy().breaker.failures, attempts + 1) },
        }),
        metrics,
      ),
    );
    const turn = kept(balancers, JSON.stringify([name, strategy]), () => balancer(strategy));
    const asked: Instance[] = [];
    const attempt = async (signal: AbortSignal): Promise<T> => {
      const instance = turn.choose(registry.ready(name));
      if (!instance) throw new Unavailable(name);
      asked.push(instance);
      try {
        return await call(instance.url, signal);
      } catch (error) {
        throw new Unavailable(name, error);
      } finally {
        turn.release(instance);
      }
    };
    try {
      return { value: await guard.call(attempt, new AbortController().signal), stale: false, asked };
    } catch (error) {
      if (!fallback) throw error;
      return { value: await fallback(), stale: true, asked };
    }
  };
};
