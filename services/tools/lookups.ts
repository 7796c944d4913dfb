import { ConfigError } from '@jangada/config/config.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { Distrusted, type Outside } from '@jangada/outside/outside.ts';
import type { Said } from '@jangada/packs/seeing.ts';
import type { Lookup, Tool } from '@jangada/packs/tool.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Row } from '@jangada/proto/run.ts';
import type { Resilience } from '@jangada/runtime/resilience.ts';
import { faultFields, type Log } from '@jangada/telemetry/log.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { LRUCache } from 'lru-cache';

export interface Lookups {
  /** What is known outside of what a plan asks for. Never throws over a source that is away. */
  ask(tool: Lookup, plan: Plan): Promise<Said>;
}

/** How long an answer is told without asking again. */
const freshMs = 5 * 60_000;
/** How long it may still be told while its source is away. */
const staleMs = 24 * 3_600_000;
const answersMax = 500;

interface Answer {
  readonly rows: readonly Row[];
  readonly at: number;
}

interface Asking {
  readonly tool: Lookup;
  readonly url: URL;
}

/**
 * Through `policy`, that of all calls outside together: which rests while they fail, and then nobody waits for them.
 * @throws ConfigError for an address that may not be asked, or that nothing asks
 */
export const openLookups = ({
  known,
  urls,
  keys,
  outside,
  policy,
  metrics,
  log,
  now = Date.now,
}: {
  /** Every tool there is. */
  readonly known: readonly Tool[];
  /** By tool. */
  readonly urls: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, string>>;
  readonly outside: Outside;
  readonly policy: Resilience;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now?: () => number;
}): Lookups => {
  for (const [name, url] of Object.entries(urls)) checkAddress(name, url, known, outside);
  const calls = metrics.counter('tool_calls_total', 'Calls of tools that ask outside, by how they ended', [
    'tool',
    'outcome',
  ]);
  const distrusted = metrics.counter('tool_answers_distrusted_total', 'Answers from outside, not used', [
    'tool',
    'reason',
  ]);
  const duration = metrics.histogram(
    'tool_duration_seconds',
    'From asking a tool to what is told of it',
    [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5],
    ['tool'],
  );

  const fetchRows = async ({ tool, url }: Asking, signal: AbortSignal): Promise<readonly Row[]> => {
    try {
      const { data, success } = tool.output.safeParse(await outside.json(url, keys[tool.name], signal));
      if (!success || isAhead(data, tool.dated, now())) throw new Distrusted('shape');
      return data;
    } catch (error) {
      const cause = error instanceof Unavailable ? error.cause : error;
      if (cause instanceof Distrusted) distrusted.inc({ tool: tool.name, reason: cause.reason });
      throw error instanceof Unavailable ? error : new Unavailable('outside source', error);
    }
  };

  const answers = new LRUCache<string, Answer, Asking>({
    max: answersMax,
    ttl: freshMs,
    ttlResolution: 0,
    perf: { now },
    // What was said last stands while nobody can be asked.
    allowStaleOnFetchRejection: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: async (_url, _last, { context, signal }) => {
      try {
        const asked = policy.admit(() => policy.call((attempt) => fetchRows(context, attempt), signal));
        return { rows: await asked, at: now() };
      } catch (error) {
        const about = { operation: 'tool', tools_used: [context.tool.name], ...faultFields(error) };
        log.warn(about, 'nothing is known from outside');
        throw error;
      }
    },
  });

  const said = async (tool: Lookup, plan: Plan): Promise<Said> => {
    const base = urls[tool.name];
    if (base === undefined) return { outcome: 'unset', rows: [], from: '' };
    const url = new URL(base);
    for (const [name, value] of Object.entries(tool.asks(plan))) url.searchParams.set(name, value);
    const from = url.hostname;
    const began = now();
    try {
      const answer = await answers.forceFetch(url.href, { context: { tool, url } });
      const { rows, at } = answer;
      if (at >= began) return { outcome: 'fresh', rows, from };
      if (began - at < freshMs) return { outcome: 'remembered', rows, from };
      if (began - at < staleMs) return { outcome: 'stale', rows, from };
    } catch {
      // Told where it failed, for all who wait for the same.
    }
    return { outcome: 'away', rows: [], from };
  };

  return {
    ask: async (tool, plan) => {
      const started = performance.now();
      const answer = await said(tool, plan);
      const tookMs = performance.now() - started;
      calls.inc({ tool: tool.name, outcome: answer.outcome });
      duration.observe({ tool: tool.name }, tookMs / 1_000);
      const about = { tools_used: [tool.name], outcome: answer.outcome, count: answer.rows.length };
      log.info({ operation: 'tool', ...about, duration_ms: Math.round(tookMs) }, 'asked');
      return answer;
    },
  };
};

/** @throws ConfigError */
const checkAddress = (name: string, url: string, known: readonly Tool[], outside: Outside): void => {
  const wrong = (what: string): ConfigError => new ConfigError(`cannot start:\n  TOOL_URLS: ${what}`);
  if (!known.some((tool) => tool.kind === 'lookup' && tool.name === name))
    throw wrong(`no tool that asks outside is called ${name}`);
  try {
    outside.allow(new URL(url));
  } catch {
    throw wrong(`TOOL_HOSTS does not let ${name} ask there`);
  }
};

/** A day that is nowhere on earth yet. */
const isAhead = (rows: readonly Row[], dated: string, now: number): boolean => {
  const last = new Date(now + 14 * 3_600_000).toISOString().slice(0, 10);
  return rows.some((row) => String(row[dated]) > last);
};
