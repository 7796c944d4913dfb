import { randomUUID } from 'node:crypto';
import type { RetentionRule } from '@jangada/packs/pack.ts';
import { packOf, packs } from '@jangada/packs/registry.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, subjectOf } from '@jangada/proto/message.ts';
import { due, swept } from '@jangada/proto/retention.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { Command } from 'commander';
import { readLocal } from '../local.ts';
import { accountOf, readAccounts } from './accounts.ts';
import { iso, type Moment, rowsOf } from './database.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { tokenOf } from './pick.ts';
import { assertReport, proof, verify } from './removal.ts';
import { post, refusalOf, signIn } from './sign-in.ts';

interface ForTenant extends Format {
  readonly tenant: string;
}

/** A sweep as its report tells it; `report` is null while it runs or when its shape is not known here. */
export interface Sweep {
  readonly tick: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly report: Body<typeof swept> | null;
}

const now: Body<typeof due> = { staleAfterSeconds: 3_600 };

const run = (): Command =>
  new Command('run')
    .description('apply the retention rules of a tenant now')
    .requiredOption('--tenant <tenant>', 'whose data')
    .addOption(jsonOption())
    .action(async (options: ForTenant) => {
      const subject = subjectOf(due, tokenOf(options.tenant), '');
      await using operator = await openOperator();
      const sent = newHeaders();
      sent.set(headers.schema, String(due.version));
      sent.set(headers.messageId, randomUUID());
      const js = jetstream(operator.nc, { timeout: 2_000 });
      const { seq } = await js.publish(subject, JSON.stringify(now), { headers: sent });
      print(options, { subject, sequence: seq }, () =>
        [`published ${subject}`, `see \`npx jangada retention report --tenant ${options.tenant}\``].join(
          '\n',
        ),
      );
    });

/** The last sweep of a tenant. @throws Failure when there was none */
const lastSweep = async (tenant: string): Promise<Sweep> => {
  const [row] = await rowsOf<{
    tick: string;
    started_at: Moment;
    finished_at: Moment | null;
    report: unknown;
  }>(
    `select tick, started_at, finished_at, report from retention_runs
     where tenant_id = $1 order by started_at desc limit 1`,
    [tenant],
  );
  if (!row) {
    throw new Failure(
      `retention has not run for ${tenant}; \`npx jangada retention run --tenant ${tenant}\` starts it`,
    );
  }
  return {
    tick: row.tick,
    startedAt: iso(row.started_at),
    finishedAt: row.finished_at && iso(row.finished_at),
    report: swept.body.safeParse(row.report).data ?? null,
  };
};

export const sweepText = (sweep: Sweep): string => {
  const finished = sweep.finishedAt ? `finished ${moment(sweep.finishedAt)}` : 'not finished';
  return [
    `tick ${sweep.tick} · started ${moment(sweep.startedAt)} · ${finished} (UTC)`,
    '',
    table(
      [
        'class',
        'older than',
        'planned',
        'deleted',
        'changed',
        'held',
        'due no more',
        'failed',
        'state',
        'approved by',
      ],
      (sweep.report?.rules ?? []).map((rule) => [
        rule.class,
        rule.before,
        rule.planned,
        rule.deleted,
        rule.changed,
        rule.held,
        rule.statutory,
        rule.failed,
        rule.state,
        rule.approvedBy,
      ]),
    ),
  ].join('\n');
};

const report = (): Command =>
  new Command('report')
    .description('what the last sweep of a tenant deleted; refused where it does not agree with its list')
    .requiredOption('--tenant <tenant>', 'whose data')
    .addOption(jsonOption())
    .action(async (options: ForTenant) => {
      const sweep = await lastSweep(options.tenant);
      await assertReport(options.tenant, sweep.tick, sweep.report ?? { rules: [] });
      print(options, sweep, () => sweepText(sweep));
    });

export const rulesText = (rules: readonly (RetentionRule & { readonly pack: string })[]): string =>
  table(
    ['pack', 'class', 'kept', 'law wants', 'from', 'table', 'basis'],
    rules.map((rule) => [
      rule.pack,
      rule.class,
      rule.keep,
      rule.legalMin,
      rule.anchor === 'lastEntry' ? "the person's last entry" : rule.ageColumn,
      rule.table,
      `${rule.basis} (${rule.jurisdiction})`,
    ]),
  );

