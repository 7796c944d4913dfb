import { type Decide, emit } from '@jangada/hop/hop.ts';
import type { Lookup, Tool } from '@jangada/packs/tool.ts';
import type { Row, ToolCall } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';
import type { Said } from './lookups.ts';

/** What is known when the rows are seen to. */
export interface Facts {
  /** Those of the source, in their order. */
  readonly tools: readonly Tool[];
  /** What each lookup got, by its name. */
  readonly said: ReadonlyMap<string, Said>;
  /** What was granted, for who tells the rows. */
  readonly grant: string;
}

/**
 * Brings rows up to date with what was said outside, and finds out what follows from them. What is away outside leaves
 * the rows as they are stored, and says of which day the oldest is.
 */
export const decide: Decide<typeof contract, Facts> = (body, { tools, said, grant }) => {
  const { plan, nextCursor, matches } = body;
  const isWhole = plan.cursor === undefined && nextCursor === undefined;
  const calls: ToolCall[] = [];
  let rows: readonly Row[] = body.rows;
  let findings: run.Finding[] = [];
  for (const tool of tools) {
    if (tool.kind === 'lookup') {
      const { outcome, rows: heard, from } = said.get(tool.name) ?? { outcome: 'unset', rows: [], from: '' };
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
  return emit(
    run.fetched,
    {
      ...body,
      rows: rows.slice(0, plan.limit),
      matches: isWhole ? rows.length : matches,
      tools: calls,
      ...(findings.length > 0 ? { findings } : {}),
    },
    { grant: Promise.resolve(grant) },
  );
};

const oldest = (rows: readonly Row[], { dated }: Lookup): string | undefined =>
  rows
    .map((row) => row[dated])
    .filter((day) => typeof day === 'string')
    .toSorted()
    .at(0);
