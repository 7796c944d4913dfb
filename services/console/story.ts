/** A run told by its facts: which took how long, and what each decided. Pure. */

export interface Fact {
  readonly fact: string;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly purpose: string | null;
  readonly decision: string;
  readonly code: string | null;
  readonly resource: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** One fact in its place. Times in ms since the start. */
export interface Step {
  readonly fact: string;
  /** Who said it; undefined where that does not follow from what came before. */
  readonly service: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly code: string | null;
}

export interface Story {
  readonly steps: readonly Step[];
  readonly totalMs: number;
  /** True when the start is when it was asked; else times count from the first fact. */
  readonly isFromAsking: boolean;
}

/** Who says what comes after a fact. */
const nextAfter: Readonly<Record<string, string>> = {
  'run.understood': 'permission',
  'run.permitted': 'data-access',
  'run.found': 'tools',
  'run.fetched': 'response-generation',
};
const saidBy: Readonly<Record<string, string>> = {
  'run.understood': 'intent',
  'run.permitted': 'permission',
  'run.found': 'data-access',
  'run.answered': 'response-generation',
};

const serviceOf = ({ fact, details }: Fact, before: Fact | undefined): string | undefined => {
  if (typeof details['hop'] === 'string') return details['hop'];
  // What was asked back goes on by the word of who took the answer.
  if (fact === 'run.understood' && details['answers']) return 'access';
  if (fact === 'run.fetched') return before?.fact === 'run.found' ? 'tools' : 'data-access';
  return saidBy[fact] ?? (before && nextAfter[before.fact]);
};

export const storyOf = (facts: readonly Fact[]): Story => {
  const asked = facts
    .map(({ details }) => Date.parse(String(details['askedAt'])))
    .find((at) => !Number.isNaN(at));
  const start = asked ?? Date.parse(facts[0]?.at ?? '');
  const offset = ({ at }: Fact): number => Math.max(0, Date.parse(at) - start);
  const steps = facts.map((fact, index): Step => {
    const before = facts[index - 1];
    return {
      fact: fact.fact,
      service: serviceOf(fact, before),
      fromMs: before ? offset(before) : 0,
      toMs: offset(fact),
      code: fact.code,
    };
  });
  return {
    steps,
    totalMs: Math.max(1, ...steps.map(({ toMs }) => toMs)),
    isFromAsking: asked !== undefined,
  };
};

/** What a decision stood on, as name and value; what the facts do not hold is left out. */
export const groundsOf = (facts: readonly Fact[]): readonly (readonly [name: string, value: string])[] => {
  const all = Object.assign({}, ...facts.map(({ details }) => details)) as Record<string, unknown>;
  const decision = (all['decision'] ?? {}) as Record<string, unknown>;
  const { flags, ...rest } = decision;
  const text = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value));
  const named = {
    ...Object.fromEntries(
      Object.entries(all).filter(([name]) => !['decision', 'askedAt', 'asOf', 'hop'].includes(name)),
    ),
    ...rest,
    ...(typeof flags === 'object' ? flags : {}),
  };
  return Object.entries(named)
    .filter(([, value]) => value !== null && value !== undefined && text(value) !== '')
    .map(([name, value]) => [name, text(value)] as const);
};

/** What was read for an answer: from where, how many rows, and when. */
export interface Reading {
  readonly source: string;
  readonly rows: number;
  readonly at: string;
  readonly isCached: boolean;
}

/** Rows may come from the cache, so the fact says when they were read; one that does not was stored right after. */
export const readingsOf = (facts: readonly Fact[]): readonly Reading[] =>
  facts
    .filter(({ fact }) => fact === 'run.fetched')
    .map(({ resource, at, details }) => ({
      source: resource ?? '–',
      rows: Number(details['rows'] ?? 0),
      at: typeof details['asOf'] === 'string' ? details['asOf'] : at,
      isCached: details['cached'] === true,
    }));
