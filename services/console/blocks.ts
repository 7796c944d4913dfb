/** The text of an answer as what it tells: sentences, lists, tables and series. Pure. */

/** A piece of an answer. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly lines: readonly string[] }
  | { readonly kind: 'table'; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'series'; readonly points: readonly Point[] };

/** One figure of a series, and what was told of it in words. */
export interface Point {
  readonly label: string;
  readonly told: string;
  readonly value: number;
}

const cellsOf = (line: string): readonly string[] => line.split(' · ');

/** A day, whole or of a month, as any language writes it in figures. */
const day = /^\d{1,4}[/.-]\d{1,2}(?:[/.-]\d{1,4})?$/;

/** `<day>: <figure>`, with further figures behind it or not. */
const pointOf = (line: string): Point | undefined => {
  const [label = '', told = ''] = line.split(/: (.*)/s);
  const [digits] = /^\d[\d.,\u00a0\u202f]*/.exec(told) ?? [];
  if (!day.test(label) || digits === undefined) return undefined;
  // A count: what parts its figures is no decimal point.
  const value = Number(digits.replaceAll(/\D/g, ''));
  return { label, told, value };
};

const grouped = (items: readonly string[]): Block => {
  const points = items.map(pointOf).filter((point) => point !== undefined);
  if (items.length > 1 && points.length === items.length) return { kind: 'series', points };
  const rows = items.map(cellsOf);
  const width = rows[0]?.length ?? 0;
  const isTable = rows.length > 1 && width > 1 && rows.every(({ length }) => length === width);
  return isTable ? { kind: 'table', rows } : { kind: 'list', lines: items };
};

/**
 * Lines that are items stand together. Those that all tell a figure of a day are a series, and those that all have as
 * many parts are the rows of a table.
 */
export const blocksOf = (text: string): readonly Block[] => {
  const blocks: Block[] = [];
  let items: string[] = [];
  const flush = (): void => {
    if (items.length > 0) blocks.push(grouped(items));
    items = [];
  };
  for (const line of text.split('\n')) {
    if (line.startsWith('- ')) {
      items.push(line.slice(2));
      continue;
    }
    flush();
    if (line.trim()) blocks.push({ kind: 'text', text: line });
  }
  flush();
  return blocks;
};
