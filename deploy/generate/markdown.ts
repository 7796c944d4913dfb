/** A table in Markdown. Cells may hold inline Markdown and `<br>`, but no bar. */
export const tableOf = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A time in its largest whole unit: `250 ms`, `30 s`, `1 d`. */
export const timeOf = (ms: number): string => {
  const [unit, length] = units.find(([, length]) => ms >= length && ms % length === 0) ?? ['ms', 1];
  return `${ms / length} ${unit}`;
};
