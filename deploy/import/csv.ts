import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import { parse as parseText } from 'csv-parse/sync';

/** One line of a CSV file, counted from 1. `fault` says why it could not be parted into fields. */
export interface Line {
  readonly number: number;
  readonly fields: readonly string[];
  readonly fault?: string;
}

const longestLine = 1_000_000;

/**
 * The lines of a CSV file (RFC 4180, UTF-8), header included, blank lines left out, without holding more of the
 * file than a few buffers.
 *
 * A record is one line: Synthea blanks line breaks, so a quote that nobody closes costs its own line and not the
 * rest of the file.
 *
 * @throws what reading the file throws
 */
export async function* readLines(path: string): AsyncGenerator<Line> {
  const parser = parse({
    bom: true,
    info: true,
    quote: null,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestLine,
  });
  // Whoever reads the parser gets the failure; the callback only keeps it from being thrown twice.
  const records = pipeline(createReadStream(path), parser, () => undefined);
  try {
    for await (const { record, info } of records as AsyncIterable<{ record: string[]; info: Info }>) {
      yield unquoted(info.lines, record);
    }
  } catch (error) {
    if (!(error instanceof CsvError && error.code === 'CSV_MAX_RECORD_SIZE')) throw error;
    const fault = `is longer than ${longestLine} bytes, the rest of the file was not read`;
    yield { number: parser.info.lines, fields: [], fault };
  }
}

/** Quotes are rare: Synthea writes none around a field, spreadsheets do where a field holds a comma. */
function unquoted(number: number, fields: string[]): Line {
  if (!fields.some((field) => field.includes('"'))) return { number, fields };
  try {
    const [parted = []] = parseText(fields.join(','), { relax_quotes: true, relax_column_count: true });
    return { number, fields: parted };
  } catch {
    return { number, fields, fault: 'has a quote that is not closed' };
  }
}
