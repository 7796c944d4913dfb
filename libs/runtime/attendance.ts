import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, streamOf } from '@jangada/proto/message.ts';
import { type ConsumerInfo, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/**
 * Whether somebody asks for what a service hears. Between two of its requests, and while its hands are full, nobody does for
 * a moment, so the broker is asked again after each of these before it counts as away.
 */
const againAfterMs = [100, 200, 300];
/** How long one that is away is not asked about again. */
const restMs = 1_000;

/**
 * Tells of each service that may be spared whether it is there. The broker knows at once of a process that is dead or
 * drained, and of one that hangs only once its connection is given up. Where the broker says nothing, a service counts as there:
 * a run waits for it then as for any other.
 */
export const openAttendance = (nc: NatsConnection, spares: Readonly<Record<string, Message>>) => {
  const away = new Map<string, { until: number; isThere: Promise<boolean> }>();

  const look = async (name: string, stream: string): Promise<boolean> => {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const isAsking = async (): Promise<boolean> => {
      const info: ConsumerInfo | undefined = await jsm.consumers.info(stream, name).catch(() => undefined);
      return info?.num_waiting !== 0;
    };
    for (const ms of againAfterMs) {
      if (await isAsking()) return true;
      await sleep(ms);
    }
    return isAsking();
  };

  return (name: string): Promise<boolean> => {
    const message = spares[name];
    if (!message) throw new TypeError(`${name} is not among the services that may be spared`);
    const known = away.get(name);
    if (known && known.until > performance.now()) return known.isThere;
    const isThere = look(name, streamOf[message.kind]);
    // Those who ask meanwhile wait for the same answer, and only that it is away is remembered.
    const entry = { until: Number.POSITIVE_INFINITY, isThere };
    away.set(name, entry);
    void isThere.then((is) => {
      entry.until = is ? 0 : performance.now() + restMs;
    });
    return isThere;
  };
};
