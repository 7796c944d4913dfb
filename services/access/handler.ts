import { type Decide, emit } from '@jangada/hop/hop.ts';
import * as access from '@jangada/proto/access.ts';
import type { Code, Locale } from '@jangada/proto/errors.ts';
import type { contract } from './contract.ts';

/** What came of a command, the same however often it comes. */
export interface Outcome {
  readonly locale: Locale;
  readonly refused: Code | undefined;
  /** When what was changed ends by itself. */
  readonly until: string | undefined;
}

/** Says what came of a command. The decision itself is in checks.ts, taken within the transaction that acts on it. */
export const decide: Decide<typeof contract, Outcome> = ({ command: { action } }, outcome) => {
  const { locale, refused, until } = outcome;
  if (refused) return emit(access.refused, { action, locale, code: refused });
  return emit(access.changed, { action, locale, ...(until ? { until } : {}) });
};
