import { packOf } from '@jangada/packs/registry.ts';
import type { Body } from '@jangada/proto/message.ts';
import { due, type swept } from '@jangada/proto/retention.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Journey, startJourney } from './journey.ts';

/** Data is kept as long as its class says, and not a day longer. */

let journey: Journey;
const tenant = 'clinica-aurora';
const { retention: rules } = packOf('aesthetic-clinic');

beforeAll(async () => {
  journey = await startJourney();
});
afterAll(() => journey?.[Symbol.asyncDispose]());

/** How to write one row of each class that PostgreSQL holds, `$1` its tenant, `$2` its id and `$3` its age in days. */
const aged = `now() - $3 * interval '1 day'`;
const rows: Readonly<Record<string, { table: string; id: string; insert: string }>> = {
  client_data: {
    table: 'clients',
    id: 'id',
    insert: `(tenant_id, id, name, name_search, created_at) values ($1, $2, 'Ivo Reis', 'ivo reis', ${aged})`,
  },
  aesthetic_records: {
    table: 'aesthetic_records',
    id: 'id',
    insert: `(tenant_id, id, client_id, kind, description, recorded_at) values ($1, $2, 'cli-1', 'evaluation', 'x', ${aged})`,
  },
  appointment_data: {
    table: 'appointments',
    id: 'id',
    insert: `(tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
      values ($1, $2, 'cli-1', 'pro-1', 'Limpeza de pele', ${aged}, 30, 'completed')`,
  },
  billing_data: {
    table: 'billing',
    id: 'id',
    insert: `(tenant_id, id, client_id, kind, status, amount, issued_at) values ($1, $2, 'cli-1', 'charge', 'paid', 1, ${aged})`,
  },
  audit_logs: {
    table: 'audit_entries',
    id: 'subject_id',
    insert: `(tenant_id, subject_id, fact, sequence, at, actor, decision, details)
      values ($1, $2, 'run.answered', 1, ${aged}, 'somebody', 'done', '{}')`,
  },
};

const place = async (name: string, id: string, ageDays: number, owner = tenant): Promise<void> => {
  const { table, insert } = rows[name] ?? { table: '', insert: '' };
  await journey.sql(`insert into ${table} ${insert}`, [owner, id, ageDays]);
};

/** Ids of the rows placed here that are still there, by class. */
const kept = async (): Promise<Record<string, string[]>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(rows).map(async ([name, { table, id }]) => {
        const found = await journey.sql<{ id: string }>(
          `select ${id} as id from ${table} where ${id} like 'aged-%' order by 1`,
        );
        return [name, found.map((row) => row.id)] as const;
      }),
    ),
  );

type Report = Body<typeof swept>;
interface Swept {
  readonly tick: string;
  readonly report: Report;
}

const reports = (): Promise<Swept[]> =>
  journey.sql<Swept>(
    'select tick, report from retention_runs where tenant_id = $1 and finished_at is not null order by started_at',
    [tenant],
  );

/** Applies the rules as an operator does and returns the report of this time. */
const sweep = async (): Promise<Swept> => {
  const { code, stdout } = await journey.jangada('retention', 'run', '--tenant', tenant, '--json');
  expect(code).toBe(0);
  const { sequence } = JSON.parse(stdout) as { sequence: number };
  return until('the report', async () => (await reports()).find(({ tick }) => tick === `asked-${sequence}`));
};

const deletedOf = ({ report }: Swept): Record<string, number> =>
  Object.fromEntries(report.rules.map((rule) => [rule.class, rule.deleted]));
const each = (of: (name: string) => unknown) =>
  Object.fromEntries(Object.keys(rows).map((name) => [name, of(name)]));

describe('retention', () => {
  test('deletes what is a day too old and leaves what is a day too young', async () => {
    for (const { class: name, days, table } of rules) {
      if (!table) continue;
      await place(name, 'aged-young', days - 1);
      await place(name, 'aged-old', days + 1);
      await place(name, 'aged-other', days + 1, 'clinica-brisa');
    }
    await journey.sql(
      `insert into legal_holds (tenant_id, class, reason) values ($1, 'billing_data', 'court order')`,
      [tenant],
    );
    const first = await sweep();
    expect(await kept()).toEqual(
      each((name) => ['aged-old', 'aged-other', 'aged-young'].slice(name === 'billing_data' ? 0 : 1)),
    );
    expect(deletedOf(first)).toEqual(each((name) => (name === 'billing_data' ? 0 : 1)));
  });

  test('keeps a client to whom other records still refer', async () => {
    const { days = 0 } = rules.find((rule) => rule.class === 'client_data') ?? {};
    await place('client_data', 'aged-referred', days + 1);
    await journey.sql(
      `update appointments set client_id = 'aged-referred' where tenant_id = $1 and id = 'aged-young'`,
      [tenant],
    );
    expect(deletedOf(await sweep())['client_data']).toBe(0);
    expect((await kept())['client_data']).toContain('aged-referred');
  });

  test('finds nothing more to delete the second time, until a hold is released', async () => {
    expect(deletedOf(await sweep())).toEqual(each(() => 0));
    await journey.sql('update legal_holds set released_at = now() where tenant_id = $1', [tenant]);
    expect(deletedOf(await sweep())).toEqual(each((name) => (name === 'billing_data' ? 1 : 0)));
    expect((await kept())['billing_data']).toEqual(['aged-other', 'aged-young']);
  });

  test('has its report audited, and shown by the command line', async () => {
    const last = await sweep();
    const [entry] = await until('the audit entry', async () => {
      const found = await journey.auditOf(last.tick);
      return found.length > 0 ? found : undefined;
    });
    expect(entry).toEqual({
      fact: 'retention.swept',
      actor: 'system',
      decision: 'done',
      code: null,
      details: last.report,
    });
    const shown = await journey.jangada('retention', 'report', '--tenant', tenant, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ tick: last.tick, report: last.report });
  });

  test('is applied once for two ticks of the same occasion', async () => {
    const tick = async (): Promise<void> => {
      const fired = newHeaders();
      fired.set('Nats-Scheduler', `sched.retention.${tenant}`);
      await jetstream(journey.nc).publish(`tick.retention.${tenant}`, '{"staleAfterSeconds":60}', {
        headers: fired,
      });
      await until('the tick to be taken', async () => {
        const { num_pending, num_ack_pending } = await journey.jsm.consumers.info('SCHED', 'retention');
        return num_pending + num_ack_pending === 0;
      });
    };
    const today = new Date().toISOString().slice(0, 10);
    await tick();
    const { days = 0 } = rules.find((rule) => rule.class === 'appointment_data') ?? {};
    await place('appointment_data', 'aged-late', days + 1);
    await tick();
    expect((await reports()).filter((run) => run.tick === today)).toHaveLength(1);
    expect(await journey.stored('FACTS', `retention.swept.${tenant}.${today}`)).toHaveLength(1);
    expect((await kept())['appointment_data']).toContain('aged-late');
  });
});

test('every class of the pack that PostgreSQL holds is tried here', () => {
  expect(Object.keys(rows)).toEqual(rules.filter(({ table }) => table).map((rule) => rule.class));
  expect(due.name).toBe('tick.retention');
});
