/** A field that keeps its row out. It holds the reason and never the value: values are personal data. */
export class BadField extends Error {
  override readonly name = 'BadField';
  readonly column: string;
  readonly reason: string;

  constructor(column: string, reason: string) {
    super(`${column} ${reason}`);
    this.column = column;
    this.reason = reason;
  }
}

// PostgreSQL holds no NUL; the replacement character stands where the bytes were not UTF-8.
const unfit = /[\0\uFFFD]/;
// Some of the columns are in indexes, and an entry of one has to fit a third of a page.
const longestText = 500;
const timePattern = /^[1-9]\d{3}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,3})?Z)?$/;
const amountPattern = /^-?\d{1,12}(\.\d{1,2}0*)?$/;

/** One row, read by the names of its columns. Every reader throws BadField where the field is not what it says. */
export class Row<Column extends string> {
  readonly #positions: ReadonlyMap<string, number>;
  readonly #fields: readonly string[];

  constructor(positions: ReadonlyMap<string, number>, fields: readonly string[]) {
    this.#positions = positions;
    this.#fields = fields;
  }

  /** Null where the field is empty. */
  optional(column: Column): string | null {
    const text = this.#fields[this.#positions.get(column) ?? -1] ?? '';
    if (text.length > longestText) throw new BadField(column, `is longer than ${longestText} characters`);
    if (unfit.test(text)) throw new BadField(column, 'is not UTF-8 text');
    return text === '' ? null : text;
  }

  text(column: Column): string {
    return this.optional(column) ?? missing(column);
  }

  /** A day or an instant in ISO 8601, as an instant. A day begins at 00:00 UTC. */
  time(column: Column): string {
    return this.optionalTime(column) ?? missing(column);
  }

  optionalTime(column: Column): string | null {
    const text = this.optional(column);
    if (text === null) return null;
    const instant = timePattern.test(text) ? new Date(text) : undefined;
    // Comparing refuses 30 February, which Date moves into March.
    if (instant === undefined || Number.isNaN(instant.valueOf()) || !sameTime(instant, text)) {
      throw new BadField(column, 'is not a date');
    }
    return instant.toISOString();
  }

  /** A decimal with at most two places, as written: a float would not add up. */
  amount(column: Column): string {
    return this.optionalAmount(column) ?? missing(column);
  }

  optionalAmount(column: Column): string | null {
    const text = this.optional(column);
    if (text !== null && !amountPattern.test(text)) {
      throw new BadField(column, 'is not a number with at most 2 decimals');
    }
    return text;
  }

  /** What `meanings` says of the field. */
  oneOf<T>(column: Column, meanings: ReadonlyMap<string, T>): T {
    const meaning = meanings.get(this.text(column));
    if (meaning === undefined) throw new BadField(column, `is not one of ${[...meanings.keys()].join(', ')}`);
    return meaning;
  }
}

const sameTime = (instant: Date, text: string): boolean =>
  instant.toISOString().startsWith(text.slice(0, 'yyyy-mm-ddThh:mm:ss'.length));

const missing = (column: string): never => {
  throw new BadField(column, 'is missing');
};
