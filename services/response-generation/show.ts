import { type ClientCall, type ClientTool, clientCall } from '@jangada/proto/client-tools.ts';
import type { Row } from '@jangada/proto/run.ts';
import { type Answer, cellsOf, isMoney, type Manner } from './compose.ts';

/** How an answer is shown by a tool that the client offers: figures of days as a chart, a list as a table. */
export const shownBy = (
  answer: Answer,
  manner: Manner,
  offered: readonly ClientTool[] = [],
): ClientCall | undefined => {
  const { ask } = answer.plan;
  const name = ask === 'perDay' ? 'show_chart' : ask === 'list' ? 'show_table' : undefined;
  if (!name || !offered.includes(name) || answer.rows.length === 0) return undefined;
  const shown = name === 'show_chart' ? chartOf(answer, manner) : tableOf(answer, manner);
  // What has no place in a tool is told in words, as everything is.
  return clientCall.safeParse({ name, arguments: shown }).data;
};

const isFigure = (value: Row[string] | undefined): value is string | number =>
  value != null && value !== '' && typeof value !== 'boolean' && Number.isFinite(Number(value));

const namesOf = (rows: readonly object[]): string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))];

const chartOf = ({ plan, rows }: Answer, { currency }: Manner) => {
  const series = namesOf(rows)
    .filter((name) => name !== 'day')
    .map((name) => ({
      name,
      points: rows
        .filter((row) => isFigure(row[name]))
        .map((row) => ({ day: row['day'], value: Number(row[name]) })),
    }))
    .filter(({ points }) => points.length > 0);
  return { source: plan.source, series, ...(series.some(({ name }) => isMoney(name)) ? { currency } : {}) };
};

const tableOf = (answer: Answer, manner: Manner) => {
  const told = answer.rows.map((row) => cellsOf(row, answer, manner));
  const columns = namesOf(told);
  const rows = told.map((cells) => columns.map((column) => cells[column] ?? ''));
  return { source: answer.plan.source, columns, rows };
};
