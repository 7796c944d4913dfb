import type { Plan } from '@jangada/proto/plan.ts';
import type { Finding, Row } from '@jangada/proto/run.ts';
import type { z } from 'zod';

/**
 * What sees to the rows of a list before they are told. A tool is pure: where it has to ask outside, the service of tools
 * asks for it, at an address that whoever operates the system has allowed.
 */
export type Tool = Lookup | Judgement;

interface Named {
  /** `[a-z_]+`, as runs and settings name it. */
  readonly name: string;
  /** One sentence: what it does. */
  readonly says: string;
  /** What it is called with. */
  readonly input: z.ZodType;
}

/** Asks one source outside for rows that are newer than the stored ones, or beside them. */
export interface Lookup extends Named {
  readonly kind: 'lookup';
  /** The parameters of the address that is asked. Nothing of a plan that could name a person may be among them. */
  asks(plan: Plan): Readonly<Record<string, string>>;
  /** The rows in an answer. One that it does not take is not believed in any part. */
  readonly output: z.ZodType<readonly Row[]>;
  /** The field that says of which day a row is. */
  readonly dated: string;
  /** The stored rows with what was said, in the order of the source. `from` is the host that said it. */
  update(stored: Stored, said: readonly Row[], from: string): readonly Row[];
}

/** Rows as they are stored. */
export interface Stored {
  readonly plan: Plan;
  readonly rows: readonly Row[];
  /** False where they are a page of more: nothing can be put between two pages. */
  readonly isWhole: boolean;
}

/** Finds out something about the rows. */
export interface Judgement extends Named {
  readonly kind: 'judgement';
  /** Kinds of what it finds; the pack's wording tells each. */
  readonly finds: readonly string[];
  /** Undefined where there is nothing to judge. */
  judge(rows: readonly Row[]): readonly Finding[] | undefined;
}
