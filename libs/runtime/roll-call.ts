import { core } from '@jangada/proto/envelope.ts';
import { type NatsConnection, NoRespondersError } from '@nats-io/transport-node';
import type { Status } from './service.ts';

/** How long services have to say how they are. */
export const rollCallMs = 500;

/**
 * Asks all services at once how they are. Ends as soon as every expected one has answered, where it is known who is
 * expected, at the latest after `withinMs`. Several instances of a service are several answers.
 */
export const rollCall = async (
  nc: NatsConnection,
  expected: readonly string[] | undefined,
  withinMs = rollCallMs,
): Promise<readonly Status[]> => {
  const heard: Status[] = [];
  const missing = expected && new Set(expected);
  try {
    for await (const answer of await nc.requestMany(core.status, '', {
      strategy: 'timer',
      maxWait: withinMs,
    })) {
      const status = answer.json<Status>();
      heard.push(status);
      missing?.delete(status.name);
      if (missing?.size === 0) break;
    }
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
  }
  return heard;
};
