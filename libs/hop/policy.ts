/**
 * How a hop fails, as numbers in its contract. The runtime turns them into cockatiel policies in one order,
 * from the outside in: bulkhead, retry, breaker, timeout.
 */
export interface Policy {
  /** Longest one attempt may take. */
  readonly timeoutMs: number;
  /** Attempts within one delivery, the first included. What still fails is delivered again later. */
  readonly attempts: number;
  /** First wait between attempts; doubles with jitter up to `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Messages worked on at once. */
  readonly concurrent: number;
  /** Messages that may wait in this process for a place. */
  readonly waiting: number;
  readonly breaker: {
    /** Failures within `withinMs` that open it. */
    readonly failures: number;
    readonly withinMs: number;
    /** How long it stays open, and the hop stops pulling. */
    readonly openMs: number;
    /** Trial calls that must all succeed before it closes. */
    readonly successes: number;
  };
  /** Deliveries after which a message is dead: it kills whoever handles it. */
  readonly deliveries: number;
}

/** The seeds' figures. A contract overrides what it has a reason to. */
export const policy = (own: Partial<Policy> = {}): Policy => ({
  timeoutMs: 5_000,
  attempts: 3,
  backoffMs: 50,
  backoffMaxMs: 1_000,
  concurrent: 64,
  waiting: 192,
  breaker: { failures: 3, withinMs: 60_000, openMs: 30_000, successes: 2 },
  deliveries: 20,
  ...own,
});
