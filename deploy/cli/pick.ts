import { token } from '@jangada/proto/message.ts';
import { Failure } from './failure.ts';

/** A run, or what else is named by a tenant and an id. */
export interface Named {
  readonly tenant: string;
  readonly id: string;
}

/** @throws Failure when `text` cannot stand in a subject */
export const tokenOf = (text: string): string => {
  if (token.test(text)) return text;
  throw new Failure(`"${text}" is not an id: letters, digits, - and _ only, at most 64 of them`);
};

/**
 * The one that is meant by the beginning of its id; the whole id wins over longer ones.
 * @throws Failure when there is none or more than one
 */
export const pick = <N extends Named>(candidates: readonly N[], wanted: string): N => {
  const exact = candidates.filter(({ id }) => id === wanted);
  const found = exact.length > 0 ? exact : candidates.filter(({ id }) => id.startsWith(wanted));
  const [first, second] = found;
  if (!first)
    throw new Failure(
      `nothing is known of ${wanted}: it may be older than what is kept, or still wait to be taken`,
    );
  if (!second) return first;
  const some = found.slice(0, 5).map(({ tenant, id }) => `  ${id} of ${tenant}`);
  throw new Failure(`${wanted} is not the only one; give more of the id, or --tenant\n${some.join('\n')}`);
};
