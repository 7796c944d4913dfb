import { parseArgs, styleText } from 'node:util';
import Table from 'cli-table3';
import { givenCases, ownCases, readCases } from './case.ts';
import { cross } from './cross.ts';
import { type Ground, openGround } from './ground.ts';
import { type Result, runCases } from './run.ts';

/** `npm run adversary`: every attack we know of, on a system of its own, and a table of how each ended. */

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string' },
    only: { type: 'string' },
    brief: { type: 'boolean', default: false },
    cross: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
/** Operations of the cross product in brief. */
const briefOperations = 2_000;
const usage = `npm run adversary -- [options]
  --cases <file>   a list of attacks, one JSON object a line; by default ours and, where it is there, the one beside the data
  --only <text>    only cases whose id or area holds this
  --brief          leaves out what takes longest, and crosses two tenants in ${briefOperations} operations: what CI runs
  --cross <n>      instead: offer every name of one tenant to the other, in n operations; --seed <n> repeats a run
  --json           results as JSON on standard output`;
if (options.help) {
  console.error(usage);
  process.exit(0);
}

if (options.cross) {
  await using ground = await openGround();
  process.exitCode = await crossed(ground, Number(options.cross));
} else process.exitCode = await attack();

/** Prints what the cross product of two tenants found. */
async function crossed(ground: Ground, operations: number): Promise<number> {
  const began = performance.now();
  const seed = options.seed === undefined ? {} : { seed: Number(options.seed) };
  const found = await cross(ground, { operations, ...seed });
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(JSON.stringify({ ...found, seconds }, null, 2));
  return found.foreign > 0 || found.hints.length > 0 ? 1 : 0;
}

async function attack(): Promise<number> {
  const lists = options.cases ? [options.cases] : [ownCases, givenCases()];
  const cases = lists.flatMap((path) => {
    const read = readCases(path);
    if (!read) console.error(styleText('red', `SKIPPED: there is no list of attacks at ${path}`));
    return read ?? [];
  });
  const chosen = cases.filter(
    ({ id, area }) => !options.only || id.includes(options.only) || area === options.only,
  );
  if (chosen.length === 0) return 2;

  const colours = {
    pass: 'green',
    fail: 'red',
    'no driver': 'red',
    later: 'dim',
    elsewhere: 'cyan',
    'not applicable': 'dim',
  } as const;
  const painted = ({ verdict }: Result): string => styleText(colours[verdict], verdict);

  const ground = await openGround();
  let results: readonly Result[];
  let foreign = 0;
  try {
    if (options.brief) foreign = await crossed(ground, briefOperations);
    results = await runCases(chosen, ground, {
      brief: options.brief,
      said: (one) => console.error(`${one.id.padEnd(9)} ${painted(one)} ${one.observed}`),
    });
  } finally {
    await ground[Symbol.asyncDispose]();
  }

  if (options.json) console.log(JSON.stringify(results, null, 2));
  else {
    const table = new Table({
      head: ['id', 'area', 'attack', 'expected', 'observed', 'verdict', 'ms'],
      colWidths: [10, 11, 34, 26, 50],
      wordWrap: true,
    });
    for (const one of results)
      table.push([
        one.id,
        one.area,
        one.attack,
        one.expected,
        one.observed,
        painted(one),
        Math.round(one.ms),
      ]);
    console.log(table.toString());
    const verdicts = ['pass', 'fail', 'no driver', 'elsewhere', 'later', 'not applicable'] as const;
    const summary = new Table({ head: ['area', ...verdicts] });
    for (const area of [...new Set(results.map((one) => one.area))])
      summary.push([
        area,
        ...verdicts.map(
          (verdict) => results.filter((one) => one.area === area && one.verdict === verdict).length,
        ),
      ]);
    console.log(summary.toString());
  }
  const wrong = results.filter(({ verdict }) => verdict === 'fail' || verdict === 'no driver');
  // Once more at the end, where whoever has only the last lines finds it.
  for (const one of wrong)
    console.error(`${painted(one)} ${one.id} (${one.area}), ${one.attack}: ${one.observed}`);
  if (foreign > 0) console.error(styleText('red', `${foreign} names of the other tenant were answered`));
  return foreign > 0 || wrong.length > 0 ? 1 : 0;
}
