import type { Contract } from '@jangada/hop/hop.ts';
import type { Message } from '@jangada/proto/message.ts';
import { heardBy, saidBy } from '../topology.ts';

/**
 * Who said a fact of a run. Several services may refuse; the one that hears what was said just before is meant.
 * With nothing said before, it is one that does not wait for a fact.
 */
export const speakersOf = (
  contracts: readonly Contract[],
  fact: Message,
  before: Message | undefined,
): readonly string[] => {
  const able = contracts.filter((contract) => saidBy(contract).includes(fact));
  const likely = able.filter((contract) =>
    before ? heardBy(contract).includes(before) : !heardBy(contract).some(({ kind }) => kind === 'fact'),
  );
  return (likely.length > 0 ? likely : able).map(({ name }) => name);
};
