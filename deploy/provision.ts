import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { trustAuthority } from '@jangada/config/authority.ts';
import { readConfig } from '@jangada/config/config.ts';
import { keyRing } from '@jangada/proto/envelope.ts';
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, PermissionViolationError } from '@nats-io/transport-node';
import { connectAs } from './broker.ts';
import type { Consumer, Stream } from './generate/streams.ts';
import { givenRing } from './keysets.ts';
import { publishRing } from './ring.ts';

/** The broker cannot be made ready; the text says what to do. */
export class ProvisionError extends Error {
  override readonly name = 'ProvisionError';
}

/** What a call changed, by name; a consumer is `<stream>/<durable>`. */
export interface Provisioned {
  readonly created: readonly string[];
  readonly updated: readonly string[];
}

/** Message schedules with cron came with 2.14. */
const oldest = [2, 14] as const;
const startMs = 30_000;

const notFound = new Set([10_014, 10_059]);

const generated = <T>(file: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'generated', file), 'utf8')) as T;

/**
 * Makes the streams and consumers that the contracts need, and brings those that exist up to date. May be called
 * any number of times; what is as it should be is left alone. `ring` makes the key ring that follows the last one.
 * @throws ProvisionError
 */
export const provision = async (
  natsUrl: string,
  seed: string,
  { replicas = 1, ring }: { replicas?: number; ring?: Parameters<typeof publishRing>[1] } = {},
): Promise<Provisioned> => {
  const nc = await connectAs(natsUrl, { name: 'provisioner', seed });
  try {
    const { version } = nc.info ?? { version: '0.0.0' };
    if (!isRecent(version)) {
      throw new ProvisionError(
        `the broker is nats-server ${version}; schedules need ${oldest.join('.')} or later`,
      );
    }
    const jsm = await whenReady(nc);
    const created: string[] = [];
    const updated: string[] = [];
    const note = (name: string, change: Change): void => {
      if (change !== 'none') (change === 'created' ? created : updated).push(name);
    };
    for (const stream of generated<readonly Stream[]>('streams.json')) {
      note(stream.name, await putStream(jsm, { ...stream, num_replicas: replicas }));
    }
    for (const consumer of generated<readonly Consumer[]>('consumers.json')) {
      note(`${consumer.stream}/${consumer.config.durable_name}`, await putConsumer(jsm, consumer));
    }
    if (ring && (await publishRing(nc, ring))) note(keyRing.subject, 'updated');
    return { created, updated };
  } finally {
    await nc.close();
  }
};

const isRecent = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
};

/** JetStream answers a moment after the server does. */
const whenReady = async (nc: NatsConnection): Promise<JetStreamManager> => {
  const until = Date.now() + startMs;
  for (;;) {
    try {
      return await jetstreamManager(nc);
    } catch (error) {
      if (isDenied(error))
        throw new ProvisionError('only the provisioner may make streams; this is another user', {
          cause: error,
        });
      if (Date.now() > until || nc.isClosed()) {
        throw new ProvisionError('JetStream does not answer: is it enabled for the account APP?', {
          cause: error,
        });
      }
      await sleep(100);
    }
  }
};

const isDenied = (error: unknown): boolean =>
  error instanceof PermissionViolationError ||
  (error instanceof Error && error.cause instanceof PermissionViolationError);

type Change = 'created' | 'updated' | 'none';

const putStream = async (jsm: JetStreamManager, stream: Stream): Promise<Change> => {
  const known = await jsm.streams.info(stream.name).catch(absent);
  if (!known) {
    await jsm.streams.add(stream);
    return 'created';
  }
  if (holds(known.config, stream)) return 'none';
  await jsm.streams.update(stream.name, stream);
  return 'updated';
};

const putConsumer = async (jsm: JetStreamManager, { stream, config }: Consumer): Promise<Change> => {
  const known = await jsm.consumers.info(stream, config.durable_name).catch(absent);
  if (!known) {
    await jsm.consumers.add(stream, config);
    return 'created';
  }
  if (holds(known.config, config)) return 'none';
  await jsm.consumers.update(stream, config.durable_name, config);
  return 'updated';
};

const absent = (error: unknown): undefined => {
  if (error instanceof JetStreamApiError && notFound.has(error.code)) return undefined;
  throw error;
};

/** True when `known` has everything that is wanted; what the server adds of its own does not matter. */
export const holds = (known: unknown, wanted: unknown): boolean => {
  // The server leaves out what is off.
  if (typeof wanted !== 'object' || wanted === null)
    return (known ?? (wanted === false ? false : undefined)) === wanted;
  return Object.entries(wanted).every(([key, value]) =>
    holds((known as Record<string, unknown> | undefined)?.[key], value),
  );
};

if (import.meta.main) {
  trustAuthority(readConfig(['TLS_CA']).TLS_CA);
  const {
    NATS_URL = 'nats://127.0.0.1:4222',
    NATS_NKEY_SEED = '',
    NATS_REPLICAS = '1',
    KEY_RING,
  } = process.env;
  const options = { replicas: Number(NATS_REPLICAS), ...(KEY_RING ? { ring: givenRing(KEY_RING) } : {}) };
  console.log(JSON.stringify(await provision(NATS_URL, NATS_NKEY_SEED, options)));
}
