import { type Decide, emit, type In, type Out } from '@jangada/hop/hop.ts';
import type { Source } from '@jangada/packs/pack.ts';
import { cursorOf, type Paged } from '@jangada/packs/read.ts';
import { type Said, seeTo } from '@jangada/packs/seeing.ts';
import type { Tool } from '@jangada/packs/tool.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';
import { maskOf } from './mask.ts';
import type { Found } from './rows.ts';

/** What is known of a plan when it is answered. */
export interface Facts extends Found {
  /** Somebody is there who sees to rows that have tools. */
  readonly isAttended: boolean;
}

/**
 * Shapes rows for the caller: the page, the fields of the plan and nothing else, masked where the role demands. A figure
 * about too few people is refused; PostgreSQL did not even give it. While nobody sees to rows that have tools, they are told
 * as they are stored, and what that leaves out is said.
 */
export const decide: Decide<typeof contract, Facts> = (body, found) => {
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
    ...(found.arrangement ? { arrangement: found.arrangement } : {}),
    ...(more ? { nextCursor: cursorOf(last) } : {}),
    cached: found.cached,
    asOf: found.asOf,
    ...(found.tier ? { tier: found.tier } : {}),
    ...topicsOf(plan, found),
    ...(found.people ? { people: found.people } : {}),
  };
  if (body.question === undefined) return answerOf(fetched);
  const beside = { grant: Promise.resolve(found.grant) };
  const tools = toolsFor(body, found.source);
  if (!tools) return emit(run.fetched, fetched, beside);
  if (found.isAttended) return emit(run.found, fetched, beside);
  return emit(run.fetched, { ...fetched, ...seeTo(fetched, tools, () => unasked) }, beside);
};

/** Tools that see to what is read: of a source that has some, where a question lists its rows. */
export const toolsFor = (
  { question, plan }: In<typeof contract>,
  source: Source | undefined,
): readonly Tool[] | undefined => (question !== undefined && plan.ask === 'list' ? source?.tools : undefined);

/** What is known outside while nobody is there who could ask. */
const unasked: Said = { outcome: 'away', rows: [], from: '' };

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
  const { plan, intent, rows, nextCursor, cached, asOf, people } = fetched;
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
    { ...shared, rows: rows.length, read: { source, ask, fields }, ...(people ? { people } : {}) },
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
