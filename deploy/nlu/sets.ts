import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Example } from '@jangada/nlu/learn.ts';
import { words } from '@jangada/nlu/text.ts';
import { z } from 'zod';
import { root } from '../topology.ts';

/** Public sets of questions. They stay where the data for imports is, outside the repository. */

/** Where the sets are. */
export const folder = (env: NodeJS.ProcessEnv = process.env): string =>
  env['JANGADA_DATA_DIR'] ?? join(root, '../shared/data');

/** Where a set is from, as its licence wants it told. */
export interface Origin {
  readonly name: string;
  readonly by: string;
  readonly licence: string;
}

export const origins = {
  clinc150: { name: 'CLINC150', by: 'Larson et al., 2019, github.com/clinc/oos-eval', licence: 'CC BY 3.0' },
  'massive-en': { name: 'MASSIVE 1.x, en-US', by: 'FitzGerald et al., 2022, Amazon', licence: 'CC BY 4.0' },
  'cosibot-pt': {
    name: 'Cosibot, pt-PT',
    by: 'github.com/cosibot/cosibot-portugal-portuguese',
    licence: 'MIT',
  },
  'home-assistant-intents': {
    name: 'Home Assistant intents, pt-BR',
    by: 'github.com/home-assistant/intents',
    licence: 'CC BY 4.0',
  },
} as const satisfies Record<string, Origin>;
export type SetName = keyof typeof origins;

const row = z.object({ text: z.string(), intent: z.string(), scenario: z.string().optional() });
export type Row = z.output<typeof row>;

/** The rows of one file of a set; undefined where it is not on this machine. */
export const rowsOf = (set: SetName, part: string): Row[] | undefined => {
  const path = join(folder(), set, `${part}.jsonl`);
  if (!existsSync(path)) return undefined;
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => row.parse(JSON.parse(line)));
};

export const examplesIn = (rows: readonly Row[]): Example[] =>
  rows.map(({ text, intent }) => ({ text, label: intent }));

const folds = 5;

/**
 * Five times a fifth for testing and the rest to learn from, by the text itself, so that what differs in capitals or signs
 * is on one side.
 */
export const split = (rows: readonly Row[]): { learn: Row[]; test: Row[] }[] => {
  const foldOf = ({ text }: Row): number =>
    (createHash('sha256').update(words(text).join(' ')).digest()[0] ?? 0) % folds;
  return Array.from({ length: folds }, (_, fold) => ({
    learn: rows.filter((one) => foldOf(one) !== fold),
    test: rows.filter((one) => foldOf(one) === fold),
  }));
};
