import { randomUUID } from 'node:crypto';
import type { RetentionRule } from '@jangada/packs/pack.ts';
import { packOf, packs } from '@jangada/packs/registry.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, subjectOf } from '@jangada/proto/message.ts';
import { due, swept } from '@jangada/proto/retention.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { Command } from 'commander';
import { iso, type Moment, rowsOf } from './database.ts';
import { Failure } from './failure.ts';
import { openOperator } from './operator.ts';
import { type Format, jsonOption, moment, print, table } from './output.ts';
import { tokenOf } from './pick.ts';

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
      ['class', 'older than', 'deleted'],
      (sweep.report?.rules ?? []).map((rule) => [rule.class, rule.before, rule.deleted]),
    ),
  ].join('\n');
};

const report = (): Command =>
  new Command('report')
    .description('what the last sweep of a tenant deleted')
    .requiredOption('--tenant <tenant>', 'whose data')
    .addOption(jsonOption())
    .action(async (options: ForTenant) => {
      const sweep = await lastSweep(options.tenant);
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

export const retentionCommand = (): Command =>
  new Command('retention')
    .description('how long data is kept, and what was deleted')
    .addCommand(run())
    .addCommand(report())
    .addCommand(show());
