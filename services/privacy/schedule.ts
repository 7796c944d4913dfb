import { headers } from '@jangada/proto/envelope.ts';
import { look } from '@jangada/proto/privacy.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';

const db = queries<CoreTables>();

/** At the beginning of every minute: whoever asks is to be confirmed within one. */
const everyMinute = '0 * * * * *';

/** Sees to it that each tenant has its schedule at the broker. One that is there stays as it is. */
export const scheduleAll = async (bus: Bus, store: Store): Promise<void> => {
  const tenants = await store.rows(db.selectFrom('tenants').select(['id', 'time_zone']));
  await Promise.all(
    tenants.map(({ id, time_zone }) =>
      bus.publish(`sched.privacy.${id}`, JSON.stringify({ staleAfterSeconds: 60 }), {
        'Nats-Schedule': everyMinute,
        'Nats-Schedule-Time-Zone': time_zone,
        'Nats-Schedule-Target': `${look.name}.${id}`,
        [headers.schema]: String(look.version),
        [headers.expectedSequence]: '0',
      }),
    ),
  );
};
