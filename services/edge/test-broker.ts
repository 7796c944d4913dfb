import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBus } from '@jangada/runtime/bus.ts';
import type { Voice } from '@jangada/runtime/emit.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { secretSet } from '@jangada/testkit/identity.ts';
import { type Bodies, openBodies } from '@jangada/trust/body.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';

/** A broker with the streams that the edge publishes to and follows, for tests. */
export const startBroker = async (): Promise<NatsServer & { readonly seed: string }> => {
  const nats = await startNats({ dir: await mkdtemp(join(tmpdir(), 'jangada-edge-')), syncInterval: '1s' });
  const seed = new TextDecoder().decode(createUser().getSeed());
  const bus = await openBus('provisioner', { NATS_URL: nats.url, NATS_NKEY_SEED: seed });
  const { streams } = await jetstreamManager(bus.nc);
  await streams.add({
    name: 'INTAKE',
    subjects: ['run.requested.*'],
    retention: 'workqueue',
    discard: 'new',
    discard_new_per_subject: true,
    max_msgs_per_subject: 100,
  });
  await streams.add({ name: 'FACTS', subjects: ['run.*.*.*'], allow_direct: true });
  await streams.add({
    name: 'REPLY',
    subjects: ['reply.*.*'],
    allow_direct: true,
    republish: { src: 'reply.*.*', dest: 'live.{{wildcard(1)}}.{{wildcard(2)}}' },
  });
  await bus.close();
  return Object.assign(nats, { seed });
};

/** The keys of bodies that the edge and who tells it something share. */
export const messageKeys = secretSet();
export const bodies = openBodies(() => messageKeys);

/** A service that tells. */
export const openTeller = async (broker: {
  url: string;
  seed: string;
}): Promise<Voice & { bodies: Bodies }> => ({
  bus: await openBus('teller', { NATS_URL: broker.url, NATS_NKEY_SEED: broker.seed }),
  bodies,
});
