import { type Decide, emit } from '@jangada/hop/hop.ts';
import { type Said, seeTo } from '@jangada/packs/seeing.ts';
import type { Tool } from '@jangada/packs/tool.ts';
import * as run from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';

/** What is known when the rows are seen to. */
export interface Facts {
  /** Those of the source, in their order. */
  readonly tools: readonly Tool[];
  /** What each lookup got, by its name. */
  readonly said: ReadonlyMap<string, Said>;
  /** What was granted, for who tells the rows. */
  readonly grant: string;
}

const unset: Said = { outcome: 'unset', rows: [], from: '' };

/** Sees to rows with what was said outside. */
export const decide: Decide<typeof contract, Facts> = (body, { tools, said, grant }) =>
  emit(
    run.fetched,
    { ...body, ...seeTo(body, tools, ({ name }) => said.get(name) ?? unset) },
    { grant: Promise.resolve(grant) },
  );
