import * as examples from '@jangada/nlu/date-examples.ts';
import { isRead } from '@jangada/nlu/date-examples.ts';
import * as trials from '@jangada/nlu/date-trials.ts';
import type { Learning } from '@jangada/nlu/learn.ts';
import { packs } from '@jangada/packs/registry.ts';
import { modelOf } from '@jangada/packs/understanding.ts';
import Table from 'cli-table3';
import { falseAlarms, refusals } from './guarded.ts';
import { accuracyOf, type Look, learned, looksOf, scopeOf, shareOf, within } from './measure.ts';
import { timingsOf } from './pace.ts';
import { type Row, rowsOfPack } from './results.ts';
import { retrievalCells, retrievalHead, retrievalOf } from './retrieval.ts';
import { examplesIn, rowsOf, split } from './sets.ts';

/** What `npm run eval` measures, each by itself. */

export interface Measured {
  /** Tables and lines. */
  readonly shown: string;
  /** Sets that are not on this machine. */
  readonly skipped: readonly string[];
}

/** As the packs learn, with as many buckets as a hundred labels and more want. */
const learning: Learning = { bits: 17, rounds: 8, cost: 1, ownCost: 1 };
/** Of 150 labels each has 149 times as many examples of others as of its own. Chosen by folds of what Cosibot learns from. */
const learningMany: Learning = { ...learning, ownCost: 6 };

/** What of in-scope questions is refused where the limit is found, so that it is no more than 5 % where it is measured. */
const refusable = 0.0475;

const clinc150 = (): Row[] | undefined => {
  const parts = ['train', 'val', 'test', 'oos_train', 'oos_val', 'oos_test'].map((part) =>
    rowsOf('clinc150', part),
  );
  const [train, val, test, ...outside] = parts.map((rows) => rows && examplesIn(rows));
  const [outsideTrain, outsideVal, outsideTest] = outside;
  if (!train || !val || !test || !outsideTrain || !outsideVal || !outsideTest) return undefined;
  const by = learned(train, learningMany);
  // Found where nothing is measured: on the set's own parts for that.
  const { scope, least } = scopeOf({
    inside: looksOf(by, val),
    outside: looksOf(by, [...outsideTrain, ...outsideVal]),
    part: refusable,
  });
  const below = (looks: readonly Look[]) =>
    shareOf(looks.filter((look) => within(look, scope) < least).length, looks.length);
  return [
    { what: 'CLINC150, 150 intents in scope', share: accuracyOf(by, test), wanted: 0.925 },
    { what: 'CLINC150, out of scope and refused', share: below(looksOf(by, outsideTest)), wanted: 0.84 },
    { what: 'CLINC150, in scope and refused', share: below(looksOf(by, test)), most: 0.05 },
  ];
};

const massive = (): Row[] | undefined => {
  const [train, test] = [rowsOf('massive-en', 'train'), rowsOf('massive-en', 'test')];
  if (!train || !test) return undefined;
  const by = learned(examplesIn(train), learning);
  return [{ what: 'MASSIVE en-US, 60 intents', share: accuracyOf(by, examplesIn(test)), wanted: 0.86 }];
};

const cosibot = (): Row[] | undefined => {
  const all = rowsOf('cosibot-pt', 'all');
  if (!all) return undefined;
  const shares = split(all).map(({ learn, test }) =>
    accuracyOf(learned(examplesIn(learn), learningMany), examplesIn(test)),
  );
  const right = shares.reduce((sum, share) => sum + share.right, 0);
  return [{ what: 'Cosibot pt-PT, 150 intents', share: shareOf(right, all.length), wanted: 0.89 }];
};

const dates = (): Row[] =>
  (
    [
      ['Portuguese, as it was built', 'pt-BR', examples.portuguese],
      ['Portuguese, written apart', 'pt-BR', trials.portuguese],
      ['English, as it was built', 'en', examples.english],
      ['English, written apart', 'en', trials.english],
    ] as const
  ).map(([name, language, of]) => {
    const right = of.filter((one) => isRead(one, language));
    return { what: `Dates, ${name}`, share: shareOf(right.length, of.length), wanted: 0.95 };
  });

const percent = (part: number): string => (100 * part).toFixed(1);

const goalOf = ({ share: { share }, wanted, most }: Row): string => {
  if (wanted !== undefined) return `≥ ${percent(wanted)} ${share >= wanted ? '✓' : '✗'}`;
  return most === undefined ? '' : `≤ ${percent(most)} ${share <= most ? '✓' : '✗'}`;
};

const shown = (row: Row): string[] => {
  const { what, share } = row;
  const interval = `${percent(share.from)} to ${percent(share.to)}`;
  return [what, `${share.right} / ${share.of}`, percent(share.share), interval, goalOf(row)];
};

const tableOf = (rows: readonly Row[]): string => {
  const table = new Table({
    head: ['measured', 'right', '%', '95 % interval', 'wanted'],
    style: { head: ['bold'] },
  });
  table.push(...rows.map(shown));
  return table.toString();
};

const measuredOf = (rows: readonly Row[], skipped: readonly string[] = []): Measured => ({
  shown: tableOf(rows),
  skipped,
});

const ofSet = (name: string, rows: Row[] | undefined): Measured =>
  rows ? measuredOf(rows) : { shown: '', skipped: [name] };

const alarms = (): Measured => {
  const { rows, skipped } = falseAlarms(packs);
  return measuredOf(rows, skipped);
};

const refused = (): Measured => {
  const [first] = packs;
  const { table, skipped } = first ? refusals(first) : { table: '', skipped: [] };
  return { shown: table, skipped };
};

const retrieval = (): Measured => {
  const table = new Table({ head: retrievalHead, style: { head: ['bold'] } });
  table.push(...packs.flatMap(retrievalOf).map(retrievalCells));
  return { shown: table.toString(), skipped: [] };
};

/** By the name that `--only` takes, in the order in which they are told. */
export const sections = {
  packs: () => measuredOf(packs.flatMap((pack) => rowsOfPack(pack.name, modelOf(pack)))),
  dates: () => measuredOf(dates()),
  clinc150: () => ofSet('CLINC150', clinc150()),
  massive: () => ofSet('MASSIVE', massive()),
  cosibot: () => ofSet('Cosibot', cosibot()),
  alarms,
  attacks: refused,
  retrieval,
  pace: async () => ({ shown: await timingsOf(packs), skipped: [] }),
} satisfies Record<string, () => Measured | Promise<Measured>>;

export type Name = keyof typeof sections;
