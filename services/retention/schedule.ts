import { headers } from '@jangada/proto/envelope.ts';
import { due, nightlyHour } from '@jangada/proto/retention.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';

/** Six fields, seconds first. */
const nightly = `0 0 ${nightlyHour} * * *`;
const staleAfterSeconds = 12 * 3_600;

/**
 * Sees to it that each tenant has its schedule at the broker. A schedule that is there stays as it is, so this
 * may run as often as it likes.
 */
export const scheduleAll = async (bus: Bus, store: Store): Promise<void> => {
  const tenants = await store.rows(queries<CoreTables>().selectFrom('tenants').select(['id', 'time_zone']));
  await Promise.all(
    tenants.map(({ id, time_zone }) =>
      bus.publish(`sched.retention.${id}`, JSON.stringify({ staleAfterSeconds }), {
        'Nats-Schedule': nightly,
        'Nats-Schedule-Time-Zone': time_zone,
        'Nats-Schedule-Target': `${due.name}.${id}`,
        [headers.schema]: String(due.version),
        [headers.expectedSequence]: '0',
      }),
    ),
  );
};
