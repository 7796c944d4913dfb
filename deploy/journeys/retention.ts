import { packOf } from '@jangada/packs/registry.ts';
import { cutoffOf } from '@jangada/packs/retention.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs, type Journey, sharedJourney } from './journey.ts';
import { askForSweep, type Swept, settled, sweep, sweepsOf } from './sweep.ts';

/** Data is kept as long as its class says, and not a day longer. */

let journey: Journey;
const tenant = 'clinica-aurora';
const { retention: rules } = packOf('aesthetic-clinic');

beforeAll(async () => {
  journey = await sharedJourney();
});

/** How many days ago the day was from which on rows of a class are kept in the tenant's zone. */
const keptDays = (name: string): number => {
  const rule = rules.find((one) => one.class === name);
  if (!rule) throw new Error(`no rule for ${name}`);
  const now = Temporal.Now.instant();
  return now.since(cutoffOf(rule, now, 'America/Sao_Paulo').toInstant()).total('days');
};

/** How to write one row of each class that PostgreSQL holds, `$1` its tenant, `$2` its id and `$3` its age in days. */
const aged = `now() - $3 * interval '1 day'`;
const rows: Readonly<
  Record<
    string,
    { table: string; id: string; insert: string; before?: (ageDays: number) => Promise<unknown> }
  >
