import { type Alert, decide } from '../../services/detection/decide.ts';
import { nothingYet, type State } from '../../services/detection/state.ts';
import type { Done, Misdeed, Month } from './insiders.ts';

/** An alert and the account that it is about. */
export type Raised = Alert & { readonly actor: string };

export const raisedBy = (facts: readonly Done[]): readonly Raised[] => {
  const states = new Map<string, State>();
  return facts.flatMap(({ actor, ...fact }) => {
    const [state, alerts] = decide(states.get(actor) ?? nothingYet, fact);
    states.set(actor, state);
    return alerts.map((alert) => ({ ...alert, actor }));
  });
};

export interface Score {
  readonly found: readonly Misdeed[];
  readonly missed: readonly Misdeed[];
  /** Alerts beside notes, of misdeeds and of honest work. */
  readonly right: readonly Raised[];
  readonly wrong: readonly Raised[];
  readonly notes: number;
  /** Of misdeeds, those that an alert names while they go on. */
  readonly recall: number;
  /** Of alerts, those that name a misdeed. */
  readonly precision: number;
  /** False alarms for each account in the month. */
  readonly perAccount: number;
}

const names = (alert: Raised, { actor, from, to }: Misdeed): boolean =>
  alert.actor === actor && alert.at >= from && alert.at <= to;

export const scoreOf = ({ accounts, facts, misdeeds }: Month): Score => {
  const all = raisedBy(facts);
  const raised = all.filter(({ severity }) => severity !== 'note');
  const [found, missed] = parted(misdeeds, (misdeed) => raised.some((alert) => names(alert, misdeed)));
  const [right, wrong] = parted(raised, (alert) => misdeeds.some((misdeed) => names(alert, misdeed)));
  return {
    ...{ found, missed, right, wrong },
    notes: all.length - raised.length,
    recall: found.length / misdeeds.length,
    precision: right.length / raised.length,
    perAccount: wrong.length / accounts.length,
  };
};

const parted = <T>(all: readonly T[], is: (one: T) => boolean): [T[], T[]] => [
  all.filter(is),
  all.filter((one) => !is(one)),
];
