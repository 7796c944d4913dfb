import { join } from 'node:path';
import type { Contract } from '@jangada/hop/hop.ts';
import { rollCall, rollCallMs } from '@jangada/runtime/roll-call.ts';
import type { Status } from '@jangada/runtime/service.ts';
import type { JetStreamManager } from '@nats-io/jetstream';
import { Command, InvalidArgumentError } from 'commander';
import { home, type Local, NotRunning, readLocal } from '../local.ts';
import { collect, consumersOf } from '../topology.ts';
import { exitCodes, Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';

interface Options extends Format {
  readonly wait: number;
}

/** What waits for a service at the broker, in messages. */
export interface Lag {
  readonly waiting: number;
  readonly unacknowledged: number;
  readonly redelivered: number;
}

interface ServiceReport {
  readonly name: string;
  readonly healthy: boolean;
  /** Where its health and metrics are; null when it did not answer. */
  readonly url: string | null;
  readonly breaker: Status['breaker'] | null;
  readonly inFlight: number | null;
  readonly checks: Status['checks'];
  /** Null for a service without a consumer, or when the broker cannot tell. */
  readonly lag: Lag | null;
  /** What to do, when it is not healthy. */
  readonly next?: string;
}

/** State of the whole system. */
export interface Report {
  /** Every expected service has an instance that is healthy. */
  readonly ready: boolean;
  readonly edge: { readonly url: string | null };
  readonly services: readonly ServiceReport[];
}

const nextFor = (name: string, status: Status | undefined): string => {
  const log = join(home(), 'logs', `${name}.log`);
  if (!status) return `did not answer: \`npm start\` starts it; log at ${log}`;
  const ill = status.checks.filter((check) => check.status !== 'healthy').map((check) => check.name);
  return `${ill.length > 0 ? `no ${ill.join(', ')}` : 'draining'}; log at ${log}`;
};

/** Puts together who is expected, who answered and what waits. */
export const reportOf = (
  expected: readonly string[],
  answers: readonly Status[],
  lags: ReadonlyMap<string, Lag>,
  edgeUrl: string | null,
): Report => {
  const services = expected.flatMap((name): ServiceReport[] => {
    const instances = answers.filter((status) => status.name === name);
    return (instances.length > 0 ? instances : [undefined]).map((status) => ({
      name,
      healthy: status?.ready ?? false,
      url: status?.url ?? null,
      breaker: status?.breaker ?? null,
      inFlight: status?.inFlight ?? null,
      checks: status?.checks ?? [],
      lag: lags.get(name) ?? null,
      ...(status?.ready ? {} : { next: nextFor(name, status) }),
    }));
  });
  const ready = expected.every((name) =>
    services.some((service) => service.name === name && service.healthy),
  );
  return { ready, edge: { url: edgeUrl }, services };
};

/** The report as a person reads it. */
export const statusText = (report: Report): string =>
  [
    `${report.ready ? 'ready' : 'not ready'}${report.edge.url ? ` · ${report.edge.url}` : ''}`,
    '',
    table(
      ['service', 'state', 'breaker', 'in flight', 'waiting', 'unacknowledged', 'redelivered', 'health'],
      report.services.map((service) => [
        service.name,
        service.healthy ? 'healthy' : 'NOT HEALTHY',
        service.breaker ?? '',
        service.inFlight ?? undefined,
        service.lag?.waiting,
        service.lag?.unacknowledged,
        service.lag?.redelivered,
        service.url ?? '',
      ]),
    ),
    ...report.services.filter(({ next }) => next).map(({ name, next }) => `\n${name}: ${next}`),
  ].join('\n');

/** What waits for each service that has a consumer. */
export const lagsOf = async (
  jsm: JetStreamManager,
  contracts: readonly Contract[],
): Promise<Map<string, Lag>> => {
  const lags = new Map<string, Lag>();
  await Promise.all(
    contracts.map(async (contract) => {
      for (const { stream, durable } of consumersOf(contract)) {
        // A consumer that is not there yet has no lag to tell; the service that waits for it says so in its log.
        const info = await jsm.consumers.info(stream, durable).catch(() => undefined);
        if (!info) continue;
        const before = lags.get(contract.name) ?? { waiting: 0, unacknowledged: 0, redelivered: 0 };
        lags.set(contract.name, {
          waiting: before.waiting + info.num_pending,
          unacknowledged: before.unacknowledged + info.num_ack_pending,
          redelivered: before.redelivered + info.num_redelivered,
        });
      }
    }),
  );
  return lags;
};

/** Asks the running system. @throws Failure when the broker does not answer */
const readReport = async (local: Local, contracts: readonly Contract[], waitMs: number): Promise<Report> => {
  await using operator = await openOperator(local);
  const names = contracts.map(({ name }) => name);
  const [answers, lags] = await Promise.all([
    rollCall(operator.nc, names, waitMs),
    lagsOf(operator.jsm, contracts),
  ]);
  return reportOf(names, answers, lags, local.edgeUrl);
};

const localIfAny = (): Local | NotRunning => {
  try {
    return readLocal();
  } catch (error) {
    if (error instanceof NotRunning) return error;
    throw error;
  }
};

const milliseconds = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a whole number of milliseconds');
};

export const statusCommand = (): Command =>
  new Command('status')
    .description('is the system ready, and how is each service? Exit code 0 only when ready')
    .option('--wait <ms>', 'longest wait for answers', milliseconds, rollCallMs)
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const contracts = await collect();
      const local = localIfAny();
      try {
        if (local instanceof NotRunning) throw local;
        const report = await readReport(local, contracts, options.wait);
        print(options, report, () => statusText(report));
        if (!report.ready) process.exitCode = exitCodes.failed;
      } catch (error) {
        // Whoever polls for readiness gets the same document before anything runs.
        if (options.json && (error instanceof Failure || error instanceof NotRunning)) {
          const edgeUrl = local instanceof NotRunning ? null : local.edgeUrl;
          print(
            options,
            reportOf(
              contracts.map(({ name }) => name),
              [],
              new Map(),
              edgeUrl,
            ),
            () => '',
          );
        }
        throw error;
      }
    });
