import { type Decide, emit } from '@jangada/hop/hop.ts';
import * as access from '@jangada/proto/access.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { Body } from '@jangada/proto/message.ts';
import { understood } from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';
import type { Result } from './effect.ts';

/** What came of a command, the same however often it comes. */
export interface Outcome extends Result {
  readonly locale: Locale;
  /** The question that the command lets go on, where it answered what it was interrupted for. */
  readonly goesOn: Body<typeof understood> | undefined;
}

/** Says what came of a command. The decision itself is in checks.ts, taken within the transaction that acts on it. */
export const decide: Decide<typeof contract, Outcome> = ({ command: { action } }, outcome) => {
  const { locale, refused: code, until, goesOn } = outcome;
  if (goesOn) return emit(understood, goesOn);
  // A no is no failure.
  if (code === 'CANCELLED')
    return emit(access.refused, { action, locale, code }, { tell: { type: 'cancelled' } });
  if (code) return emit(access.refused, { action, locale, code });
  return emit(access.changed, { action, locale, ...(until ? { until } : {}) });
};
