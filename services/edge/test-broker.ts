import { join } from 'node:path';
import { keyRing } from '@jangada/proto/envelope.ts';
import { openBus } from '@jangada/runtime/bus.ts';
import type { Voice } from '@jangada/runtime/emit.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { keyPair, ringOf, secretSet } from '@jangada/testkit/identity.ts';
import { type Bodies, openBodies } from '@jangada/trust/body.ts';
import { openOrigins } from '@jangada/trust/origin.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';

export const passKeys = keyPair('pass');
export const tokenKeys = keyPair('token');
export const ring = ringOf({ pass: [passKeys], token: [tokenKeys] });

/**
 * A broker with the streams that the edge publishes to and follows, for tests, in a folder of the caller's. Nobody takes
 * what waits there, so many may be asked for.
 */
export const startBroker = async (
  dir: string,
  waitingMax = 100,
): Promise<NatsServer & { readonly seed: string }> => {
  const nats = await startNats({ dir: join(dir, 'nats'), syncInterval: '1s' });
  const seed = new TextDecoder().decode(createUser().getSeed());
  const bus = await openBus('provisioner', { NATS_URL: nats.url, NATS_NKEY_SEED: seed });
  const { streams } = await jetstreamManager(bus.nc);
  await streams.add({
    name: 'INTAKE',
    subjects: ['run', 'access', 'command'].map((noun) => `${noun}.requested.*`).concat('feedback.given.*'),
    retention: 'workqueue',
    discard: 'new',
    discard_new_per_subject: true,
    max_msgs_per_subject: waitingMax,
  });
  await streams.add({
    name: 'FACTS',
    subjects: ['run', 'auth', 'mfa', 'refresh', 'session', 'trail'].map((noun) => `${noun}.*.*.*`),
    allow_direct: true,
  });
  await streams.add({
    name: 'REPLY',
    subjects: ['reply.*.*', 'thread.asked.*.*'],
    allow_direct: true,
    republish: { src: 'reply.*.*', dest: 'live.{{wildcard(1)}}.{{wildcard(2)}}' },
  });
  await streams.add({ name: 'EVENTS', subjects: ['event.*.*.*'], allow_direct: true });
  const { stream, bucket, subject, live } = keyRing;
  await streams.add({
    name: stream,
    subjects: [bucket],
    allow_direct: true,
    republish: { src: subject, dest: live },
  });
  await bus.publish(subject, ring.statement, {});
  await bus.close();
  return Object.assign(nats, { seed });
};

/** The keys of bodies that the edge and who tells it something share. */
const messageKeys = secretSet();
const originKeys = secretSet();
export const bodies = openBodies(() => messageKeys);

/** Opens from where somebody called, as an auditor does. */
export const origins = openOrigins(() => originKeys);

/** Settings of the edge that are read again when their file changes. */
export const keySets = {
  MESSAGE_KEYS: () => messageKeys,
  PASS_ORIGIN_KEYS: () => originKeys,
  PASS_PRIVATE_KEYS: () => passKeys.secret,
  TOKEN_PRIVATE_KEYS: () => tokenKeys.secret,
} as const;

/** A service that tells. */
export const openTeller = async (broker: {
  url: string;
  seed: string;
}): Promise<Voice & { bodies: Bodies }> => ({
  bus: await openBus('teller', { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed }),
  bodies,
});
