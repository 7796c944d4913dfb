import type { FileReport, Progress } from './synthea.ts';

const whole = new Intl.NumberFormat('en');
const rowsPerLine = 100_000;

interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): boolean;
}

/** Progress for people: on a terminal one line that updates, elsewhere lines that stay. */
export function printProgress(stream: Terminal): Progress {
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  const told = new Map<string, number>();
  return {
    rows(file, rows) {
      const text = `${file}: ${whole.format(rows)} rows read`;
      if (stream.isTTY) stream.write(`${clear}${text}`);
      else if (rows - (told.get(file) ?? 0) >= rowsPerLine) {
        told.set(file, rows);
        stream.write(`${text}\n`);
      }
    },
    badRow: ({ file, line, column, reason }) => {
      stream.write(`${clear}${file}:${line} ${column ?? 'the row'} ${reason}\n`);
    },
    done: (report) => {
      stream.write(`${clear}${report.file}: ${outcome(report)}\n`);
    },
  };
}

const outcome = ({ state, imported, skipped }: FileReport): string => {
  if (state === 'missing') return 'not in the folder, the rest goes on';
  if (state === 'refused') return 'columns are missing, the rest goes on';
  return `${whole.format(imported)} rows imported, ${whole.format(skipped)} skipped`;
};
