import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { folder } from './sets.ts';

/**
 * Texts that try to command whoever reads them, and texts that only sound so. Nothing was learned from any; the signs were
 * written with `own-generated` in sight, of which the others are independent.
 */

const row = z.object({
  text: z.string(),
  label: z.union([z.literal(0), z.literal(1)]),
  source: z.string(),
  lang: z.string().optional(),
});
export interface Labelled {
  readonly source: string;
  readonly language: string;
  readonly texts: readonly string[];
}

/** The longest question that the edge lets in, in characters. */
const longest = 2_000;

const languageOf = ({ source, lang }: z.output<typeof row>): string =>
  lang ?? (/-(pt|en)$/.exec(source)?.[1] || 'en and others');

const readSet = (set: string, label: 0 | 1): readonly Labelled[] | undefined => {
  const path = join(folder(), set);
  if (!existsSync(path)) return undefined;
  const rows = globSync('**/*.jsonl', { cwd: path })
    .sort()
    .flatMap((file) => readFileSync(join(path, file), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => row.parse(JSON.parse(line)))
    .filter((one) => one.label === label);
  const groups = Map.groupBy(rows, (one) => `${one.source}\n${languageOf(one)}`);
  return [...groups].map(([name, some]) => {
    const [source = '', language = ''] = name.split('\n');
    return { source, language, texts: some.map(({ text }) => text.slice(0, longest)) };
  });
};

const sets = ['own-generated', 'prompt-injection'] as const;

/** By source and language, and the sets that are not on this machine. */
export const attacks = (): { readonly found: readonly Labelled[]; readonly missing: readonly string[] } => ({
  found: sets.flatMap((set) => readSet(set, 1) ?? []),
  missing: sets.filter((set) => !existsSync(join(folder(), set))),
});

/** Harmless sentences with the words of attacks; undefined where they are not on this machine. */
export const contrast = (): readonly Labelled[] | undefined => readSet('own-generated', 0);
