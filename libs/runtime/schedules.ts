import { headers } from '@jangada/proto/envelope.ts';
import { type Message, scheduleOf, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Service } from './service.ts';

/** When a tick of each tenant comes. */
export interface Schedule {
  readonly tick: Message;
  /** In the tenant's own time zone: six fields, seconds first. */
  readonly when: string;
  /** Seconds after its planned time at which a late tick is no longer acted on. */
  readonly staleAfterSeconds: number;
}

interface Tenant {
  readonly id: string;
  /** IANA name. */
  readonly time_zone: string;
}

/** New tenants get their schedules without a restart. */
const lookMs = 60_000;

/**
 * Sees to it, until the service drains, that each tenant has its schedules at the broker. One that is there stays as it
 * is, so any number of processes may do so.
 */
export const keepScheduled = async (
  { bus, log, metrics, onDrain }: Pick<Service, 'bus' | 'log' | 'metrics' | 'onDrain'>,
  tenants: () => Promise<readonly Tenant[]>,
  schedules: readonly Schedule[],
): Promise<void> => {
  const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
  const taken = metrics.gauge(
    'schedules_room_taken',
    'How much of the room for schedules is taken: 1 is all',
    [],
  );
  // Full, the broker forgets the oldest schedules and tells nobody.
  const measure = async (): Promise<void> => {
    const { config, state } = await jsm.streams.info(streamOf.tick);
    taken.set(state.bytes / config.max_bytes);
  };
  const publishAll = async (): Promise<void> => {
    const found = await tenants();
    await Promise.all(
      found.flatMap(({ id, time_zone }) =>
        schedules.map(({ tick, when, staleAfterSeconds }) =>
          bus.publish(scheduleOf(tick, id), JSON.stringify({ staleAfterSeconds }), {
            'Nats-Schedule': when,
            'Nats-Schedule-Time-Zone': time_zone,
            'Nats-Schedule-Target': subjectOf(tick, id, ''),
            [headers.schema]: String(tick.version),
            [headers.expectedSequence]: '0',
          }),
        ),
      ),
    );
  };
  const look = (): Promise<void> =>
    Promise.all([publishAll(), measure()]).then(
      () => undefined,
      () => log.warn({ operation: 'schedule' }, 'schedules could not be checked; trying again'),
    );
  await look();
  const timer = setInterval(look, lookMs);
  onDrain(async () => clearInterval(timer));
};
