import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { cpuSum, type Measured } from './measure.ts';

/** One candidate's figures: phases unloaded and with 64 and 256 runs in flight. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly unloaded: Measured;
  readonly at64: Measured;
  readonly at256: Measured;
  readonly rssMb: number;
  /** Phases behind each figure. */
  readonly repeats: number;
  readonly runs: number;
  readonly failed: number;
  readonly fromCache: number;
  readonly audited: { readonly expected: number; readonly found: number };
}

const shown = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (value >= 1_000) return String(Math.round(value));
  return value.toPrecision(3);
};

interface Column {
  readonly head: string;
  readonly of: (row: Row) => number;
}

const columns: readonly Column[] = [
  { head: 'p50 ms', of: (row) => row.unloaded.p50 },
  { head: 'p95 ms', of: (row) => row.unloaded.p95 },
  { head: 'p99 ms', of: (row) => row.unloaded.p99 },
  { head: 'first byte ms', of: (row) => row.unloaded.firstByteP50 },
  { head: 'runs/s @64', of: (row) => row.at64.runsPerSecond },
  { head: 'p99 @64 ms', of: (row) => row.at64.p99 },
  { head: 'runs/s @256', of: (row) => row.at256.runsPerSecond },
  { head: 'p99 @256 ms', of: (row) => row.at256.p99 },
  { head: 'CPU ms/run @64', of: (row) => cpuSum(row.at64) },
  { head: 'CPU ms/run unloaded', of: (row) => cpuSum(row.unloaded) },
  { head: 'RSS MB', of: (row) => row.rssMb },
];

const markdown = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const figures = (rows: readonly Row[]): string =>
  markdown(
    ['', ...columns.map(({ head }) => head)],
    rows.map((row) => [row.title, ...columns.map(({ of }) => shown(of(row)))]),
  );

/** Ours divided by each baseline: below 1 is less than the baseline. */
const ratios = ([ours, ...others]: readonly Row[]): string =>
  markdown(
    ['ours ÷ baseline', ...columns.map(({ head }) => head)],
    others.map((other) => [
      other.title,
      ...columns.map(({ of }) => (ours ? (of(ours) / of(other)).toFixed(2) : '–')),
    ]),
  );

const processor = (rows: readonly Row[]): string =>
  markdown(
    ['CPU ms/run @64', 'by process'],
    rows.map(({ title, at64 }) => [
      title,
      [...at64.cpuPerRun]
        .filter(([, used]) => used >= 0.0005)
        .sort(([, a], [, b]) => b - a)
        .map(([name, used]) => `${name} ${used.toFixed(3)}`)
        .join(', '),
    ]),
  );

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const accounts = (rows: readonly Row[]): string =>
  markdown(
    [
      '',
      'runs',
      'failed',
      'from cache',
      'audit rows found',
      'expected',
      'repeats',
      'used by others, 1 / 64 / 256',
    ],
    rows.map((row) => [
      row.title,
      String(row.runs),
      String(row.failed),
      String(row.fromCache),
      String(row.audited.found),
      String(row.audited.expected),
      String(row.repeats),
      [row.unloaded, row.at64, row.at256].map(({ foreign }) => percent(foreign)).join(' / '),
    ]),
  );

/** The tables, as a person reads them in a terminal and a browser shows them. The first row is ours. */
export const tables = (rows: readonly Row[]): string => {
  const comparable = rows.filter(({ name }) => name !== 'ours');
  const ours = rows.filter(({ name }) => name === 'ours').slice(0, 1);
  const compared = ours.length > 0 && comparable.length > 0 ? [ratios([...ours, ...comparable])] : [];
  return [figures(rows), ...compared, processor(rows), accounts(rows)].join('\n\n');
};

const versionOf = (name: string): string => {
  const file = new URL(`node_modules/${name}/package.json`, new URL('..', import.meta.url));
  return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
};

export const versions = (servers: readonly string[]): string =>
  [`Node ${process.versions.node}`, ...servers, ...['moleculer', 'nats', 'pg'].map(versionOf)].join(', ');

export const machine = (): string => {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model ?? 'unknown'}, ${memory} GiB, ${process.platform} ${process.arch}`;
};

/** RESULTS.md as a whole. */
export const document = (
  rows: readonly Row[],
  about: { command: string; date: string; versions: string; seconds: number },
): string => `# A run of five steps, beside what one would build instead

${about.date}, ${machine()}.
\`${about.command}\`; ${about.versions}.
Everything runs on one machine, the load generator included, over loopback.

${tables(rows)}

## What is measured
- Everybody answers the same question: a request of 1,024 bytes in Portuguese, understood, permitted, answered from
  21 rows out of 600,000 (600 clinics × 1,000 appointments, with the names of client and professional joined), told in
  pieces, audited. No question comes twice while a cache could still know it.
- Unloaded is one run in flight. 64 and 256 are closed loops: that many connections, each asking again as soon as it has
  its answer. Phases last ${about.seconds} s after a ramp of 1.5 s; candidates take turns; each figure is the median of its repeats.
- CPU is user and system time of all server processes, broker and database included, the load generator not. RSS is
  the sum of the peaks of all processes, and PostgreSQL's proportional share of memory.
- "Used by others" is processor time that belongs to none of these processes. Idle candidates are in it.

## Durability
- PostgreSQL syncs every commit to disk, for everybody.
- *fsync every second*: the broker has stored every message before it is acknowledged, a killed process loses nothing;
  a power cut may lose the last second. *fsync before every ack*: a power cut loses nothing either.
- Neither baseline is durable: what is in flight when a process dies is gone.

## Differences in shape
- Ours answer \`POST /v1/agui/assistant\` as server-sent events, with access token, signed pass and grant, row-level
  security that verifies the grant in the database, a cache in Redis that is read and filled, metrics, one log line
  for each run, and one run in a hundred traced. The baselines have none of these.
- Ours end an answer once the broker has stored it. Its audit rows are then stored messages, and are in the database a
  moment later; "audit rows found" counts them after the last run. The baselines answer after their audit row is committed.
- Ours without pass, grant, row-level security and sealed bodies are the same services with three things replaced as they
  are loaded: statements that nobody signs, bodies that nobody seals, tables with a plain condition on the tenant. What
  ours cost beside that is the price of trust. Access tokens and the cache
  stay as they are.
- Ours leave four audit rows for each run (understood, permitted, fetched, answered), the baselines one.
- Ours group the text by time, so an answer that is composed at once goes out in one piece; the baselines send ten.
- The baselines find the intent with four regular expressions; ours reads dates, names and amounts in two languages.
`;
