import { Unavailable } from '@jangada/hop/outcome.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, scheduleOf, subjectOf } from '@jangada/proto/message.ts';
import { due } from '@jangada/proto/saga.ts';
import type { Bus } from '@jangada/runtime/bus.ts';

/**
 * Has the broker wake us for a booking at a moment, in the place of the one that was said before under the same name.
 * @throws Unavailable, also where the broker refuses: no event is buried for want of a schedule
 */
export const wakeAt = async (
  bus: Pick<Bus, 'publish'>,
  tenant: string,
  name: string,
  body: Body<typeof due>,
  at: number,
): Promise<void> => {
  const said = {
    'Nats-Schedule': `@at ${new Date(at).toISOString()}`,
    'Nats-Schedule-Target': subjectOf(due, tenant, body.booking),
    'Nats-Rollup': 'sub',
    [headers.schema]: String(due.version),
  };
  await bus.publish(scheduleOf(due, tenant, name), JSON.stringify(body), said).catch((error) => {
    throw new Unavailable('broker', error);
  });
};
