import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import PDFDocument from 'pdfkit';

/** What stands on the pages, from top to bottom. Columns are as wide as their `widths` are to each other; equally wide without. */
export type Part =
  | { readonly heading: string }
  | { readonly text: string }
  | {
      readonly columns: readonly string[];
      readonly widths?: readonly number[];
      readonly rows: Iterable<readonly string[]> | AsyncIterable<readonly string[]>;
    };

/** Letters are those of Western European languages: the fonts that every reader of PDF has hold no others, which become `?`. */
export interface Document {
  readonly title: string;
  /** As BCP 47 has it, for whoever has the pages read aloud. */
  readonly language: string;
  /** When it was made. The same parts at the same time are the same bytes. */
  readonly at: Date;
  /** Stands at the foot of each page, before its number. */
  readonly footer: string;
  readonly parts: readonly Part[];
}

/** A table with columns as wide as what stands in them: no word is broken while there is room, and nothing short takes that of what is long. */
export const fitted = (columns: readonly string[], rows: readonly (readonly string[])[]): Part => {
  const longest = (at: number, between: RegExp, max: number): number =>
    rows
      .flatMap((row) => (row[at] ?? '').split(between))
      .reduce((most, { length }) => Math.max(most, Math.min(length, max)), 0) + betweenColumns;
  // Heads are bold, which is wider.
  const heads = columns.map(
    (head) => Math.max(...head.split(' ').map(({ length }) => length * 1.2)) + betweenColumns,
  );
  const least = heads.map((head, at) => Math.max(head, longest(at, /[ \n]/, 30)));
  const more = least.map((width, at) => Math.max(0, longest(at, /\n/, 60) - width));
  const wanted = more.reduce((sum, width) => sum + width, 0);
  const room = lineLetters - least.reduce((sum, width) => sum + width, 0);
  const part = wanted === 0 ? 0 : Math.max(0, Math.min(1, room / wanted));
  return { columns, widths: least.map((width, at) => width + part * (more[at] ?? 0)), rows };
};
/** Letters of a cell that a line of a page holds, and those that the space between two columns takes. */
const [lineLetters, betweenColumns] = [112, 2];

type Pages = InstanceType<typeof PDFDocument>;

const [regular, bold] = ['Helvetica', 'Helvetica-Bold'];
const sizes = { title: 18, heading: 13, text: 10, cell: 8, footer: 8 };
const margin = 50;
const padding = 3;

const known = new Set(
  new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_, at) => at)),
);
const written = (text: string): string =>
  [...text.normalize('NFC')].map((letter) => (known.has(letter) ? letter : '?')).join('');

/** Writes a document as PDF, A4, page by page: what stands on a full page is let go of. Ends `to`. */
export const writePdf = async (document: Document, to: Writable): Promise<void> => {
  const { title, language, at, footer, parts } = document;
  const pages = new PDFDocument({
    size: 'A4',
    margin,
    lang: language,
    displayTitle: true,
    autoFirstPage: false,
    info: { Title: written(title), CreationDate: at, ModDate: at },
  });
  let number = 0;
  pages.on('pageAdded', () => foot(pages, `${written(footer)} · ${++number}`));
  const sent = pipeline(pages, to);
  const laidOut = (async () => {
    pages.addPage();
    pages.font(bold, sizes.title).text(written(title)).moveDown(0.5);
    for (const part of parts) await layOut(pages, part);
    pages.end();
  })();
  // Rows that cannot be read end the file too, or it would be waited for.
  laidOut.catch((error: Error) => pages.destroy(error));
  await Promise.all([laidOut, sent]);
};

const foot = (pages: Pages, text: string): void => {
  const { page } = pages;
  const { bottom } = page.margins;
  // Text below the margin would begin a page of its own.
  page.margins.bottom = 0;
  pages.font(regular, sizes.footer).text(text, margin, page.height - bottom + 15, {
    width: page.width - 2 * margin,
    align: 'center',
    lineBreak: false,
  });
  page.margins.bottom = bottom;
  pages.x = margin;
  pages.y = margin;
};

const layOut = async (pages: Pages, part: Part): Promise<void> => {
  if ('heading' in part) {
    // A heading stands on the page of what it is the heading of.
    if (spaceOf(pages) < 4 * sizes.heading) pages.addPage();
    pages.font(bold, sizes.heading).moveDown(0.5).text(written(part.heading)).moveDown(0.3);
    return;
  }
  if ('text' in part) {
    pages.font(regular, sizes.text).text(written(part.text)).moveDown(0.4);
    return;
  }
  const shares = part.columns.map((_, column) => part.widths?.[column] ?? 1);
  const all = shares.reduce((sum, share) => sum + share, 0);
  const widths = shares.map((share) => (share / all) * (pages.page.width - 2 * margin));
  drawRow(pages, part.columns, widths, bold);
  for await (const row of part.rows) {
    if (spaceOf(pages) < heightOf(pages, row, widths, regular)) {
      pages.addPage();
      drawRow(pages, part.columns, widths, bold);
    }
    drawRow(pages, row, widths, regular);
  }
  pages.moveDown(0.8);
};

const spaceOf = ({ page, y }: Pages): number => page.height - page.margins.bottom - y;

const heightOf = (
  pages: Pages,
  cells: readonly string[],
  widths: readonly number[],
  font: string,
): number => {
  pages.font(font, sizes.cell);
  const heights = widths.map((width, column) =>
    pages.heightOfString(written(cells[column] ?? ''), { width: width - 2 * padding }),
  );
  return Math.max(sizes.cell, ...heights) + 2 * padding;
};

const drawRow = (pages: Pages, cells: readonly string[], widths: readonly number[], font: string): void => {
  const top = pages.y;
  const height = heightOf(pages, cells, widths, font);
  let left = margin;
  widths.forEach((width, column) => {
    pages.text(written(cells[column] ?? ''), left + padding, top + padding, {
      width: width - 2 * padding,
      // A cell that no page is high enough for is cut, and does not run on below the row.
      height: spaceOf(pages) - 2 * padding,
      ellipsis: true,
    });
    pages.y = top;
    left += width;
  });
  pages
    .moveTo(margin, top + height)
    .lineTo(left, top + height)
    .lineWidth(0.3)
    .stroke('#999999')
    .fillColor('black');
  pages.x = margin;
  pages.y = top + height;
};
