import type { LimitFacts } from '@jangada/proto/limit.ts';

/** What a limit says, and how HTTP says it. Pure. */

/** One limit after it was asked. */
export interface Standing {
  readonly policy: string;
  readonly max: number;
  readonly windowMs: number;
  readonly remaining: number;
  /** Until its window ends and all is there again, in ms. */
  readonly resetMs: number;
  readonly allowed: boolean;
}

/** What all limits together say: allowed is what every one of them allows. */
export interface Verdict {
  readonly allowed: boolean;
  /** In the order of their declaration; none where nothing limits. */
  readonly standings: readonly Standing[];
}

export const verdictOf = (standings: readonly Standing[]): Verdict => ({
  allowed: standings.every(({ allowed }) => allowed),
  standings,
});

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));

/** A verdict as it is told. Who is refused may come back when the last of those that refuse begins anew. */
export const factsOf = ({ allowed, standings }: Verdict): LimitFacts => {
  const refusing = standings.filter((standing) => !standing.allowed);
  return {
    ...(allowed ? {} : { retryAfter: Math.max(...refusing.map(({ resetMs }) => seconds(resetMs))) }),
    limits: standings.map(({ policy, max, windowMs, remaining, resetMs }) => ({
      policy,
      max,
      windowSeconds: seconds(windowMs),
      remaining,
      resetSeconds: seconds(resetMs),
    })),
  };
};

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11): structured lists whose items are the
 * names of policies as strings. `q` is the quota, `w` its window in seconds, `r` what is left, `t` the seconds until
 * the window ends. With `Retry-After` where it is refused.
 */
export const headersOf = ({ retryAfter, limits }: LimitFacts): Readonly<Record<string, string>> => {
  if (limits.length === 0) return {};
  const policies = limits.map(({ policy, max, windowSeconds }) => `"${policy}";q=${max};w=${windowSeconds}`);
  const left = limits.map(
    ({ policy, remaining, resetSeconds }) => `"${policy}";r=${remaining};t=${resetSeconds}`,
  );
  return {
    'ratelimit-policy': policies.join(', '),
    ratelimit: left.join(', '),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
};
