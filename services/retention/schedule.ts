import { headers } from '@jangada/proto/envelope.ts';
import type { Message } from '@jangada/proto/message.ts';
import { due, idle, nightlyHour } from '@jangada/proto/retention.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';

/** When a tick comes, in the tenant's own time zone. Six fields, seconds first. */
interface Schedule {
  readonly tick: Message;
  readonly when: string;
  readonly staleAfterSeconds: number;
}

const schedules: readonly Schedule[] = [
  { tick: due, when: `0 0 ${nightlyHour} * * *`, staleAfterSeconds: 12 * 3_600 },
  { tick: idle, when: '0 */5 * * * *', staleAfterSeconds: 300 },
];

/**
 * Sees to it that each tenant has its schedules at the broker. A schedule that is there stays as it is, so this
 * may run as often as it likes.
 */
export const scheduleAll = async (bus: Bus, store: Store): Promise<void> => {
  const tenants = await store.rows(queries<CoreTables>().selectFrom('tenants').select(['id', 'time_zone']));
  await Promise.all(
    tenants.flatMap(({ id, time_zone }) =>
      schedules.map(({ tick, when, staleAfterSeconds }) =>
        bus.publish(`sched.${tick.name.slice('tick.'.length)}.${id}`, JSON.stringify({ staleAfterSeconds }), {
          'Nats-Schedule': when,
          'Nats-Schedule-Time-Zone': time_zone,
          'Nats-Schedule-Target': `${tick.name}.${id}`,
          [headers.schema]: String(tick.version),
          [headers.expectedSequence]: '0',
        }),
      ),
    ),
  );
};
