import type { Operator } from '../cli/operator.ts';

/** Where a demonstration takes place: a system that runs. */
export interface Stage {
  readonly operator: Operator;
  /** Tells what happened. */
  readonly say: (line: string) => void;
}

/** What was to be shown did not happen. The text says what did. */
export class NotShown extends Error {
  override readonly name = 'NotShown';
}

/** @throws NotShown */
export function expectThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new NotShown(otherwise);
}

/** @throws NotShown where what was to be shown does not happen */
export type Demonstration = (stage: Stage) => Promise<void>;
