import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from '../topology.ts';

/** An attack as data: what is done, where it enters, and what must come of it. */
export const attackCase = z.object({
  id: z.string(),
  area: z.string(),
  attack: z.string(),
  how: z.object({
    tier: z.enum(['unit', 'integration', 'chaos']),
    entry: z.string(),
    steps: z.string(),
    payload: z.unknown().optional(),
  }),
  expected: z.looseObject({
    /** A word for the whole of what happens; `judge.ts` knows them, or the driver says that it held. */
    outcome: z.string(),
    code: z.string().optional(),
    /** Close code of the WebSocket. */
    close: z.int().optional(),
    /** What the audit trail, or what stands for it, is to hold. */
    audit: z.string().optional(),
    must_not: z.array(z.string()).optional(),
    headers: z.array(z.string()).optional(),
    max_ms: z.number().optional(),
  }),
});
export type AttackCase = z.output<typeof attackCase>;

/** Our own cases: one for each driver, so that a clone alone runs all of them. */
export const ownCases = join(import.meta.dirname, 'cases.jsonl');

/** A list that is kept outside the repository: where the data for imports is, unless the setting says otherwise. */
export const givenCases = (env: NodeJS.ProcessEnv = process.env): string => {
  const data = env['JANGADA_DATA_DIR'] ?? join(root, '../shared/data');
  return env['JANGADA_ADVERSARIAL_CASES'] ?? join(data, '../adversarial.jsonl');
};

/** @throws Error naming the line that is no case; undefined where there is no such file */
export const readCases = (path: string): readonly AttackCase[] | undefined => {
  if (!existsSync(path)) return undefined;
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (!line.trim()) return [];
      const { data, error } = attackCase.safeParse(parsed(line));
      if (!data) throw new Error(`${path}:${index + 1} is no case: ${z.prettifyError(error)}`);
      return [data];
    });
};

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};