const show = (): Command =>
  new Command('show')
    .description('how long each class of data is kept')
    .option('--pack <name>', 'one pack; all otherwise')
    .addOption(jsonOption())
    .action((options: Format & { pack?: string }) => {
      const chosen = options.pack === undefined ? packs : [packOf(options.pack)];
      const rules = chosen.flatMap((pack) => pack.retention.map((rule) => ({ pack: pack.name, ...rule })));
      print(options, rules, () => rulesText(rules));
    });

interface ByPerson extends Format {
  readonly as: string;
  readonly class: string;
}

/** Gives a command as a person whom the edge lets in, with a second factor. @throws Failure with the edge's code */
const command = async (options: ByPerson, path: string, body: object): Promise<void> => {
  const { edgeUrl } = readLocal();
  const access = await signIn(edgeUrl, accountOf(readAccounts(), options.as));
  const answer = await post(`${edgeUrl}${path}`, body, { authorization: `Bearer ${await access()}` });
  if (!answer.ok) {
    const { code, message } = await refusalOf(answer);
    throw new Failure(`${message} (${code})`);
  }
  print(options, await answer.json(), () => `${options.class}: done`);
};

const byPerson = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .requiredOption('--as <alias>', 'who; see `accounts`')
    .requiredOption('--class <class>', 'which class of data; see `retention show`')
    .addOption(jsonOption());

const approve = (): Command =>
  byPerson(
    'approve',
    'agree to what waits for a second person; it is carried out within five minutes',
  ).action(async (options: ByPerson) => {
    const { tenant } = accountOf(readAccounts(), options.as);
    const waiting = (await plansOf(tenant)).find(
      (one) => one.class === options.class && one.state === 'waiting',
    );
    if (!waiting) throw new Failure(`nothing of ${options.class} waits; see \`npx jangada retention plan\``);
    const { tick, root } = waiting;
    await command(options, '/v1/retention/approvals', { tick, class: options.class, root });
  });

const hold = (): Command =>
  byPerson('hold', 'keep a class of data, whatever its rule says')
    .requiredOption('--reason <reason>', 'why; it names nobody')
    .action((options: ByPerson & { reason: string }) =>
      command(options, '/v1/holds', { action: 'place', class: options.class, reason: options.reason }),
    );

const release = (): Command =>
  byPerson('release', 'release a hold: what it kept is due with the next run').action((options: ByPerson) =>
    command(options, '/v1/holds', { action: 'release', class: options.class }),
  );

interface Planned {
  readonly tick: string;
  readonly class: string;
  readonly planned: number | null;
  readonly of: number | null;
  readonly needs: string | null;
  readonly askedBy: string;
  readonly root: string | null;
  readonly state: 'listing' | 'waiting' | 'open' | 'over';
}

/** The last plan of each class, unless another took its place before all was listed. */
const plansOf = (tenant: string): Promise<Planned[]> =>
  rowsOf<Planned>(
    `select distinct on (class) tick, class, planned, rows_then::int as of, needs, asked_by as "askedBy", encode(root, 'hex') as root,
       case when finished_at is not null then 'over' when planned_at is null then 'listing'
         when needs is null or exists (
           select from retention_approvals as a where (a.tenant_id, a.tick, a.class) = (p.tenant_id, p.tick, p.class)) then 'open'
         else 'waiting' end as state
     from retention_plans as p where tenant_id = $1
     order by class, (planned_at is null and finished_at is not null), planned_at desc nulls first`,
    [tenant],
  );

const plan = (): Command =>
  new Command('plan')
    .description('what the last run found due, and what of it waits for a second person')
    .requiredOption('--tenant <tenant>', 'whose data')
    .addOption(jsonOption())
    .action(async (options: ForTenant) => {
      const plans = await plansOf(options.tenant);
      print(options, plans, () =>
        table(
          ['class', 'tick', 'planned', 'of at least', 'state', 'needs', 'asked by', 'root'],
          plans.map((one) => [
            one.class,
            one.tick,
            one.planned ?? undefined,
            one.of ?? undefined,
            one.state,
            one.needs ?? undefined,
            one.askedBy,
            one.root?.slice(0, 16),
          ]),
        ),
      );
    });

export const retentionCommand = (): Command =>
  new Command('retention')
    .description('how long data is kept, and what was deleted')
    .addCommand(run())
    .addCommand(plan())
    .addCommand(approve())
    .addCommand(hold())
    .addCommand(release())
    .addCommand(report())
    .addCommand(proof())
    .addCommand(verify())
    .addCommand(show());
