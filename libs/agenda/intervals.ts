/** A stretch of real time, from `from` up to, and not with, `to`. What is empty is no interval. */
export interface Interval {
  readonly from: Temporal.Instant;
  readonly to: Temporal.Instant;
}

const { compare } = Temporal.Instant;
const earlier = (a: Temporal.Instant, b: Temporal.Instant) => (compare(a, b) <= 0 ? a : b);
const later = (a: Temporal.Instant, b: Temporal.Instant) => (compare(a, b) >= 0 ? a : b);

const overlaps = (a: Interval, b: Interval): boolean =>
  compare(a.from, b.to) < 0 && compare(b.from, a.to) < 0;

/** The same time in order, what overlaps or touches as one. */
export const merged = (intervals: readonly Interval[]): Interval[] => {
  const all: Interval[] = [];
  for (const next of intervals.toSorted((a, b) => compare(a.from, b.from))) {
    const last = all.at(-1);
    if (last && compare(next.from, last.to) <= 0)
      all[all.length - 1] = { from: last.from, to: later(last.to, next.to) };
    else all.push(next);
  }
  return all;
};

/** What lies in both. Both are merged. */
export const common = (these: readonly Interval[], those: readonly Interval[]): Interval[] => {
  const both: Interval[] = [];
  let [i, j] = [0, 0];
  for (let [a, b] = [these[i], those[j]]; a && b; [a, b] = [these[i], those[j]]) {
    if (overlaps(a, b)) both.push({ from: later(a.from, b.from), to: earlier(a.to, b.to) });
    if (compare(a.to, b.to) <= 0) i += 1;
    else j += 1;
  }
  return both;
};

/** What is left of `whole` without `taken`. Both are merged. */
export const without = (whole: readonly Interval[], taken: readonly Interval[]): Interval[] => {
  const left: Interval[] = [];
  let first = 0;
  for (const { from, to } of whole) {
    let begin = from;
    // Taken intervals are in order: what ends before this one matters to no later one.
    for (let next = taken[first]; next && compare(next.to, from) <= 0; next = taken[first]) first += 1;
    for (let at = first; ; at += 1) {
      const next = taken[at];
      if (!next || compare(next.from, to) >= 0) break;
      if (compare(begin, next.from) < 0) left.push({ from: begin, to: next.from });
      begin = later(begin, next.to);
    }
    if (compare(begin, to) < 0) left.push({ from: begin, to });
  }
  return left;
};
