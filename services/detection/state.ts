import type { Rule } from '@jangada/proto/alert.ts';

/** How one person reads: what they did lately, and what is usual for them. JSON, and of bounded size. */
export interface State {
  /** Sequences of facts that are in here already, the last ones: what is heard again counts once. */
  readonly heard: readonly number[];
  /** Hours in which they read about anybody, oldest first; the last one may go on. */
  readonly hours: readonly Hour[];
  /** Whom they read about in the last of them, each once. */
  readonly people: readonly string[];
  /** When they were refused for want of a relationship, in ms since 1970. */
  readonly denials: readonly number[];
  /** Refusals since they last read anything. */
  readonly streak: { readonly count: number; readonly since: number };
  readonly attacks: readonly { readonly session: string; readonly count: number }[];
  readonly emergencies: readonly number[];
  /** Ids that were asked for one after the other, and by how much each differs from the one before. */
  readonly walk: {
    readonly length: number;
    readonly at: number;
    readonly named?: string;
    readonly next?: string;
  };
  /** What was raised last, by rule: what goes on is raised once. */
  readonly raised: Readonly<Partial<Record<Rule, string>>>;
}

export interface Hour {
  /** Hours since 1970. */
  readonly hour: number;
  /** Of the tenant's day. */
  readonly hourOfDay: number;
  readonly reads: number;
  readonly people: number;
  /** Set where it was itself why an alert was raised: for a week it is not what is usual. */
  readonly isOdd?: true;
}

export const nothingYet: State = {
  heard: [],
  hours: [],
  people: [],
  denials: [],
  streak: { count: 0, since: 0 },
  attacks: [],
  emergencies: [],
  walk: { length: 0, at: 0 },
  raised: {},
};

const hourMs = 3_600_000;
/** How far back it goes what is usual. */
const rememberedHours = 28 * 24;
const heardMax = 256;
const peopleMax = 2_000;

export const hourOf = (at: number): number => Math.floor(at / hourMs);

export const hourOfDay = (at: number, zone: string): number =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).hour;

/** True of a fact that is in the state already, or is so late that nobody can tell. */
export const isHeard = ({ heard }: State, sequence: number): boolean =>
  heard.includes(sequence) || (heard.length === heardMax && sequence < Math.min(...heard));

export const withHeard = (state: State, sequence: number): State => ({
  ...state,
  heard: [...state.heard, sequence].slice(-heardMax),
});

/** Adds a read about people. One that comes late counts in its own hour, and for nobody in this one. */
export const withRead = (state: State, at: number, zone: string, people: readonly string[]): State => {
  const hour = hourOf(at);
  const last = state.hours.at(-1);
  if (last && hour < last.hour) {
    const hours = state.hours.map((one) => (one.hour === hour ? { ...one, reads: one.reads + 1 } : one));
    return { ...state, hours };
  }
  const isSame = last?.hour === hour;
  const distinct = [...new Set([...(isSame ? state.people : []), ...people])].slice(0, peopleMax);
  const before = (isSame ? state.hours.slice(0, -1) : state.hours).filter(
    (one) => one.hour > hour - rememberedHours,
  );
  const now: Hour = {
    ...(isSame ? last : { hour, hourOfDay: hourOfDay(at, zone), reads: 0 }),
    reads: (isSame ? last.reads : 0) + 1,
    people: distinct.length,
  };
  return { ...state, people: distinct, hours: [...before, now] };
};

/** Hours of reading from which on it is known what is usual: about a week's. */
export const knownAfterHours = 40;
const oddForHours = 7 * 24;

/** Hours before the last that are usual. What was odd a week ago, and nobody has put an end to, is a person's work. */
export const usualHours = ({ hours }: State): readonly Hour[] => {
  const now = hours.at(-1)?.hour ?? 0;
  return hours.slice(0, -1).filter(({ isOdd, hour }) => !isOdd || hour < now - oddForHours);
};

/** Marks the last hour, once there is anything that it could differ from. */
export const withOddHour = (state: State): State => {
  const last = state.hours.at(-1);
  if (!last || usualHours(state).length < knownAfterHours) return state;
  return { ...state, hours: [...state.hours.slice(0, -1), { ...last, isOdd: true }] };
};

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

/** The value below which a share of all lies, by nearest rank; 0 of none. */
export const quantile = (values: readonly number[], share: number): number =>
  sorted(values)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;

/** For a normal distribution, the median distance from the median is so much of the standard deviation. */
const madToDeviation = 1.4826;

/** Median, and what a standard deviation would be if it were normal; at least 1, because hours are counted in whole reads. */
export const centreOf = (values: readonly number[]): { median: number; deviation: number } => {
  const median = quantile(values, 0.5);
  const distance = quantile(
    values.map((value) => Math.abs(value - median)),
    0.5,
  );
  return { median, deviation: Math.max(1, madToDeviation * distance) };
};
