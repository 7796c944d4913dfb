/** An entry that was just told may be before one that is tried again. */
const settledMs = 60_000;

/** Enough to show that facts are missing. */
const most = 1_000;

/** The places in the stream of facts that there are entries of: a number for each. */
export class Sequences {
  readonly #met: number[] = [];
  #from = Number.POSITIVE_INFINITY;
  #to = 0;

  /**
   * What may have been removed, which is not `young`, is no evidence, and neither is the last minute before the dump was taken, in
   * which entries still come. Moments are milliseconds since 1970.
   */
  meet(sequence: number, { young, at, takenAt }: { young: boolean; at: number; takenAt: number }): void {
    this.#met.push(sequence);
    if (!young) return;
    this.#from = Math.min(this.#from, sequence);
    if (at <= takenAt - settledMs) this.#to = Math.max(this.#to, sequence);
  }

  /** Those of which there is no entry. A stream that was made anew counts from the beginning again. */
  missing(): number[] {
    const missing: number[] = [];
    let next = this.#from;
    for (const sequence of Float64Array.from(this.#met).sort()) {
      if (sequence > this.#to || missing.length >= most) break;
      for (; next < sequence && missing.length < most; next += 1) missing.push(next);
      next = Math.max(next, sequence + 1);
    }
    return missing;
  }
}
