import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '@jangada/config/config.ts';
import { changed } from '@jangada/proto/access.ts';
import { type Origins, openOrigins } from '@jangada/trust/origin.ts';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { fileOf } from '../keysets.ts';
import { home } from '../local.ts';
import { checkCommands, sayViewed } from './audit-check.ts';
import { iso, type Moment, rowsOf } from './database.ts';
import { type Emergency, emergencyOf } from './emergency.ts';
import { type Format, jsonOption, moment, print, remark, table } from './output.ts';
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
  /** Of the call that it follows from; null where there was none, or where its key is not here. */
  readonly metadata: {
    readonly userAgent: string | null;
    readonly ipAddress: string | null;
    readonly sessionId: string | null;
    readonly requestPath: string | null;
  };
  /** Where the entry is that one was opened. */
  readonly emergency?: Emergency;
}

const columns = `tenant_id as tenant, subject_id as about, fact, sequence::float8 as sequence, at, actor, role,
  session, purpose, decision, code, resource, details, origin`;

/** Opens origins with the keys that are here: those of the setting, or the local system's own. */
const originsHere = (): Origins | undefined => {
  const { PASS_ORIGIN_KEYS: given, PASS_ORIGIN_KEYS_FILE: file } = process.env;
  if (given ?? file) return openOrigins(readConfig(['PASS_ORIGIN_KEYS']).PASS_ORIGIN_KEYS);
  const own = fileOf(join(home(), 'keys'), 'origin');
  return existsSync(own) ? openOrigins(() => readFileSync(own, 'utf8')) : undefined;
};

const nowhere = { userAgent: null, ipAddress: null, requestPath: null };

/** What cannot be opened is told as absent: the entry itself is in clear and stays readable. */
const whence = (
  origins: Origins | undefined,
  { tenant, about, origin }: Pick<Kept, 'tenant' | 'about' | 'origin'>,
): Omit<Entry['metadata'], 'sessionId'> => {
  if (!origins || origin === null) return nowhere;
  try {
    return origins.open({ tenant, id: about }, origin);
  } catch {
    remark(`from where ${about} came is sealed with a key that is not here`);
    return nowhere;
  }
};

/** A row of the trail. */
type Kept = Omit<Entry, 'at' | 'metadata'> & { readonly at: Moment; readonly origin: string | null };

const read = async (rest: string, values: readonly unknown[]): Promise<Entry[]> => {
  const rows = await rowsOf<Kept>(`select ${columns} from audit_entries ${rest}`, values);
  const origins = originsHere();
  return rows.map(({ origin, ...row }) => ({
    ...row,
    at: iso(row.at),
    metadata: { ...whence(origins, { ...row, origin }), sessionId: row.session },
  }));
};

/** The last entries, oldest of them first. */
const tail = async (tenant: string | undefined, count: number): Promise<Entry[]> => {
  const entries = await read(
    'where $1::text is null or tenant_id = $1 order by at desc, sequence desc limit $2',
    [tenant ?? null, count],
  );
  return entries.reverse();
};

const answer = z.looseObject({ answers: z.string() });

/** Every entry of one run, in order. @throws Failure when none or several runs are meant */
const chainOf = async (wanted: string, tenant: string | undefined): Promise<Entry[]> => {
  // The whole id sorts before longer ones that begin with it.
  const candidates = await rowsOf<{ tenant: string; id: string } & Named>(
    `select distinct tenant_id as tenant, subject_id as id from audit_entries
     where starts_with(subject_id, $1) and ($2::text is null or tenant_id = $2) order by id limit 6`,
    [tokenOf(wanted), tenant ?? null],
  );
  const run = pick(candidates, wanted);
  await sayViewed(run.tenant);
  const entries = await read('where tenant_id = $1 and subject_id = $2 order by sequence', [
    run.tenant,
    run.id,
  ]);
  // By a command of its own, or by an answer that let a question go on.
  const isChange = ({ fact, details }: Entry): boolean =>
    fact === changed.name || answer.safeParse(details).success;
  const emergency = entries.some(isChange) ? await emergencyOf(run.tenant, run.id) : undefined;
  return entries.map((entry) => (emergency && isChange(entry) ? { ...entry, emergency } : entry));
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

/** From where the calls behind entries came, each once. */
const originTexts = (entries: readonly Entry[]): string[] => [
  ...new Set(
    entries.flatMap(({ metadata: { ipAddress, requestPath, userAgent } }) =>
      ipAddress === null ? [] : [`from ${ipAddress}, ${requestPath}, by ${userAgent || 'an unnamed client'}`],
    ),
  ),
];

/** What a person wrote is quoted: a terminal would obey some of it. */
const emergencyTexts = (entries: readonly Entry[]): string[] =>
  entries.flatMap(({ emergency }) => {
    if (!emergency) return [];
    const { subject, reason, explanation } = emergency;
    return [
      `reached for ${subject}, ${reason}${explanation === null ? '' : `: ${JSON.stringify(explanation)}`}`,
    ];
  });

const countOf = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('a number of entries');
};

export const auditCommand = (): Command => {
  const audit = new Command('audit').description('who did what to whose data, and with what outcome');
  for (const command of [...readCommands(), ...checkCommands()]) audit.addCommand(command);
  return audit;
};

const readCommands = (): readonly Command[] => [
  new Command('tail')
    .description('the last entries; kept in the trail')
    .option('--tenant <tenant>', 'one tenant; all otherwise')
    .option('-n, --number <count>', 'how many', countOf, 20)
    .addOption(jsonOption())
    .action(async (options: Options & { number: number }) => {
      await sayViewed(options.tenant && tokenOf(options.tenant));
      const entries = await tail(options.tenant, options.number);
      print(options, entries, () => entriesText(entries));
    }),
  new Command('get')
    .description('every entry of a run; kept in the trail')
    .argument('<run>', 'id of the run, or its beginning')
    .option('--tenant <tenant>', 'tenant of the run, where the id alone is not enough')
    .addOption(jsonOption())
    .action(async (wanted: string, options: Options) => {
      const entries = await chainOf(wanted, options.tenant);
      print(options, entries, () =>
        [entriesText(entries), ...originTexts(entries), ...emergencyTexts(entries)].join('\n'),
      );
    }),
];
