import type { Body } from '@jangada/proto/message.ts';
import type * as run from '@jangada/proto/run.ts';
import type { Lookup, Tool } from './tool.ts';

/** What a source outside said, and how fresh it is. */
export interface Said {
  readonly outcome: Exclude<run.ToolCall['outcome'], 'done'>;
  readonly rows: readonly run.Row[];
  /** The host that said it. */
  readonly from: string;
}

type Read = Pick<Body<typeof run.found>, 'plan' | 'rows' | 'nextCursor' | 'matches'>;
type Seen = Pick<Body<typeof run.fetched>, 'rows' | 'matches' | 'tools' | 'findings'>;

/**
 * Brings rows up to date with what `saidTo` each lookup, and finds out what follows from them. What is away outside leaves
 * the rows as they are stored, and says of which day the oldest is.
 */
export const seeTo = (
  { plan, nextCursor, matches, rows: stored }: Read,
  tools: readonly Tool[],
  saidTo: (tool: Lookup) => Said,
): Seen => {
  const isWhole = plan.cursor === undefined && nextCursor === undefined;
  const calls: run.ToolCall[] = [];
  let rows: readonly run.Row[] = stored;
  let findings: run.Finding[] = [];
  for (const tool of tools) {
    if (tool.kind === 'lookup') {
      const { outcome, rows: heard, from } = saidTo(tool);
      if (heard.length > 0) rows = tool.update({ plan, rows, isWhole }, heard, from);
      const since = outcome === 'stale' || outcome === 'away' ? oldest(rows, tool) : undefined;
      calls.push({ tool: tool.name, outcome, rows: heard.length, ...(since ? { since } : {}) });
      continue;
    }
    const found = tool.judge(rows.slice(0, plan.limit));
    if (!found) continue;
    findings = [...findings, ...found];
    calls.push({ tool: tool.name, outcome: 'done', rows: rows.length });
  }
  return {
    rows: rows.slice(0, plan.limit),
    matches: isWhole ? rows.length : matches,
    tools: calls,
    ...(findings.length > 0 ? { findings } : {}),
  };
};

const oldest = (rows: readonly run.Row[], { dated }: Lookup): string | undefined =>
  rows
    .map((row) => row[dated])
    .filter((day) => typeof day === 'string')
    .toSorted()
    .at(0);
