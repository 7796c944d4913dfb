import { mentions } from '@jangada/nlu/phrases.ts';
import type { Source } from '@jangada/packs/pack.ts';
import type { Plan } from '@jangada/proto/plan.ts';

/** The values of a source's facets that a text names; undefined where it names none. */
export const facetsOf = (text: string, { facets = {} }: Source): Plan['filter']['facets'] => {
  const named = Object.entries(facets)
    .map(([name, { values }]): [string, string[]] => [
      name,
      Object.keys(values).filter((value) => mentions(text, values[value] ?? [])),
    ])
    .filter(([, values]) => values.length > 0);
  return named.length > 0 ? Object.fromEntries(named) : undefined;
};
