import { packOf } from '@jangada/packs/registry.ts';
import { warmer } from '@jangada/trust/pass.ts';
import { Command } from 'commander';
import { iso, type Moment, rowsOf } from './database.ts';
import { daysOption } from './days.ts';
import { type Format, jsonOption, print, table } from './output.ts';

/** What was read of one source in one hour, and where it was found. */
export interface Hour {
  readonly tenant: string;
  readonly pack: string;
  readonly source: string;
  /** When it began. */
  readonly hour: string;
  readonly reads: number;
  /** Found in memory of the service. */
  readonly local: number;
  /** Found in Redis. */
  readonly redis: number;
  /** Seconds since it was read, which nine of ten that were found are younger than; null where none was found. */
  readonly ageSeconds: number | null;
}

/** A source over all hours, and what could be better. */
export interface Advice {
  readonly tenant: string;
  readonly source: string;
  readonly reads: number;
  /** Share that was found, from 0 to 1. */
  readonly found: number;
  readonly advice: string;
}

interface Options extends Format {
  readonly tenant?: string;
  readonly days: number;
}

const read = async ({ tenant, days }: Options): Promise<Hour[]> => {
  const rows = await rowsOf<Omit<Hour, 'hour'> & { hour: Moment }>(
    `select tenant_id as tenant, tenants.pack, resource as source, date_trunc('hour', at, 'UTC') as hour, count(*)::int as reads,
       (count(*) filter (where details->>'tier' = 'local'))::int as local,
       (count(*) filter (where details->>'tier' = 'redis'))::int as redis,
       (percentile_disc(0.9) within group (order by extract(epoch from at - (details->>'asOf')::timestamptz))
         filter (where details ? 'tier'))::float8 as "ageSeconds"
     from audit_entries join tenants on tenants.id = tenant_id
     where fact = 'run.fetched' and not (actor = $3 and role = $4) and ($1::text is null or tenant_id = $1) and at >= now() - $2 * interval '1 day'
     group by 1, 2, 3, 4 order by 1, 3, 4`,
    [tenant ?? null, days, warmer.subject, warmer.role],
  );
  return rows.map((row) => ({ ...row, hour: iso(row.hour) }));
};

/** Below this many reads chance says more than the cache does. */
const tellingReads = 20;

const sum = (hours: readonly Hour[], of: (hour: Hour) => number): number =>
  hours.reduce((total, hour) => total + of(hour), 0);
const missed = ({ reads, local, redis }: Hour): number => reads - local - redis;

/** Longest that rows of a source are remembered, in seconds. */
const ttlOf = ({ pack: name, source }: Hour): number => {
  const pack = packOf(name);
  const own = pack.caches?.filter(({ sources }) => sources.includes(source)) ?? [];
  const intents = pack.intents.filter(({ dataSources }) => dataSources[0] === source);
  return Math.max(0, ...(own.length > 0 ? own : intents).map(({ ttlSeconds }) => ttlSeconds));
};

const wordsFor = (hours: readonly [Hour, ...Hour[]]): string => {
  const reads = sum(hours, (hour) => hour.reads);
  const misses = sum(hours, missed);
  if (reads < tellingReads) return 'too few reads to tell';
  if (misses <= reads / 5) return 'most is found';
  const worst = hours.reduce((one, other) => (missed(other) > missed(one) ? other : one));
  if (hours.length > 1 && missed(worst) > misses / 2)
    return `most is missed from ${worst.hour.slice(11, 16)} UTC on: something forgets it then, or it is first asked then`;
  const ttl = ttlOf(hours[0]);
  const oldest = Math.max(...hours.map(({ ageSeconds }) => ageSeconds ?? 0));
  return oldest > 0.7 * ttl
    ? `what is found lives to its end: more than ${ttl} s (ttlSeconds) would find more`
    : 'questions differ more than they repeat, or the data change often: a longer time would find little';
};

export const adviceOf = (hours: readonly Hour[]): Advice[] =>
  [...Map.groupBy(hours, ({ tenant, source }) => JSON.stringify([tenant, source])).values()].flatMap(
    ([first, ...rest]) => {
      if (!first) return [];
      const all = [first, ...rest] as const;
      const reads = sum(all, (hour) => hour.reads);
      const found = Math.round((1 - sum(all, missed) / reads) * 100) / 100;
      return [{ tenant: first.tenant, source: first.source, reads, found, advice: wordsFor(all) }];
    },
  );

const share = (part: number, whole: number): string => `${Math.round((part / whole) * 100)} %`;

const nothing = 'nothing was read';

const statsText = (hours: readonly Hour[]): string =>
  hours.length === 0
    ? nothing
    : table(
        ['tenant', 'source', 'hour (UTC)', 'reads', 'in memory', 'in Redis', 'found'],
        hours.map((one) => [
          ...[one.tenant, one.source, one.hour.slice(0, 16).replace('T', ' ')],
          ...[one.reads, one.local, one.redis, share(one.local + one.redis, one.reads)],
        ]),
      );

const analyticsText = (hours: readonly Hour[]): string =>
  hours.length === 0
    ? nothing
    : table(
        ['tenant', 'source', 'reads', 'found', 'advice'],
        adviceOf(hours).map(({ tenant, source, reads, found, advice }) => [
          ...[tenant, source, reads, share(found, 1), advice],
        ]),
      );

export const cacheText = (hours: readonly Hour[]): string =>
  hours.length === 0 ? nothing : `${statsText(hours)}\n\n${analyticsText(hours)}`;

/** The options are those of the command above, which takes them wherever they stand. */
const part = (
  name: string,
  says: string,
  value: (hours: Hour[]) => unknown,
  text: (hours: Hour[]) => string,
) =>
  new Command(name).description(says).action(async (_own: object, command: Command) => {
    const options = command.optsWithGlobals<Options>();
    const hours = await read(options);
    print(options, value(hours), () => text(hours));
  });

export const cacheCommand = (): Command =>
  new Command('cache')
    .description('how much of what was read was remembered, by hour and tier, and what could be better')
    .option('--tenant <tenant>', 'one tenant; all otherwise')
    .addOption(daysOption(1))
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const hours = await read(options);
      print(options, { hours, advice: adviceOf(hours) }, () => cacheText(hours));
    })
    .addCommand(part('stats', 'reads by hour, and where they were found', (hours) => hours, statsText))
    .addCommand(part('analytics', 'what could be better of each source', adviceOf, analyticsText));
