import { type Language, words } from '@jangada/nlu/text.ts';
import type { IntentPattern } from '@jangada/packs/pack.ts';
import type { Ask, Entity, Order, Plan } from '@jangada/proto/plan.ts';
import { questionMaxLength } from '@jangada/proto/run.ts';

/** Questions that go on from the one before: "e na sexta?", "and with Dr. Lima?". */

/** A question as it was understood. */
export interface Reading extends Said {
  readonly locale: Language;
  readonly pattern: IntentPattern;
  readonly score: number;
  readonly ask: Ask;
  /** Set where it wants the agenda changed. */
  readonly order?: Order;
}

/** What a question says of what it asks for. */
export interface Said {
  readonly source: string;
  readonly filter: Plan['filter'];
  readonly entities: readonly Entity[];
  /** True where it names a time that no calendar has. */
  readonly impossible: boolean;
}

/** How a question begins that goes on from another, folded. */
const beginnings = ['e', 'mas e', 'and', 'but', 'what about', 'how about', 'e quanto a', 'que tal'];

/** True when a canonical text begins as what goes on from a question before it. */
export const goesOn = (text: string): boolean => {
  const begins = `${words(text).slice(0, 4).join(' ')} `;
  return beginnings.some((beginning) => begins.startsWith(`${beginning} `));
};

const fragmentWords = 3;

/** True of a few words, which leave out what they are about where they do not say it: "na sexta?", "Bruno Rocha". */
export const isFragment = (text: string): boolean => words(text).length <= fragmentWords;

/** Ways to say whom rows are about: who is named anew is not also whom the former named. */
const whose = ['subject', 'subjectId', 'identifier', 'mine'] as const;
/** What one source calls so is nothing to another. */
const ofItsSource = ['state', 'facets', 'amount', 'thread', 'nearest'] as const;

const without = <T extends object>(all: T, names: readonly (keyof T)[]): Partial<T> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name as keyof T))) as Partial<T>;

/** What is asked for by a question that goes on: what it says itself, and of what the former said the rest. */
export const goneOn = (before: Said, own: Said): Said => {
  const anew = whose.some((way) => own.filter[way] !== undefined);
  const left = without(before.filter, [
    ...(anew ? whose : []),
    ...(own.source === before.source ? [] : ofItsSource),
  ]);
  const facets = { ...left.facets, ...own.filter.facets };
  const filter = {
    ...left,
    ...own.filter,
    ...nearestOf(left.nearest, own.filter.nearest),
    ...(Object.keys(facets).length > 0 ? { facets } : {}),
  };
  const types = new Set(own.entities.map(({ type }) => type));
  const kept = before.entities.filter(({ type, value }) =>
    type === 'facet'
      ? Object.entries(left.facets ?? {}).some(
          ([name, values]) => !own.filter.facets?.[name] && values.includes(value),
        )
      : !types.has(type) && filter[type] !== undefined,
  );
  return { ...own, filter, entities: [...own.entities, ...kept].slice(0, entitiesMax) };
};

/** What goes on is about what the former said too; the end is what was asked last. */
const nearestOf = (
  before: Plan['filter']['nearest'],
  own: Plan['filter']['nearest'],
): Pick<Plan['filter'], 'nearest'> =>
  before && own ? { nearest: { ...own, text: `${before.text}\n${own.text}`.slice(-questionMaxLength) } } : {};

const entitiesMax = 20;
