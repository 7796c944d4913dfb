import type { Stated } from './entry.ts';

/**
 * A dump: JSON, a line each. First a head, then for each shard its batches in their order, each with its entries after
 * it, then entries that have no place in a chain.
 */

export interface HeadLine {
  /** When it was taken, ISO 8601. */
  readonly dump: string;
}

export interface BatchLine {
  readonly batch: {
    readonly shard: number;
    readonly first: number;
    /** Hashes of its entries, one after the other, in base64; also of those that were removed since. */
    readonly leaves: string;
    readonly root: string;
    readonly chain: string;
  };
}

export interface EntryLine {
  readonly entry: Stated & { readonly shard: number | null; readonly number: number | null };
}

export type Line = HeadLine | BatchLine | EntryLine;

const isPlace = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): boolean => typeof value === 'string';
const isTextOrNull = (value: unknown): boolean => value === null || isText(value);

const texts = ['tenant', 'subject', 'fact', 'at', 'actor', 'decision'] as const;
const others = ['role', 'session', 'purpose', 'code', 'resource', 'origin'] as const;
/** Place, sequence and details stand beside the texts. */
const fieldCount = texts.length + others.length + 4;

const isEntry = (entry: Record<string, unknown>): boolean =>
  Object.keys(entry).length === fieldCount &&
  texts.every((name) => isText(entry[name])) &&
  others.every((name) => isTextOrNull(entry[name])) &&
  isPlace(entry['sequence']) &&
  'details' in entry &&
  ['shard', 'number'].every((name) => entry[name] === null || isPlace(entry[name]));

/** An entry that was read on its own, without its place; undefined where it is none. */
export const entryOf = (value: unknown): Stated | undefined => {
  if (typeof value !== 'object' || value === null || !isEntry(value as Record<string, unknown>))
    return undefined;
  const { shard: _shard, number: _number, ...stated } = value as EntryLine['entry'];
  return stated;
};

/** A line as it is read; undefined where it is none. Written by hand, because it is asked for each entry of years. */
export const lineOf = (text: string): Line | undefined => {
  let line: { [kind: string]: Record<string, unknown> };
  try {
    line = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof line !== 'object' || line === null || Object.keys(line).length !== 1) return undefined;
  const { entry, batch, dump } = line;
  if (entry) return isEntry(entry) ? (line as unknown as EntryLine) : undefined;
  if (batch) {
    const isBatch =
      isPlace(batch['shard']) &&
      isPlace(batch['first']) &&
      [batch['leaves'], batch['root'], batch['chain']].every(isText);
    return isBatch ? (line as unknown as BatchLine) : undefined;
  }
  return isText(dump) ? (line as unknown as HeadLine) : undefined;
};
