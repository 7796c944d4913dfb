import type { Contract } from '@jangada/hop/hop.ts';
import { discover } from '@jangada/mesh/registry.ts';
import { overallOf, type SystemHealth } from '@jangada/runtime/overall.ts';
import { rollCall } from '@jangada/runtime/roll-call.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { Command } from 'commander';
import { collect } from '../topology.ts';
import { exitCodes } from './failure.ts';
import { type Figures, scrape } from './figures.ts';
import { type Operator, openOperator } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';
import { type Lag, lagsOf } from './status.ts';

/** The system as a whole: how it does, in figures, and which patterns carry it. */

/** Ends as soon as all have answered. */
const answerMs = 3_000;

const statusesOf = ({ nc }: Operator, contracts: readonly Contract[]): Promise<readonly Status[]> =>
  rollCall(
    nc,
    contracts.map(({ name }) => name),
    answerMs,
  );

const readHealth = async (): Promise<SystemHealth> => {
  const contracts = await collect();
  await using operator = await openOperator();
  const expected = contracts.map(({ name, kind, ...own }) => ({
    ...{ name, kind },
    spares: 'spares' in own ? Object.keys(own.spares) : [],
  }));
  return overallOf(expected, await statusesOf(operator, contracts));
};

/** What one process has done since it started; null where it was not reached. */
export interface Done {
  readonly name: string;
  readonly messages: number | null;
  readonly averageMs: number | null;
  readonly retries: number | null;
  readonly rejected: number | null;
  readonly memoryMb: number | null;
  readonly cpuSeconds: number | null;
}

export const doneBy = (name: string, figures: Figures | undefined): Done => {
  const figure = (of: string): number | null => figures?.get(of) ?? null;
  const rounded = (value: number | null, decimals = 0) =>
    value === null ? null : Number(value.toFixed(decimals));
  const [seconds, count] = [figure('hop_duration_seconds_sum'), figure('hop_duration_seconds_count')];
  const memory = figure('process_resident_memory_bytes');
  return {
    name,
    messages: figure('hop_messages_total'),
    averageMs: seconds !== null && count ? rounded((seconds / count) * 1_000, 1) : null,
    retries: figure('hop_retries_total'),
    rejected: figure('hop_bulkhead_rejections_total'),
    memoryMb: memory === null ? null : rounded(memory / 2 ** 20),
    cpuSeconds: rounded(figure('process_cpu_seconds_total'), 1),
  };
};

const readMetrics = async (): Promise<Done[]> => {
  await using operator = await openOperator();
  const statuses = await statusesOf(operator, await collect());
  return Promise.all(statuses.map(async ({ name, url }) => doneBy(name, await scrape(url))));
};

/** A pattern, whether it is at work now, and the command that shows it do so. */
export interface Pattern {
  readonly pattern: string;
  readonly status: 'at work' | 'in part' | 'not seen';
  readonly found: string;
  readonly shown: string;
}

const statusOf = (some: number, all: number): Pattern['status'] => {
  if (some === 0) return 'not seen';
  return some < all ? 'in part' : 'at work';
};

const shownBy = (name: string): string => `npx jangada patterns ${name}`;

export const patternsOf = (
  contracts: readonly Contract[],
  {
    lags,
    statuses,
    registered,
    cache,
  }: {
    readonly lags: ReadonlyMap<string, Lag>;
    readonly statuses: readonly Status[];
    readonly registered: readonly string[];
    readonly cache: { readonly hits: number; readonly misses: number } | undefined;
  },
): Pattern[] => {
  const hearing = contracts.filter(({ kind }) => kind !== 'border').length;
  const waiting = [...lags.values()].reduce((sum, lag) => sum + lag.waiting, 0);
  const closed = statuses.filter(({ breaker }) => breaker === 'closed').length;
  const present = contracts.filter(({ name }) => registered.includes(name)).length;
  const read = cache ? cache.hits + cache.misses : 0;
  return [
    {
      pattern: 'event-driven',
      status: statusOf(lags.size, hearing),
      found: `${lags.size} of ${hearing} consumers, ${waiting} messages wait`,
      shown: shownBy('event-driven'),
    },
    {
      pattern: 'circuit breaker',
      status: statusOf(closed, statuses.length),
      found: `${closed} of ${statuses.length} closed`,
      shown: shownBy('circuit-breaker'),
    },
    {
      pattern: 'service mesh',
      status: statusOf(present, contracts.length),
      found: `${registered.length} instances of ${present} of ${contracts.length} services`,
      shown: shownBy('service-mesh'),
    },
    {
      pattern: 'caching',
      status: statusOf(cache ? 1 : 0, 1),
      found: read > 0 ? `${cache?.hits} of ${read} reads found` : 'nothing was read yet',
      shown: shownBy('caching'),
    },
  ];
};

const readPatterns = async (): Promise<Pattern[]> => {
  const contracts = await collect();
  await using operator = await openOperator();
  const [lags, statuses, registered] = await Promise.all([
    lagsOf(operator.jsm, contracts),
    statusesOf(operator, contracts),
    discover(operator.nc),
  ]);
  const keeps = await Promise.all(
    statuses.filter(({ name }) => name === 'data-access').map(({ url }) => scrape(url)),
  );
  const sum = (name: string) => keeps.reduce((total, figures) => total + (figures?.get(name) ?? 0), 0);
  const cache = keeps.some(Boolean)
    ? { hits: sum('cache_hits_total'), misses: sum('cache_misses_total') }
    : undefined;
  return patternsOf(contracts, { lags, statuses, cache, registered: registered.map(({ name }) => name) });
};

export const archCommand = (): Command =>
  new Command('arch')
    .description('the system as a whole')
    .addCommand(
      new Command('health')
        .description('healthy, degraded or unhealthy, and why; 1 where it is unhealthy')
        .addOption(jsonOption())
        .action(async (format: Format) => {
          const health = await readHealth();
          if (health.status === 'unhealthy') process.exitCode = exitCodes.failed;
          print(format, health, () =>
            [
              health.status,
              ...health.reasons.map((reason) => `  ${reason}`),
              '',
              table(['service', 'health'], Object.entries(health.services)),
            ].join('\n'),
          );
        }),
    )
    .addCommand(
      new Command('metrics')
        .description('what each process has done since it started')
        .addOption(jsonOption())
        .action(async (format: Format) => {
          const done = await readMetrics();
          print(format, done, () =>
            table(
              ['service', 'messages', 'average (ms)', 'retries', 'rejected', 'memory (MB)', 'CPU (s)'],
              done.map(({ name, ...figures }) => [
                name,
                ...Object.values(figures).map((figure) => figure ?? undefined),
              ]),
            ),
          );
        }),
    )
    .addCommand(
      new Command('patterns')
        .description('which patterns carry it, and whether each is at work')
        .addOption(jsonOption())
        .action(async (format: Format) => {
          const patterns = await readPatterns();
          print(format, patterns, () =>
            table(
              ['pattern', 'status', 'found', 'shown by'],
              patterns.map(({ pattern, status, found, shown }) => [pattern, status, found, shown]),
            ),
          );
        }),
    );
