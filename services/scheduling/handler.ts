import { type Decide, emit } from '@jangada/hop/hop.ts';
import { type Command, done, refused } from '@jangada/proto/command.ts';
import type { Code, Locale } from '@jangada/proto/errors.ts';
import type { contract } from './contract.ts';

/** What came of a command, the same however often it comes. */
export type Outcome = { readonly type: Command['type'] } & (
  | { readonly refused: Code; readonly alternatives: readonly string[] }
  | {
      readonly appointmentId?: string;
      readonly version?: number;
      /** Place in the stream of its last event; carried out before, of the last of what it is about. */
      readonly position?: number;
      /** True where it was carried out before. */
      readonly again: boolean;
    }
);

/** Says what came of a command. The decision itself is in decide.ts, taken on what the events say. */
export const decide: Decide<typeof contract, { outcome: Outcome; locale: Locale }> = (
  _requested,
  { outcome, locale },
) => {
  const { type } = outcome;
  if (!('refused' in outcome)) {
    const { again: _again, ...said } = outcome;
    return emit(done, { ...said, locale });
  }
  const { refused: code, alternatives } = outcome;
  return emit(refused, {
    type,
    locale,
    code,
    ...(alternatives.length > 0 ? { alternatives: [...alternatives] } : {}),
  });
};
