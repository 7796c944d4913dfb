import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Candidate } from './candidates.ts';
import type { Order, Outcome, Phase, Report, Target } from './load.ts';
import { cpuMs, machineBusyMs, memoryMb } from './processes.ts';

/** One phase as it was measured. */
export interface Measured {
  readonly inFlight: number;
  readonly runsPerSecond: number;
  /** Latency to the end of the answer, and to its first byte, in ms. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly firstByteP50: number;
  /** CPU time for each run in ms, by process. */
  readonly cpuPerRun: ReadonlyMap<string, number>;
  /** Share of the machine that others used, the measuring process itself included; 0.1 is a tenth. */
  readonly foreign: number;
}

/** Load on one candidate. */
export interface Load extends Disposable {
  run(phase: Phase): Promise<Measured>;
  /** Totals of all phases so far. */
  readonly totals: Pick<Outcome, 'answered' | 'failed' | 'fromCache' | 'complaint'>;
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

export const cpuSum = ({ cpuPerRun }: Measured): number =>
  [...cpuPerRun.values()].reduce((sum, one) => sum + one, 0);

export const peakMb = ({ processes }: Candidate): number =>
  processes.reduce((sum, process) => sum + memoryMb(process), 0);

const startGenerator = async (target: Target): Promise<ChildProcess> => {
  const child = fork(join(import.meta.dirname, 'load.ts'));
  child.send({ target } satisfies Order);
  await new Promise((resolve) => child.once('message', resolve));
  return child;
};

export const openLoad = async (candidate: Candidate): Promise<Load> => {
  const generator = await startGenerator(candidate.target);
  const counted = [...candidate.processes, { name: 'load generator', pid: generator.pid ?? 0 }];
  const snapshot = () => ({ busy: machineBusyMs(), at: performance.now(), cpu: counted.map(cpuMs) });
  let totals: Load['totals'] = { answered: 0, failed: 0, fromCache: 0 };

  const run = (phase: Phase): Promise<Measured> =>
    new Promise((resolve, reject) => {
      let before = snapshot();
      let after = before;
      const ended = () => reject(new Error('the load generator ended'));
      const hear = (report: Report): void => {
        if (report.state === 'counting') before = snapshot();
        if (report.state === 'counted') after = snapshot();
        if (report.state !== 'done') return;
        generator.off('message', hear).off('exit', ended);
        const { outcome } = report;
        totals = outcome;
        const runs = outcome.latencies.length;
        const used = counted.map((_, index) => (after.cpu[index] ?? 0) - (before.cpu[index] ?? 0));
        const foreignMs = after.busy - before.busy - used.reduce((sum, one) => sum + one, 0);
        const perRun = counted
          .slice(0, -1)
          .map(({ name }, index) => [name, (used[index] ?? 0) / runs] as const);
        resolve({
          inFlight: phase.inFlight,
          runsPerSecond: runs / (outcome.elapsedMs / 1_000),
          p50: quantile(outcome.latencies, 0.5),
          p95: quantile(outcome.latencies, 0.95),
          p99: quantile(outcome.latencies, 0.99),
          firstByteP50: quantile(outcome.firstBytes, 0.5),
          cpuPerRun: new Map(perRun),
          foreign: Math.max(0, foreignMs) / (after.at - before.at) / navigator.hardwareConcurrency,
        });
      };
      generator.on('message', hear).once('exit', ended);
      generator.send({ phase } satisfies Order);
    });

  return {
    run,
    get totals() {
      return totals;
    },
    [Symbol.dispose]: () => void generator.kill(),
  };
};

/** The median phase of several, figure by figure. */
export const median = (phases: readonly Measured[]): Measured => {
  const middle = (of: (phase: Measured) => number): number => {
    const sorted = phases.map(of).sort((a, b) => a - b);
    const half = Math.floor(sorted.length / 2);
    return sorted.length % 2 === 1
      ? (sorted[half] ?? Number.NaN)
      : ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
  };
  const [first] = phases;
  return {
    inFlight: first?.inFlight ?? 0,
    runsPerSecond: middle((phase) => phase.runsPerSecond),
    p50: middle((phase) => phase.p50),
    p95: middle((phase) => phase.p95),
    p99: middle((phase) => phase.p99),
    firstByteP50: middle((phase) => phase.firstByteP50),
    cpuPerRun: new Map(
      [...(first?.cpuPerRun.keys() ?? [])].map((name) => [
        name,
        middle((phase) => phase.cpuPerRun.get(name) ?? 0),
      ]),
    ),
    foreign: middle((phase) => phase.foreign),
  };
};
