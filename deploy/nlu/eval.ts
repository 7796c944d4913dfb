import { styleText } from 'node:util';
import { english, portuguese, readDates, wantedOf } from '@jangada/nlu/date-examples.ts';
import type { Learning } from '@jangada/nlu/learn.ts';
import { packs } from '@jangada/packs/registry.ts';
import { modelOf } from '@jangada/packs/understanding.ts';
import Table from 'cli-table3';
import { falseAlarms, refusals } from './guarded.ts';
import { accuracyOf, guesser, quantile, shareOf } from './measure.ts';
import { timingsOf } from './pace.ts';
import { type Row, rowsOfPack } from './results.ts';
import { examplesIn, rowsOf, split } from './sets.ts';

/** `npm run eval`: how well questions are understood, and in what time. */

/** As the packs learn, with as many buckets as a hundred labels and more want. */
const learning: Learning = { bits: 17, rounds: 8, cost: 1 };

/** What of in-scope questions may be refused so that others are. */
const refusable = 0.05;

const clinc = (): Row[] | undefined => {
  const parts = ['train', 'val', 'test', 'oos_test'].map((part) => rowsOf('clinc150', part));
  const [train, val, test, outside] = parts.map((rows) => rows && examplesIn(rows));
  if (!train || !val || !test || !outside) return undefined;
  const guess = guesser(train, learning);
  // Found where nothing is measured: on the set's own validation part.
  const least = quantile(
    val.map(({ text }) => guess(text).score),
    refusable,
  );
  const below = (examples: readonly { text: string }[]) =>
    shareOf(examples.filter(({ text }) => guess(text).score < least).length, examples.length);
  return [
    { what: 'CLINC150, 150 intents in scope', share: accuracyOf(guess, test), wanted: 0.925 },
    { what: 'CLINC150, out of scope and refused', share: below(outside), wanted: 0.84 },
    { what: 'CLINC150, in scope and refused (at most 5 % wanted)', share: below(test) },
  ];
};

const massive = (): Row[] | undefined => {
  const [train, test] = [rowsOf('massive-en', 'train'), rowsOf('massive-en', 'test')];
  if (!train || !test) return undefined;
  const guess = guesser(examplesIn(train), learning);
  return [{ what: 'MASSIVE en-US, 60 intents', share: accuracyOf(guess, examplesIn(test)), wanted: 0.86 }];
};

const cosibot = (): Row[] | undefined => {
  const all = rowsOf('cosibot-pt', 'all');
  if (!all) return undefined;
  const { learn, test } = split(all);
  const guess = guesser(examplesIn(learn), learning);
  return [{ what: 'Cosibot pt-PT, 150 intents', share: accuracyOf(guess, examplesIn(test)), wanted: 0.89 }];
};

const dates = (): Row[] =>
  ([['Portuguese', 'pt-BR', portuguese] as const, ['English', 'en', english] as const] as const).map(
    ([name, language, examples]) => {
      const right = examples.map(wantedOf).filter(({ text, wanted }) => {
        const found = readDates(text, language);
        return found.length === 1 && found[0] === wanted;
      });
      return { what: `Dates, ${name}`, share: shareOf(right.length, examples.length), wanted: 0.95 };
    },
  );

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

const skipped: string[] = [];
const table = new Table({
  head: ['measured', 'right', '%', '95 % interval', 'wanted'],
  style: { head: ['bold'] },
});
for (const pack of packs) table.push(...rowsOfPack(pack.name, modelOf(pack)).map(shown));
table.push(...dates().map(shown));
for (const [set, measured] of [
  ['CLINC150', clinc],
  ['MASSIVE', massive],
  ['Cosibot', cosibot],
] as const) {
  const rows = measured();
  if (rows) table.push(...rows.map(shown));
  else skipped.push(set);
}
const alarms = falseAlarms(packs);
table.push(...alarms.rows.map(shown));
console.log(table.toString());
const [first] = packs;
const refused = first ? refusals(first) : { table: '', skipped: [] };
console.log(refused.table);
skipped.push(...alarms.skipped, ...refused.skipped);
for (const what of skipped)
  console.error(styleText('yellow', `SKIPPED: ${what}: not on this machine, NOT measured`));
console.error(`${skipped.length} sets skipped`);
console.log(await timingsOf(packs));
