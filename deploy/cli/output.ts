import { styleText } from 'node:util';
import Table from 'cli-table3';
import { Option } from 'commander';

/** Every command has it: the same facts for a program instead of a person. */
export const jsonOption = (): Option => new Option('--json', 'print JSON');

export interface Format {
  readonly json?: boolean;
}

/** Prints `value` as JSON, or what a person reads. */
export const print = (format: Format, value: unknown, text: () => string): void => {
  process.stdout.write(`${format.json ? JSON.stringify(value, null, 2) : text()}\n`);
};

/** A remark beside the output: on standard error, so that a pipe never carries it. */
export const remark = (text: string): void => {
  process.stderr.write(`${styleText('dim', text, { stream: process.stderr })}\n`);
};

export type Cell = string | number | undefined;

const noLines = Object.fromEntries(
  ['top', 'bottom', 'left', 'mid', 'right'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
);

const isFigures = (cells: readonly Cell[]): boolean =>
  cells.some((cell) => typeof cell === 'number') && cells.every((cell) => typeof cell !== 'string');

/** A table without lines. A column that holds only figures stands to the right. */
export const table = (columns: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const drawn = new Table({
    head: [...columns],
    colAligns: columns.map((_, index) => (isFigures(rows.map((row) => row[index])) ? 'right' : 'left')),
    chars: { ...noLines, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) drawn.push(row.map((cell) => String(cell ?? '')));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

/** One moment, short enough for a table, in UTC. */
export const moment = (at: Date | string): string =>
  new Date(at).toISOString().replace('T', ' ').replace('Z', '');
