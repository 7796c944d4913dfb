import type { AttackCase } from './case.ts';
import type { Ground } from './ground.ts';

/** What an attacker saw, and what the system did meanwhile. */
export interface Observed {
  /** Words of a case's `outcome` that the driver saw hold. */
  readonly holds?: readonly string[];
  /** True when whatever was attempted was refused. */
  readonly refused?: boolean;
  /** Every code that was told; where ways in differ, with a slash between them. */
  readonly code?: string | undefined;
  /** True where there is nobody to be told a code: a message or an entry that is passed over. */
  readonly silent?: boolean;
  readonly close?: number | undefined;
  readonly sqlstate?: string | undefined;
  /** Rows that the attacker got. */
  readonly rows?: number;
  /** Everything the attacker was told. */
  readonly told?: readonly string[];
  /** Names of the headers that came with the refusal. */
  readonly headers?: readonly string[];
  /** Texts behind the names that a case's `must_not` uses, such as `token`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Measured by the names that a case's `expected` uses. */
  readonly figures?: Readonly<Record<string, number | boolean | string>>;
  /** Reason of the dead letter that came of it. */
  readonly letter?: string | undefined;
  readonly ms?: number;
  /** For whoever reads the table. */
  readonly note?: string;
}

/** Carries out a family of attacks. */
export interface Driver {
  readonly area: string;
  /** Which attacks of the area: words of their description. */
  readonly words: RegExp;
  /** Where they enter, where that matters. */
  readonly entry?: RegExp;
  /** Waits more than it works, so others run at the same time; what it must not cause is not measured then. */
  readonly waits?: true;
  /** Takes the machine for itself, or seconds of measuring: the test run leaves it to `npm run adversary`. */
  readonly long?: true;
  readonly run: (one: AttackCase, ground: Ground) => Promise<Observed>;
}

type Family = readonly [words: RegExp, run: Driver['run'], own?: Pick<Driver, 'entry' | 'waits' | 'long'>];

/** The drivers of one area, most special first. */
export const area = (name: string, families: readonly Family[]): readonly Driver[] =>
  families.map(([words, run, own = {}]) => ({ area: name, words, run, ...own }));

/** The first driver whose words occur in the attack's name; else the first whose words occur in its steps. */
export const driverFor = (drivers: readonly Driver[], one: AttackCase): Driver | undefined => {
  const able = drivers.filter(
    (driver) => driver.area === one.area && (driver.entry?.test(one.how.entry) ?? true),
  );
  return (
    able.find(({ words }) => words.test(one.attack)) ??
    able.find(({ words }) => words.test(`${one.attack} ${one.how.steps}`))
  );
};

/** The mechanism that an attack is against does not exist yet. */
export class NotBuilt extends Error {
  override readonly name = 'NotBuilt';
}
