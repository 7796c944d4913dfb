import type { Rule, Severity } from '@jangada/proto/alert.ts';
import type { Fact } from './facts.ts';
import {
  centreOf,
  hourOf,
  hourOfDay,
  isHeard,
  knownAfterHours,
  quantile,
  type State,
  usualHours,
  withHeard,
  withOddHour,
  withRead,
} from './state.ts';

/** What is to be raised of one person. */
export interface Alert {
  readonly rule: Rule;
  readonly severity: Severity;
  /** Names it among those of its rule and person: what goes on is one alert. */
  readonly occasion: string;
  /** Of the fact that raised it. */
  readonly sequence: number;
  readonly at: number;
  readonly session: string | null;
  readonly value: number;
  readonly limit: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const severityOf: Readonly<Record<Rule, Severity>> = {
  relation_denials: 'warning',
  refusals_in_a_row: 'warning',
  people_per_hour: 'warning',
  volume: 'warning',
  off_hours: 'warning',
  sequential_ids: 'warning',
  attacks: 'warning',
  emergency: 'note',
  emergencies: 'warning',
  tenant_mismatch: 'critical',
};

/** Refusals that say: this is not yours to read. */
const forbidding: readonly string[] = [
  'AUTHZ_DENIED',
  'AUTHZ_NO_RELATION',
  'PURPOSE_NOT_ALLOWED',
  'CONSENT_REQUIRED',
  'TENANT_ISOLATION_VIOLATION',
];

/** A rule that holds, with what was counted and from where on it does. */
interface Finding {
  readonly rule: Rule;
  readonly value: number;
  readonly limit: number;
  readonly occasion: string;
}

/**
 * What one fact adds to what is known of a person, and what is to be raised for it. Pure, and without a clock: the same facts in
 * the same order give the same alerts, whenever that is.
 */
export const decide = (before: State, fact: Fact): readonly [State, readonly Alert[]] => {
  if (isHeard(before, fact.sequence)) return [before, []];
  const known = withHeard(before, fact.sequence);
  const state = steps[fact.kind](known, fact as never);
  const found = findings[fact.kind](state, fact as never).filter(
    ({ rule, occasion }) => state.raised[rule] !== occasion,
  );
  const { sequence, at, session } = fact;
  const alerts = found.map((finding) => ({
    ...finding,
    ...{ severity: severityOf[finding.rule], sequence, at, session },
  }));
  return [noted(state, found), alerts];
};

const noted = (state: State, found: readonly Finding[]): State => {
  if (found.length === 0) return state;
  const raised = Object.fromEntries(found.map(({ rule, occasion }) => [rule, occasion]));
  const told = { ...state, raised: { ...state.raised, ...raised } };
  return found.some(({ rule }) => ofHours.includes(rule)) ? withOddHour(told) : told;
};

const ofHours: readonly Rule[] = ['people_per_hour', 'volume', 'off_hours', 'sequential_ids'];

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

const within = (times: readonly number[], at: number, ms: number): readonly number[] =>
  [...times, at].filter((time) => time > at - ms);

const steps: { readonly [K in Fact['kind']]: (state: State, fact: Of<K>) => State } = {
  read: (state, { at, zone, people, named, next }) => {
    const calm: State = {
      ...state,
      streak: { count: 0, since: at },
      walk: walked(state.walk, { at, named, next }),
    };
    return people.length === 0 ? calm : withRead(calm, at, zone, people);
  },
  refused: (state, { at, code, isAttack, session }) => {
    const isForbidden = forbidding.includes(code);
    const goesOn = state.streak.count > 0 && at - state.streak.since < 60 * minuteMs;
    return {
      ...state,
      denials: code === 'AUTHZ_NO_RELATION' ? within(state.denials, at, 10 * minuteMs) : state.denials,
      streak: isForbidden
        ? { count: goesOn ? state.streak.count + 1 : 1, since: goesOn ? state.streak.since : at }
        : state.streak,
      attacks: isAttack ? attacked(state.attacks, session ?? '') : state.attacks,
    };
  },
  emergency: (state, { at }) => ({ ...state, emergencies: within(state.emergencies, at, 3 * dayMs) }),
};

const sessionsMax = 20;
const attacked = (attacks: State['attacks'], session: string): State['attacks'] => {
  const others = attacks.filter((one) => one.session !== session);
  const count = (attacks.find((one) => one.session === session)?.count ?? 0) + 1;
  return [...others, { session, count }].slice(-sessionsMax);
};

/** A question about nobody by id leaves a walk where it is: whoever tries ids may look at what they found between. */
const walked = (
  walk: State['walk'],
  { at, named, next }: Pick<Of<'read'>, 'at' | 'named' | 'next'>,
): State['walk'] => {
  if (named === undefined || named === walk.named) return walk;
  const isNext =
    at - walk.at < 10 * minuteMs && (walk.next === named || (next !== undefined && next === walk.named));
  return { length: isNext ? walk.length + 1 : 1, at, named, ...(next === undefined ? {} : { next }) };
};

const findings: { readonly [K in Fact['kind']]: (state: State, fact: Of<K>) => readonly Finding[] } = {
  read: (state, fact) => [
    ...above('sequential_ids', isStep(state, fact) ? state.walk.length : 0, 5, `${hourOf(fact.at)}`),
    ...(fact.people.length === 0 || state.hours.at(-1)?.hour !== hourOf(fact.at) ? [] : oddHour(state, fact)),
  ],
  refused: (state, { at, code, isAttack, session }) => [
    ...above('tenant_mismatch', code === 'TENANT_ISOLATION_VIOLATION' ? 1 : 0, 0, `${hourOf(at)}`),
    ...above('relation_denials', code === 'AUTHZ_NO_RELATION' ? state.denials.length : 0, 2, `${hourOf(at)}`),
    ...above(
      'refusals_in_a_row',
      forbidding.includes(code) ? state.streak.count : 0,
      5,
      `${state.streak.since}`,
    ),
    ...above('attacks', isAttack ? countOf(state, session) : 0, 1, session ?? ''),
  ],
  emergency: (state, { at, sequence }) => [
    ...above('emergency', 1, 0, `${sequence}`),
    ...above('emergencies', state.emergencies.length, 2, `${Math.floor(at / dayMs)}`),
  ],
};

/** What is looked at beside a walk is no step of it. */
const isStep = ({ walk }: State, { at, named }: Of<'read'>): boolean => named !== undefined && walk.at === at;

const countOf = ({ attacks }: State, session: string | null): number =>
  attacks.find((one) => one.session === (session ?? ''))?.count ?? 0;

const above = (rule: Rule, value: number, limit: number, occasion: string): readonly Finding[] =>
  value > limit ? [{ rule, value, limit, occasion }] : [];

/** So many are nothing, however few are usual. */
const [least, offHoursLeast] = [20, 8];

/** What of this hour is not as the hours before it. One alert a day: whoever looks sees the whole day. */
const oddHour = (state: State, { at, zone }: Of<'read'>): readonly Finding[] => {
  const now = state.hours.at(-1);
  if (!now || (now.people <= offHoursLeast && now.reads <= least)) return [];
  const usual = usualHours(state);
  const day = `${Math.floor(at / dayMs)}`;
  const peopleBefore = usual.map(({ people }) => people);
  const mostPeople = Math.max(least, 3 * quantile(peopleBefore, 0.99));
  const found = above('people_per_hour', now.people, mostPeople, day);
  if (usual.length < knownAfterHours) return found;
  const reads = centreOf(usual.map((hour) => hour.reads));
  const people = centreOf(peopleBefore);
  return [
    ...found,
    ...above('volume', now.reads, Math.max(least, reads.median + 8 * reads.deviation), day),
    ...(isUnusual(hourOfDay(at, zone), usual)
      ? above('off_hours', now.people, Math.max(offHoursLeast, people.median + 2 * people.deviation), day)
      : []),
  ];
};

/** True of an hour of day in which, or beside which, hardly any of the hours before lie. */
const isUnusual = (hour: number, usual: readonly { readonly hourOfDay: number }[]): boolean => {
  const near = [-1, 0, 1].map((by) => (hour + by + 24) % 24);
  return usual.filter((one) => near.includes(one.hourOfDay)).length / usual.length < 0.01;
};
