import type { Instance } from './registry.ts';

/** Chooses who gets the next call. Remembers what it chose, so each caller has one of its own. */
export interface Balancer {
  /** Undefined where there is nobody to choose. */
  choose(instances: readonly Instance[]): Instance | undefined;
  /** What was chosen is done. */
  release(instance: Instance): void;
}

export const strategies = ['round robin', 'weighted', 'least connections'] as const;
export type Strategy = (typeof strategies)[number];

const nothing = (): void => undefined;

/** One after the other, by id; one that comes or goes does not begin the round anew. */
const roundRobin = (): Balancer => {
  let last = '';
  return {
    choose: (instances) => {
      const inOrder = instances.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const next = inOrder.find(({ id }) => id > last) ?? inOrder[0];
      last = next?.id ?? last;
      return next;
    },
    release: nothing,
  };
};

/**
 * By weight, and evenly in time: everybody earns their weight at each call, who has most is chosen and pays what all have earned.
 * Of weights 3 and 1 the second gets every fourth call, and not the last of a hundred.
 */
const weighted = (): Balancer => {
  let earned = new Map<string, number>();
  return {
    choose: (instances) => {
      const [first, ...others] = instances;
      if (!first) return undefined;
      earned = new Map(instances.map(({ id, weight }) => [id, (earned.get(id) ?? 0) + weight]));
      const of = ({ id }: Instance) => earned.get(id) ?? 0;
      const chosen = others.reduce((best, one) => (of(one) > of(best) ? one : best), first);
      earned.set(chosen.id, of(chosen) - instances.reduce((sum, { weight }) => sum + weight, 0));
      return chosen;
    },
    release: nothing,
  };
};

/** Who has least to do: calls of this caller that are not back, and what the instance said that it had in work. */
const leastConnections = (): Balancer => {
  const open = new Map<string, number>();
  const turn = roundRobin();
  const load = ({ id, inFlight }: Instance) => (open.get(id) ?? 0) + inFlight;
  return {
    choose: (instances) => {
      const least = Math.min(...instances.map(load));
      const chosen = turn.choose(instances.filter((instance) => load(instance) === least));
      if (chosen) open.set(chosen.id, (open.get(chosen.id) ?? 0) + 1);
      return chosen;
    },
    release: ({ id }) => {
      const left = (open.get(id) ?? 0) - 1;
      if (left > 0) open.set(id, left);
      else open.delete(id);
    },
  };
};

export const balancer = (strategy: Strategy): Balancer =>
  ({ 'round robin': roundRobin, weighted, 'least connections': leastConnections })[strategy]();
