import { parseArgs } from 'node:util';
import { table } from '../cli/output.ts';
import { scoreOf } from './detected.ts';
import { monthOf } from './insiders.ts';

/**
 * `npm run proof:detection`: a month of a made-up clinic with people in it who read as nobody should; how many of them are named,
 * and how often somebody else is. Exit code 1 below 95 % recall, 80 % precision, or above one false alarm for each account.
 */

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '2026' },
    accounts: { type: 'string', default: '200' },
    each: { type: 'string', default: '8' },
  },
});
const month = monthOf(Number(options.seed), {
  accounts: Number(options.accounts),
  each: Number(options.each),
});
const score = scoreOf(month);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const kinds = [...new Set(month.misdeeds.map(({ kind }) => kind))];
console.log(
  table(
    ['misdeed', 'done', 'named'],
    kinds.map((kind) => [
      kind,
      month.misdeeds.filter((one) => one.kind === kind).length,
      score.found.filter((one) => one.kind === kind).length,
    ]),
  ),
);
const byRule = Map.groupBy([...score.right, ...score.wrong], ({ rule }) => rule);
console.log(
  `\n${table(
    ['rule', 'right', 'wrong'],
    [...byRule].map(([rule, alerts]) => [
      rule.replaceAll('_', ' '),
      alerts.filter((alert) => score.right.includes(alert)).length,
      alerts.filter((alert) => score.wrong.includes(alert)).length,
    ]),
  )}`,
);
console.log(`
accounts ${month.accounts.length} · facts ${month.facts.length} · seed ${options.seed}
recall ${percent(score.recall)} · precision ${percent(score.precision)} · false alarms for each account and month ${score.perAccount.toFixed(3)} · notes ${score.notes}`);
process.exitCode = score.recall >= 0.95 && score.precision >= 0.8 && score.perAccount <= 1 ? 0 : 1;
