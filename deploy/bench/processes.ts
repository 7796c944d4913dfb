import { readdirSync, readFileSync } from 'node:fs';

/** CPU time and memory of processes, from Linux' /proc. */

export interface Process {
  readonly name: string;
  readonly pid: number;
  /** PostgreSQL: one process per connection, which together are one server and share most of their memory. */
  readonly hasChildren?: boolean;
}

/** Linux reports CPU time in ticks of 10 ms on every architecture that Node runs on. */
const tickMs = 10;

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Fields of /proc/<pid>/stat from the third on; the second, the command, may hold spaces. */
const statOf = (pid: number): readonly string[] => {
  const text = read(pid, 'stat');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

const sumOf = (fields: readonly string[], places: readonly number[]): number =>
  places.reduce((sum, place) => sum + Number(fields[place] ?? 0), 0) * tickMs;

const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((child) => child > 0 && Number(statOf(child)[1]) === pid);

const own = [11, 12];
/** Those of children that have ended are counted at their parent. */
const ownAndEnded = [11, 12, 13, 14];

/** User and system time since the start of a process, in ms. */
export const cpuMs = ({ pid, hasChildren }: Process): number =>
  hasChildren
    ? childrenOf(pid).reduce((sum, child) => sum + sumOf(statOf(child), own), sumOf(statOf(pid), ownAndEnded))
    : sumOf(statOf(pid), own);

const kibibytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);

/** Peak resident memory in MiB; of a family its proportional share now, since its members share pages. */
export const memoryMb = ({ pid, hasChildren }: Process): number => {
  if (!hasChildren) return kibibytes(read(pid, 'status'), 'VmHWM') / 1_024;
  const shares = [pid, ...childrenOf(pid)].map((one) => kibibytes(read(one, 'smaps_rollup'), 'Pss'));
  return shares.reduce((sum, share) => sum + share, 0) / 1_024;
};

/** Time that all processors together were busy since boot, in ms, stolen time included. */
export const machineBusyMs = (): number => {
  const [total = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, _idle, _iowait, irq = 0, softirq = 0, steal = 0] = total
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * tickMs;
};
