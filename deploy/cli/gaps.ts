import { Command, Option } from 'commander';
import { iso, type Moment, rowsOf } from './database.ts';
import { daysOption } from './days.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';

/** Questions of one kind that came to no answer, counted. What was asked stands nowhere but sealed for whoever asked it. */
export interface Gap {
  readonly tenant: string;
  readonly kind: 'lead' | 'gap';
  readonly reason: string;
  /** What rows were looked for; null where that was not understood. */
  readonly source: string | null;
  /** What they were narrowed to, in the source's own words. */
  readonly topics: readonly string[];
  readonly count: number;
  readonly last: string;
  /** The last run of them. */
  readonly run: string;
}

interface Options extends Format {
  readonly tenant?: string;
  readonly kind?: Gap['kind'];
  readonly days: number;
}

const read = async ({ tenant, kind, days }: Options): Promise<Gap[]> => {
  const rows = await rowsOf<Omit<Gap, 'last'> & { last: Moment }>(
    `select tenant_id as tenant, details->'unanswered'->>'kind' as kind, details->'unanswered'->>'reason' as reason,
       resource as source, coalesce(details->'topics', '[]') as topics, count(*)::int as count, max(at) as last,
       (array_agg(subject_id order by at desc))[1] as run
     from audit_entries
     where fact in ('run.refused', 'run.fetched') and details ? 'unanswered' and ($1::text is null or tenant_id = $1)
       and ($2::text is null or details->'unanswered'->>'kind' = $2) and at >= now() - $3 * interval '1 day'
     group by 1, 2, 3, 4, 5 order by 1, 2 desc, count(*) desc, 3, 4, 5`,
    [tenant ?? null, kind ?? null, days],
  );
  return rows.map((row) => ({ ...row, last: iso(row.last) }));
};

export const gapsText = (found: readonly Gap[]): string =>
  found.length === 0
    ? 'every question found an answer'
    : table(
        ['tenant', 'kind', 'why', 'looked for', 'questions', 'last', 'the last run'],
        found.map(({ tenant, kind, reason, source, topics, count, last, run }) => [
          ...[tenant, kind, reason.replaceAll('_', ' '), [source, ...topics].filter(Boolean).join(' · ')],
          ...[count, moment(last), run],
        ]),
      );

export const gapsCommand = (): Command =>
  new Command('gaps')
    .description('questions without an answer: leads of visitors, and gaps that a tenant’s people found')
    .option('--tenant <tenant>', 'one tenant; all otherwise')
    .addOption(new Option('--kind <kind>', 'one kind; both otherwise').choices(['lead', 'gap']))
    .addOption(daysOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const found = await read(options);
      print(options, found, () => gapsText(found));
    });
