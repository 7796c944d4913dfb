import { type Decide, emit, type Out } from '@jangada/hop/hop.ts';
import { cursorOf, type Paged } from '@jangada/packs/read.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';
import { maskOf } from './mask.ts';
import type { Found } from './rows.ts';

/**
 * Shapes rows for the caller: the page, the fields of the plan and nothing else, masked where the role demands. A figure
 * about too few people is refused; PostgreSQL did not even give it.
 */
export const decide: Decide<typeof contract, Found> = (body, found) => {
  const { plan, locale, intent, decision } = body;
  if (found.suppressed) {
    const refusedBy = 'group' as const;
    return emit(run.refused, {
      code: 'AGG_SUPPRESSED',
      locale,
      intent: intent.type,
      ...(decision ? { decision: { ...decision, refusedBy } } : {}),
    });
  }
  const isList = plan.ask === 'list';
  const page = isList ? found.rows.slice(0, plan.limit) : found.rows;
  const [first] = page as readonly Paged[];
  const last = page.at(-1) as Paged | undefined;
  const more = isList && found.rows.length > plan.limit && last !== undefined;
  const shown = page.map((row) =>
    isList
      ? Object.fromEntries(plan.fields.map((field) => [field, shape(field, row[field] ?? null, found)]))
      : row,
  );
  const fetched = {
    ...body,
    rows: shown,
    matches: isList ? (first?._matches ?? 0) : shown.length,
    ...(found.cited ? { cited: [...found.cited] } : {}),
    ...(more ? { nextCursor: cursorOf(last) } : {}),
    cached: found.cached,
    asOf: found.asOf,
    ...(found.tier ? { tier: found.tier } : {}),
    ...topicsOf(plan, found),
  };
  if (body.question === undefined) return answerOf(fetched);
  const beside = { grant: Promise.resolve(found.grant) };
  return isList && found.source.tools ? emit(run.found, fetched, beside) : emit(run.fetched, fetched, beside);
};

/** What a question was about, where the source is about nobody, so that it may be said what was not found. */
const topicsOf = (
  { filter }: Plan,
  { source: { subject, owner, knowledge }, topics: found }: Pick<Found, 'source' | 'topics'>,
): Pick<Body<typeof run.fetched>, 'topics' | 'interest'> => {
  const topics = found ?? Object.values(filter.facets ?? {}).flat();
  if (subject || owner || topics.length === 0) return {};
  const [nearest = ''] = found ?? [];
  const isInterest = knowledge?.category.interests?.includes(nearest) === true;
  return { topics: [...topics], ...(isInterest ? { interest: true } : {}) };
};

const unused = { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 0 };

/** The rows themselves, for who asked for them by their name. */
const answerOf = (fetched: Body<typeof run.fetched>): Out<typeof contract> => {
  const { plan, intent, rows, nextCursor, cached, asOf } = fetched;
  const { source, ask, fields } = plan;
  const shared = {
    intent: intent.type,
    confidence: intent.confidence,
    cached,
    degraded: false,
    usage: unused,
  };
  return emit(
    run.answered,
    { ...shared, rows: rows.length, read: { source, ask, fields } },
    {
      tell: {
        type: 'answered',
        ...shared,
        rows,
        ...(nextCursor ? { nextCursor } : {}),
        ...(cached ? { asOf } : {}),
      },
    },
  );
};

const shape = (field: string, value: run.Row[string], { source, masked }: Found): run.Row[string] => {
  const mask = masked.includes(field) ? (source.fields[field]?.mask ?? 'hide') : undefined;
  return mask && typeof value === 'string' ? maskOf(mask, value) : value;
};
