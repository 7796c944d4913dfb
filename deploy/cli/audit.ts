import { Command, InvalidArgumentError } from 'commander';
import { iso, type Moment, rowsOf } from './database.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { type Named, pick, tokenOf } from './pick.ts';

interface Options extends Format {
  readonly tenant?: string;
}

/** One fact as audit keeps it. */
export interface Entry {
  readonly tenant: string;
  /** The run, or what else the fact is about. */
  readonly about: string;
  readonly fact: string;
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly session: string | null;
  readonly purpose: string | null;
  readonly decision: string;
  readonly code: string | null;
  readonly resource: string | null;
  readonly details: unknown;
}

const columns = `tenant_id as tenant, subject_id as about, fact, sequence::float8 as sequence, at, actor, role,
  session, purpose, decision, code, resource, details`;

const read = async (rest: string, values: readonly unknown[]): Promise<Entry[]> => {
  const rows = await rowsOf<Omit<Entry, 'at'> & { at: Moment }>(
    `select ${columns} from audit_entries ${rest}`,
    values,
  );
  return rows.map((row) => ({ ...row, at: iso(row.at) }));
};

/** The last entries, oldest of them first. */
const tail = async (tenant: string | undefined, count: number): Promise<Entry[]> => {
  const entries = await read(
    'where $1::text is null or tenant_id = $1 order by at desc, sequence desc limit $2',
    [tenant ?? null, count],
  );
  return entries.reverse();
};

/** Every entry of one run, in order. @throws Failure when none or several runs are meant */
const chainOf = async (wanted: string, tenant: string | undefined): Promise<Entry[]> => {
  // The whole id sorts before longer ones that begin with it.
  const candidates = await rowsOf<{ tenant: string; id: string } & Named>(
    `select distinct tenant_id as tenant, subject_id as id from audit_entries
     where starts_with(subject_id, $1) and ($2::text is null or tenant_id = $2) order by id limit 6`,
    [tokenOf(wanted), tenant ?? null],
  );
  const run = pick(candidates, wanted);
  return read('where tenant_id = $1 and subject_id = $2 order by sequence', [run.tenant, run.id]);
};

export const entriesText = (entries: readonly Entry[]): string =>
  entries.length === 0
    ? 'no audit entries'
    : table(
        ['time (UTC)', 'tenant', 'run', 'fact', 'decision', 'code', 'actor', 'role', 'purpose', 'resource'],
        entries.map((entry) => [
          moment(entry.at),
          entry.tenant,
          entry.about,
          entry.fact,
          entry.decision,
          entry.code ?? '',
          entry.actor,
          entry.role ?? '',
          entry.purpose ?? '',
          entry.resource ?? '',
        ]),
      );

const countOf = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a number of entries');
};

export const auditCommand = (): Command =>
  new Command('audit')
    .description('who did what to whose data, and with what outcome')
    .addCommand(
      new Command('tail')
        .description('the last entries')
        .option('--tenant <tenant>', 'one tenant; all otherwise')
        .option('-n, --number <count>', 'how many', countOf, 20)
        .addOption(jsonOption())
        .action(async (options: Options & { number: number }) => {
          const entries = await tail(options.tenant, options.number);
          print(options, entries, () => entriesText(entries));
        }),
    )
    .addCommand(
      new Command('get')
        .description('every entry of a run')
        .argument('<run>', 'id of the run, or its beginning')
        .option('--tenant <tenant>', 'tenant of the run, where the id alone is not enough')
        .addOption(jsonOption())
        .action(async (wanted: string, options: Options) => {
          const entries = await chainOf(wanted, options.tenant);
          print(options, entries, () => entriesText(entries));
        }),
    );
