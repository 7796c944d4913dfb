/** What came of a run at its reader, beside what is stored of it. */
export interface Exactness {
  /** Stored events that were not told. */
  readonly lost: number;
  /** Told events that were told before, or that are not stored. */
  readonly twice: number;
  /** True when what was told is what is stored, in the same order. */
  readonly same: boolean;
}

/** By what it says, in whatever order it says it. */
const keyOf = (event: object): string =>
  JSON.stringify(Object.entries(event).sort(([a], [b]) => a.localeCompare(b)));

/** Compares the events of one run, no two of which are alike. */
export const compare = (told: readonly object[], stored: readonly object[]): Exactness => {
  const left = stored.map(keyOf);
  const right = told.map(keyOf);
  const missing = new Set(left);
  let twice = 0;
  for (const event of right) if (!missing.delete(event)) twice++;
  return {
    lost: missing.size,
    twice,
    same: left.length === right.length && left.every((event, at) => event === right[at]),
  };
};
