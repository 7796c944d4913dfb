import { headers } from '@jangada/proto/envelope.ts';
import { type Body, subjectOf } from '@jangada/proto/message.ts';
import { idle, type swept } from '@jangada/proto/retention.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import type { Journey } from './journey.ts';

/** What a run of a tenant's retention rules came to. */
export interface Swept {
  readonly tick: string;
  readonly report: Body<typeof swept>;
}

export const sweepsOf = (journey: Journey, tenant: string): Promise<Swept[]> =>
  journey.sql<Swept>(
    'select tick, report from retention_runs where tenant_id = $1 and finished_at is not null order by started_at',
    [tenant],
  );

/** Asks as an operator does that the rules are applied; returns what this time is called. */
export const askForSweep = async (journey: Journey, tenant: string): Promise<string> => {
  const { code, stdout } = await journey.jangada('retention', 'run', '--tenant', tenant, '--json');
  if (code !== 0) throw new Error(`retention run ended with ${code}`);
  return `asked-${(JSON.parse(stdout) as { sequence: number }).sequence}`;
};

/** The report of a sweep once it is over; agrees to what waits for it, as a second person, and has it carried out. */
export const settled = async (journey: Journey, tenant: string, id: string): Promise<Swept> => {
  const report = (): Promise<Swept> =>
    until('the report', async () => (await sweepsOf(journey, tenant)).find(({ tick }) => tick === id));
  const isWaiting = (one: Swept): boolean => one.report.rules.some(({ state }) => state === 'waiting');
  const first = await report();
  if (!isWaiting(first)) return first;
  await journey.sql(
    `insert into retention_approvals (tenant_id, tick, class, root, approved_by)
     select tenant_id, tick, class, root, 'somebody' from retention_plans
     where tenant_id = $1 and tick = $2 and needs is not null and finished_at is null`,
    [tenant, id],
  );
  const sent = newHeaders();
  sent.set(headers.schema, String(idle.version));
  const body = JSON.stringify({ staleAfterSeconds: 3_600 });
  await jetstream(journey.nc).publish(subjectOf(idle, tenant, ''), body, { headers: sent });
  return until('what was agreed to', async () => {
    const now = await report();
    return isWaiting(now) ? undefined : now;
  });
};

/** Has a tenant's rules applied, with everybody's consent. */
export const sweep = async (journey: Journey, tenant: string): Promise<Swept> =>
  settled(journey, tenant, await askForSweep(journey, tenant));
