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

/** Seconds after which the same request may be allowed: when the last of those that refuse it begins anew. */
export const retryAfterOf = ({ standings }: Verdict): number =>
  Math.max(1, ...standings.filter(({ allowed }) => !allowed).map(({ resetMs }) => seconds(resetMs)));

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11): structured lists whose items are the
 * names of policies as strings. `q` is the quota, `w` its window in seconds, `r` what is left, `t` the seconds until
 * the window ends. With `Retry-After` where it is refused.
 */
export const headersOf = (verdict: Verdict): Readonly<Record<string, string>> => {
  const { standings, allowed } = verdict;
  if (standings.length === 0) return {};
  const list = (item: (standing: Standing) => string): string => standings.map(item).join(', ');
  return {
    'ratelimit-policy': list(({ policy, max, windowMs }) => `"${policy}";q=${max};w=${seconds(windowMs)}`),
    ratelimit: list(({ policy, remaining, resetMs }) => `"${policy}";r=${remaining};t=${seconds(resetMs)}`),
    ...(allowed ? {} : { 'retry-after': String(retryAfterOf(verdict)) }),
  };
};
