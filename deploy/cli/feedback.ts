import { Command } from 'commander';
import { rowsOf } from './database.ts';
import { daysOption } from './days.ts';
import { type Format, jsonOption, print, table } from './output.ts';

/** How good people found the answers of a tenant. */
export interface Satisfaction {
  readonly tenant: string;
  readonly count: number;
  /** From 1 to 5. */
  readonly average: number;
  /** How many of each rating, from 1 on. */
  readonly ratings: readonly number[];
}

const read = (tenant: string | undefined, days: number): Promise<Satisfaction[]> =>
  rowsOf<Satisfaction>(
    `select tenant_id as tenant, count(*)::int as count, round(avg(rating), 2)::float8 as average,
       array[${[1, 2, 3, 4, 5].map((rating) => `count(*) filter (where rating = ${rating})::int`)}] as ratings
     from feedback
     where ($1::text is null or tenant_id = $1) and at >= now() - $2 * interval '1 day'
     group by tenant_id order by tenant_id`,
    [tenant ?? null, days],
  );

export const satisfactionText = (found: readonly Satisfaction[]): string =>
  found.length === 0
    ? 'nobody has said how an answer was'
    : table(
        ['tenant', 'answers judged', 'average', '1', '2', '3', '4', '5'],
        found.map(({ tenant, count, average, ratings }) => [tenant, count, average, ...ratings]),
      );

export const feedbackCommand = (): Command =>
  new Command('feedback')
    .description('how good people found their answers, from 1 to 5')
    .option('--tenant <tenant>', 'one tenant; all otherwise')
    .addOption(daysOption())
    .addOption(jsonOption())
    .action(async (options: Format & { tenant?: string; days: number }) => {
      const found = await read(options.tenant, options.days);
      print(options, found, () => satisfactionText(found));
    });
