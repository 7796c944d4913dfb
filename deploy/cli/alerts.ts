import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { contract } from '../../services/detection/contract.ts';
import { decide } from '../../services/detection/decide.ts';
import { type Entry, factOf } from '../../services/detection/facts.ts';
import { nothingYet, type State } from '../../services/detection/state.ts';
import { idOf, type Raised } from '../../services/detection/watch.ts';
import { iso, type Moment, rowsOf } from './database.ts';
import { daysOption } from './days.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';

interface Options extends Format {
  readonly tenant?: string;
}

/** Oldest first. */
const raisedSince = async (since: Date, tenant: string | undefined): Promise<Raised[]> => {
  const rows = await rowsOf<Omit<Raised, 'at'> & { at: Moment }>(
    `select tenant_id as tenant, id, actor, rule, severity, at, session, value, threshold as "limit", ended from alerts
     where at >= $1 and ($2::text is null or tenant_id = $2) order by at, sequence, id`,
    [since, tenant ?? null],
  );
  return rows.map((row) => ({ ...row, at: iso(row.at) }));
};

export const alertsText = (alerts: readonly Raised[]): string =>
  alerts.length === 0
    ? 'everybody reads as they usually do'
    : table(
        [
          'time (UTC)',
          'tenant',
          'account',
          'rule',
          'severity',
          'counted',
          'limit',
          'sessions ended',
          'session',
        ],
        alerts.map(({ at, tenant, actor, rule, severity, value, limit, ended, session }) => [
          ...[moment(at), tenant, actor, rule.replaceAll('_', ' '), severity],
          ...[value, Math.round(limit * 10) / 10, ended.length, session ?? ''],
        ]),
      );

const day = 86_400_000;
/** Facts are heard soon, and those of an outage when it is over. */
const lateMs = 3_600_000;

/** Prints alerts as they come, until the process is ended. */
const follow = async (options: Options, told: readonly Raised[]): Promise<never> => {
  const seen = new Set(told.map(({ id }) => id));
  for (;;) {
    await sleep(1_000);
    const found = await raisedSince(new Date(Date.now() - lateMs), options.tenant);
    const fresh = found.filter(({ id }) => !seen.has(id));
    for (const alert of fresh) {
      seen.add(alert.id);
      print(options, alert, () => alertsText([alert]).split('\n').slice(1).join('\n'));
    }
  }
};

type Kept = Omit<Entry, 'at'> & { readonly at: Moment; readonly actor: string; readonly subject: string };

const pageRows = 10_000;

/** What rules look at in a tenant's trail, in the order in which it happened. */
async function* trailOf(tenant: string): AsyncGenerator<Entry & { readonly actor: string }> {
  let after: readonly unknown[] = ['-infinity', '', ''];
  for (;;) {
    const page = await rowsOf<Kept>(
      `select fact, sequence::float8 as sequence, at, actor, role, session, code, details, subject_id as subject
       from audit_entries
       where tenant_id = $1 and (at, subject_id, fact) > ($2::timestamptz, $3, $4) and fact = any ($5)
       order by at, subject_id, fact limit ${pageRows}`,
      [tenant, ...after, contract.on.map(({ name }) => name)],
    );
    for (const entry of page.toSorted((a, b) => a.sequence - b.sequence))
      yield { ...entry, at: new Date(entry.at) };
    const last = page.at(-1);
    if (!last || page.length < pageRows) return;
    after = [last.at, last.subject, last.fact];
  }
}

/** What the rules raise for entries of a tenant's trail. */
export async function* replayed(
  tenant: string,
  zone: string,
  entries: AsyncIterable<Entry & { readonly actor: string }> | Iterable<Entry & { readonly actor: string }>,
): AsyncGenerator<Raised> {
  const states = new Map<string, State>();
  for await (const { actor, ...entry } of entries) {
    const fact = factOf(entry, zone);
    if (!fact) continue;
    const [state, alerts] = decide(states.get(actor) ?? nothingYet, fact);
    states.set(actor, state);
    for (const alert of alerts) {
      const { rule, severity, session, value, limit } = alert;
      const about = { tenant, id: idOf(tenant, actor, alert), actor, at: new Date(alert.at).toISOString() };
      yield { ...about, rule, severity, session, value, limit, ended: [] };
    }
  }
}

const replay = async (tenant: string | undefined): Promise<readonly Raised[]> => {
  const tenants = await rowsOf<{ id: string; zone: string }>(
    'select id, time_zone as zone from tenants where $1::text is null or id = $1 order by id',
    [tenant ?? null],
  );
  const found = await Promise.all(
    tenants.map(({ id, zone }) => Array.fromAsync(replayed(id, zone, trailOf(id)))),
  );
  return found.flat().toSorted((a, b) => a.at.localeCompare(b.at));
};

export const alertsCommand = (): Command =>
  new Command('alerts')
    .description('who reads as nobody should, and how bad that is: docs/detection.md')
    .option('--tenant <tenant>', 'one tenant; all otherwise')
    .option('--follow', 'go on, and print each as it comes; with --json one on each line')
    .addOption(daysOption())
    .addOption(jsonOption())
    .action(async (options: Options & { days: number; follow?: true }) => {
      const found = await raisedSince(new Date(Date.now() - options.days * day), options.tenant);
      print(options, found, () => alertsText(found));
      if (options.follow) await follow(options, found);
    })
    .addCommand(
      new Command('replay')
        .description('what the rules raise for the stored audit entries; ends no session')
        .action(async (_own: object, command: Command) => {
          const options = command.optsWithGlobals<Options>();
          const found = await replay(options.tenant);
          print(options, found, () => alertsText(found));
        }),
    );