> = {
  client_data: {
    table: 'clients',
    id: 'id',
    insert: `(tenant_id, id, name, name_search, created_at) values ($1, $2, 'Ivo Reis', 'ivo reis', ${aged})`,
  },
  aesthetic_records: {
    table: 'aesthetic_records',
    id: 'id',
    insert: `(tenant_id, id, client_id, kind, description, recorded_at) values ($1, $2, 'of-' || $2, 'evaluation', decode('01' || repeat('00', 48), 'hex'), ${aged})`,
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
  conversations: {
    table: 'ai_agent_conversations',
    id: 'id',
    // Its session is younger, and so is none of those that are counted.
    insert: `(tenant_id, id, created_at, session_id, thread_id, subject_id, is_first, attempt)
      values ($1, $2, ${aged}, 'of-aged', 'thread', 'cli-1', true, 1)`,
    before: async (ageDays) => {
      await monthOf(ageDays);
      await journey.sql(
        `insert into ai_agent_sessions (tenant_id, id, session_type, thread_id, subject_id, is_active, created_at, last_activity_at, expires_at)
         select id, 'of-aged', 'TENANT', 'thread', 'cli-1', false, now(), now(), now() from tenants on conflict do nothing`,
      );
    },
  },
  agent_sessions: {
    table: 'ai_agent_sessions',
    id: 'id',
    insert: `(tenant_id, id, session_type, thread_id, subject_id, is_active, created_at, last_activity_at, expires_at)
      values ($1, $2, 'TENANT', 'thread', 'cli-1', false, ${aged}, ${aged}, ${aged})`,
  },
  alerts: {
    table: 'alerts',
    id: 'id',
    insert: `(tenant_id, id, sequence, at, actor, rule, severity, value, threshold, ended)
      values ($1, $2, 0, ${aged}, 'somebody', 'R2', 'note', 1, 1, '{}')`,
  },
  reading_habits: {
    table: 'alert_states',
    id: 'id',
    insert: `(tenant_id, id, state, at) values ($1, $2, '{}', ${aged})`,
  },
  booking_data: {
    table: 'bookings',
    id: 'id',
    insert: `(tenant_id, id, subject_id, provider_id, starts_at, ends_at, status, version, changed_at)
      values ($1, $2, 'cli-1', 'pro-1', ${aged} - interval '1 hour', ${aged}, 'cancelled', 1, ${aged})`,
  },
  booking_keys: {
    table: 'event_keys',
    id: 'id',
    insert: `(tenant_id, id, subject_id, key, made_at) values ($1, $2, 'cli-1', null, ${aged})`,
  },
  feedback: {
    table: 'feedback',
    id: 'id',
    insert: `(tenant_id, id, subject_id, rating, at) values ($1, $2, 'somebody', 3, ${aged})`,
  },
};

/** The month that so many days ago was in, as a system that ran then has it. */
const monthOf = (ageDays: number) =>
  journey.sql(`do $$
    declare
      month date := date_trunc('month', now() - interval '${ageDays} days');
      name text := 'months.ai_agent_conversations_' || to_char(month, 'YYYY_MM');
    begin
      if to_regclass(name) is not null then return; end if;
      execute format('create table %s (like ai_agent_conversations including defaults including constraints)', name);
      execute format('alter table %s owner to jangada_owner', name);
      execute format('alter table %s enable row level security, force row level security', name);
      execute format('alter table ai_agent_conversations attach partition %s for values from (%L) to (%L)',
        name, month::text || ' 00:00+00', (month + interval '1 month')::date::text || ' 00:00+00');
    end $$`);

const place = async (name: string, id: string, ageDays: number, owner = tenant): Promise<void> => {
  const { table, insert, before } = rows[name] ?? { table: '', insert: '' };
  await before?.(ageDays);
  await journey.sql(`insert into ${table} ${insert}`, [owner, id, ageDays]);
};

/** Ids of the rows of a class that were placed here and are still there. */
const keptOf = async (name: string): Promise<string[]> => {
  const { table, id } = rows[name] ?? { table: '', id: '' };
  const found = await journey.sql<{ id: string }>(
    `select ${id} as id from ${table} where ${id} like 'aged-%' order by 1`,
  );
  return found.map((row) => row.id);
};
const kept = async (): Promise<Record<string, string[]>> =>
  Object.fromEntries(
    await Promise.all(Object.keys(rows).map(async (name) => [name, await keptOf(name)] as const)),
  );

const deletedOf = ({ report }: Swept): Record<string, number> =>
  Object.fromEntries(report.rules.map((rule) => [rule.class, rule.deleted]));
const each = (of: (name: string) => unknown) =>
  Object.fromEntries(Object.keys(rows).map((name) => [name, of(name)]));

describe('retention', () => {
  test('deletes what is a day too old and leaves what is a day too young', async () => {
    for (const { class: name, table } of rules) {
      if (!table) continue;
      const days = keptDays(name);
      await place(name, 'aged-young', days - 1);
      await place(name, 'aged-old', days + 1);
      await place(name, 'aged-other', days + 1, 'clinica-brisa');
    }
    await journey.sql(
      `insert into legal_holds (tenant_id, class, reason) values ($1, 'billing_data', 'court order')`,
      [tenant],
    );
    const first = await sweep(journey, tenant);
    expect(await kept()).toEqual(
      each((name) => ['aged-old', 'aged-other', 'aged-young'].slice(name === 'billing_data' ? 0 : 1)),
    );
    expect(deletedOf(first)).toEqual(each((name) => (name === 'billing_data' ? 0 : 1)));
  });

  test('keeps a client to whom other records still refer', async () => {
    await place('client_data', 'aged-referred', keptDays('client_data') + 1);
    await journey.sql(
      `update appointments set client_id = 'aged-referred' where tenant_id = $1 and id = 'aged-young'`,
      [tenant],
    );
    expect(deletedOf(await sweep(journey, tenant))['client_data']).toBe(0);
    expect(await keptOf('client_data')).toContain('aged-referred');
  });

  test('finds nothing more to delete the second time, until a hold is released', async () => {
    expect(deletedOf(await sweep(journey, tenant))).toEqual(each(() => 0));
    await journey.sql('update legal_holds set released_at = now() where tenant_id = $1', [tenant]);
    expect(deletedOf(await sweep(journey, tenant))).toEqual(
      each((name) => (name === 'billing_data' ? 1 : 0)),
    );
    expect(await keptOf('billing_data')).toEqual(['aged-other', 'aged-young']);
  });

  test('goes on after its process died, and its report counts what was listed before', async () => {
    await place('appointment_data', 'aged-before', keptDays('appointment_data') + 1);
    await place('audit_logs', 'aged-after', keptDays('audit_logs') + 1);
    let id: string;
    {
      await using lock = await journey.lock('audit_entries');
      id = await askForSweep(journey, tenant);
      await lock.caught('retention');
      // Nothing is touched until everything is listed.
      expect(await keptOf('appointment_data')).toContain('aged-before');
      journey.system.services.get('retention')?.kill('SIGKILL');
    }
    const swept = await settled(journey, tenant, id);
    expect(await keptOf('audit_logs')).not.toContain('aged-after');
    expect(deletedOf(swept)).toMatchObject({ appointment_data: 1, audit_logs: 1 });
  });

  test('of several tenants at once is told under each one’s own name', async () => {
    const asked: [tenant: string, id: string][] = [];
    {
      await using lock = await journey.lock('audit_entries');
      await askForSweep(journey, tenant);
      await lock.caught('retention');
      // These two wait together behind the first, and are then taken together.
      for (const each of [tenant, 'clinica-brisa']) asked.push([each, await askForSweep(journey, each)]);
    }
    for (const [each, id] of asked)
      await until(`the sweep of ${each}`, async () => {
        const told = await journey.stored('FACTS', `retention.swept.${each}.${id}`);
        return told.length === 1;
      });
  });

  test('has its report audited, and shown by the command line', async () => {
    const last = await sweep(journey, tenant);
    expect(await journey.auditOf(last.tick)).toEqual([
      expect.objectContaining({
        fact: 'retention.planned',
        details: expect.objectContaining({ askedBy: 'operator' }),
      }),
      {
        fact: 'retention.swept',
        actor: 'system',
        decision: 'done',
        code: null,
        details: last.report,
      },
    ]);
    const shown = await journey.jangada('retention', 'report', '--tenant', tenant, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ tick: last.tick, report: last.report });
  });

  test('is applied once for two ticks of the same occasion', async () => {
    await using retention = await connectAs(journey.system, 'retention');
    /** A schedule of the broker, for now: only the broker can say that a tick is of a schedule. */
    const fire = async (): Promise<void> => {
      const before = (await journey.jsm.consumers.info('SCHED', 'retention')).ack_floor.consumer_seq;
      const schedule = newHeaders();
      schedule.set('Nats-Schedule', `@at ${new Date().toISOString()}`);
      schedule.set('Nats-Schedule-Target', `tick.retention.${tenant}`);
      await jetstream(retention).publish(`sched.retention.${tenant}`, '{"staleAfterSeconds":60}', {
        headers: schedule,
      });
      await until('the tick to be done with', async () => {
        const { ack_floor } = await journey.jsm.consumers.info('SCHED', 'retention');
        return ack_floor.consumer_seq > before;
      });
    };
    await fire();
    const today = Temporal.Now.plainDateISO('America/Sao_Paulo').toString();
    await place('appointment_data', 'aged-late', keptDays('appointment_data') + 1);
    await fire();
    expect((await sweepsOf(journey, tenant)).filter((run) => run.tick === today)).toHaveLength(1);
    expect(await journey.stored('FACTS', `retention.swept.${tenant}.${today}`)).toHaveLength(1);
    expect(await keptOf('appointment_data')).toContain('aged-late');
  });
});

test('every class of the pack that PostgreSQL holds is tried here', () => {
  expect(Object.keys(rows).sort()).toEqual(
    rules
      .filter(({ table }) => table)
      .map((rule) => rule.class)
      .sort(),
  );
});
