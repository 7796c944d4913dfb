import type { Ask, Plan } from '@jangada/proto/plan.ts';
import type * as run from '@jangada/proto/run.ts';
import type { z } from 'zod';
import type { Pack, Source } from './pack.ts';
import { sourceOf } from './rules.ts';

/** Lists of what a pack keeps, as plans. */

/** Rows on one page. */
export const pageSize = 50;
/** Questions of a conversation on one page, with their answers: a message of the broker has to hold all of it. */
const turnsSize = 20;

/** Other sources whose names the answer shows or the question uses; each needs its own permission. */
export const joinsOf = (source: Source, ask: Ask, filter: Plan['filter']): string[] => {
  const used = (table: string, named: string | undefined): boolean =>
    table !== source.table &&
    (named !== undefined ||
      (ask === 'list' && source.list.some((field) => source.fields[field]?.column.startsWith(`${table}.`))));
  return [
    ...(source.subject && used(source.subject.table, filter.subject ?? filter.identifier?.value)
      ? [source.subject.table]
      : []),
    ...(source.provider && used(source.provider.table, filter.provider) ? [source.provider.table] : []),
  ];
};

/** What of a list may be wanted. */
export type Listed = Pick<Plan['filter'], 'subjectId' | 'providerId' | 'row' | 'period' | 'state' | 'thread'>;

/** What asks for a source by its name, without text and so without language work; undefined where there is none. */
export const listingOf = (
  pack: Pack,
  name: string,
  filter: Listed,
  cursor: string | undefined,
): Pick<z.output<typeof run.understood.body>, 'intent' | 'plan'> | undefined => {
  const source = sourceOf(pack, name);
  if (!source) return undefined;
  const plan: Plan = {
    source: name,
    ask: 'list',
    joins: joinsOf(source, 'list', filter),
    filter,
    fields: [...((filter.thread === undefined && source.overview) || source.list)],
    limit: filter.thread === undefined ? pageSize : turnsSize,
    ...(cursor ? { cursor } : {}),
  };
  const intent = {
    type: name,
    confidence: 1,
    entities: [],
    requiredPermissions: [source.owner ? `read:own_${source.resource}` : `read:${source.resource}`],
    dataSources: [name],
  };
  return { intent, plan };
};

/** The part of what is wanted that a source cannot tell; undefined where it can. */
export const unlistable = (
  source: Source,
  { subjectId, providerId, period, state, thread }: Listed,
): keyof Listed | undefined => {
  if (subjectId !== undefined && !source.subject) return 'subjectId';
  if (providerId !== undefined && !source.provider) return 'providerId';
  if (period !== undefined && !source.at) return 'period';
  if (thread !== undefined && !source.thread) return 'thread';
  return state !== undefined && !Object.hasOwn(source.states, state) ? 'state' : undefined;
};
