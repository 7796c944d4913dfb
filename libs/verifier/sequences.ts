/** An entry that was just told may be before one that is tried again. */
const settledMs = 60_000;

/**
 * Sequences of facts of which there is no entry. What may have been removed is no evidence, and neither is the last
 * minute, in which entries still come; a stream that was made anew counts from the beginning again.
 */
export const sequencesMissing = (
  facts: readonly { readonly sequence: number; readonly at: string; readonly young: boolean }[],
  takenAt: string | undefined,
): number[] => {
  const settled = Date.parse(takenAt ?? '') - settledMs;
  const known = new Set(facts.map(({ sequence }) => sequence));
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const { sequence, at, young } of facts) {
    if (!young) continue;
    from = Math.min(from, sequence);
    if (sequence > to && Date.parse(at) <= settled) to = sequence;
  }
  const missing: number[] = [];
  // Enough to show that there are.
  for (let sequence = from; sequence < to && missing.length < 1_000; sequence += 1)
    if (!known.has(sequence)) missing.push(sequence);
  return missing;
};
