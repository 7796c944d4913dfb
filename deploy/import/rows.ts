import { hash } from 'node:crypto';
import { type Line, readLines } from './csv.ts';
import { BadField, Row } from './row.ts';
import type { Source, Value } from './sources.ts';

/** A row as its table wants it, before it is known whether the file named it before. */
export interface Incoming {
  readonly line: number;
  /** The row's own id, or a hash of its content. */
  readonly key: string;
  readonly values: Readonly<Record<string, Value>>;
}

/** A row that is left out. No value of it is here: those are personal data. */
export interface Refused {
  /** From 1, the header included. */
  readonly line: number;
  /** Null when the row as a whole is at fault. */
  readonly column: string | null;
  readonly reason: string;
}

/** The file is not what its name says. */
export class BadHeader extends Error {
  override readonly name = 'BadHeader';
  readonly absent: readonly string[];

  constructor(absent: readonly string[]) {
    super(`columns are missing: ${absent.join(', ')}`);
    this.absent = absent;
  }
}

/** The rows of a file, in order. @throws BadHeader, and what reading the file throws */
export async function* readRows(path: string, source: Source): AsyncGenerator<Incoming | Refused> {
  let positions: ReadonlyMap<string, number> | undefined;
  for await (const line of readLines(path)) {
    if (positions === undefined) positions = positionsOf(line.fields, source);
    else yield readRow(line, positions, source);
  }
  if (positions === undefined) throw new BadHeader(source.reads);
}

function positionsOf(header: readonly string[], source: Source): ReadonlyMap<string, number> {
  const positions = new Map(header.map((name, position) => [name, position]));
  const absent = source.reads.filter((column) => !positions.has(column));
  if (absent.length > 0) throw new BadHeader(absent);
  return positions;
}

function readRow(
  { number, fields, fault }: Line,
  positions: ReadonlyMap<string, number>,
  source: Source,
): Incoming | Refused {
  const refused = (column: string | null, reason: string): Refused => ({ line: number, column, reason });
  if (fault !== undefined) return refused(null, fault);
  if (fields.length !== positions.size) {
    return refused(null, `has ${fields.length} columns, the header has ${positions.size}`);
  }
  try {
    const row = new Row(positions, fields);
    const key = source.id === undefined ? contentOf(source, fields) : row.text(source.id);
    return { line: number, key, values: source.read(row) };
  } catch (error) {
    if (error instanceof BadField) return refused(error.column, error.reason);
    throw error;
  }
}

const contentOf = ({ file }: Source, fields: readonly string[]): string =>
  hash('sha256', JSON.stringify([file, ...fields])).slice(0, 32);
