import { headers } from '@jangada/proto/envelope.ts';
import { scheduleOf, subjectOf } from '@jangada/proto/message.ts';
import { look } from '@jangada/proto/privacy.ts';
import { due } from '@jangada/proto/retention.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** Who says that it is time to remove data, and may not. */

const tenant = 'clinica-brisa';

/**
 * No service may publish a tick, nor, but for who is woken by it, a schedule, and nobody may say that a schedule fired what they
 * publish: the broker refuses. Whoever may write schedules of another kind has one fire the tick: that is dead, and nothing is listed.
 */
const forgedTick = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const subject = subjectOf(due, tenant, '');
  const body = JSON.stringify({ staleAfterSeconds: 3_600 });
  const plain = { [headers.schema]: String(due.version) };
  const fired = { ...plain, 'Nats-Scheduler': scheduleOf(due, tenant) };
  const firing = { ...plain, 'Nats-Schedule': '@at 2020-01-01T00:00:00Z', 'Nats-Schedule-Target': subject };
  const counted = async () =>
    (await journey.sql('select from retention_runs where tenant_id = $1', [tenant])).length;
  const before = await counted();
  const tries = [await ground.publishAs('operator', subject, body, fired)];
  for (const service of ['edge', 'intent', 'data-access', 'audit', 'privacy', 'retention'])
    tries.push(await ground.publishAs(service, subject, body, plain));
  for (const service of ['edge', 'data-access', 'privacy'])
    tries.push(await ground.publishAs(service, scheduleOf(due, tenant), body, firing));
  const last = await ground.lastLetter();
  await ground.publishAs('privacy', scheduleOf(look, 'nobody'), body, firing);
  const letter = (await ground.letterAfter(subject, last, 20_000))?.header.get('Jangada-Dead-Reason');
  const runs = (await counted()) - before;
  const stored = tries.filter(({ outcome }) => outcome === 'stored').length;
  return {
    refused: stored === 0 && runs === 0,
    letter,
    code: letter?.split(':')[0],
    note: `the broker took ${stored} of ${tries.length}; ${runs} runs`,
  };
};

export const retention = area('retention', [[/tick/i, forgedTick]]);
