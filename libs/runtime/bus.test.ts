import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emit } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { done, refused } from '@jangada/proto/command.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { subjectOf } from '@jangada/proto/message.ts';
import { reply } from '@jangada/proto/reply.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, limitReached, openBus, Refused } from './bus.ts';
import { redeliveryDelayMs } from './redelivery.ts';
import { allOf, lastOf } from './stored.ts';
import { conclude } from './telling.ts';

let dir: string;
let nats: NatsServer;
let bus: Bus;
let manager: JetStreamManager;

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());
const seed = newSeed();
const connected = (name: string, own = seed) => openBus(name, { NATS_URL: nats.url, NATS_NKEY_SEED: own });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-bus-'));
  nats = await startNats({ dir });
});
afterAll(async () => {
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  bus = await connected('service');
  manager = await jetstreamManager(bus.nc);
  await manager.streams.add({ name: 'FACTS', subjects: ['run.>'], storage: 'file', duplicate_window: 0 });
});
afterEach(async () => {
  await manager.streams.delete('FACTS');
  await bus.close();
});

const stored = async (): Promise<number> => (await manager.streams.info('FACTS')).state.messages;
const once = { [headers.expectedSequence]: '0' };

test('a message that is given back comes again after its delay and not at once', async () => {
  await manager.consumers.add('FACTS', { durable_name: 'service', ack_policy: 'explicit' });
  const consumer = await jetstream(bus.nc).consumers.get('FACTS', 'service');
  await bus.publish('run.a', 'one', {});
  const first = await consumer.next();
  const since = performance.now();
  first?.nak(redeliveryDelayMs(1));
  const again = await consumer.next({ expires: 5_000 });
  expect(again?.info.deliveryCount).toBe(2);
  // A quarter less than 250 ms at least; the broker counts from before we do.
  expect(performance.now() - since).toBeGreaterThan(150);
});

describe('publishing', () => {
  test('resolves with the place where the broker stored it', async () => {
    expect(await bus.publish('run.a', 'one', {})).toEqual({ sequence: 1, duplicate: false });
    expect(await bus.publish('run.b', 'two', {})).toEqual({ sequence: 2, duplicate: false });
    expect((await manager.streams.getMessage('FACTS', { seq: 2 }))?.string()).toBe('two');
  });

  test('a fact twice stores it once, and the second learns where the first is', async () => {
    await bus.publish('run.other', 'x', {});
    const first = await bus.publish('run.a', 'one', once);
    const second = await bus.publish('run.a', 'another', once);
    expect([first, second]).toEqual([
      { sequence: 2, duplicate: false },
      { sequence: 2, duplicate: true },
    ]);
    expect((await manager.streams.getMessage('FACTS', { last_by_subj: 'run.a' }))?.string()).toBe('one');
    expect(await stored()).toBe(2);
  });

  test('a fact from many at once stores it once, and all of them are told so', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => bus.publish('run.a', 'one', once)));
    expect(all.map(({ sequence }) => sequence)).toEqual(Array(20).fill(1));
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(await stored()).toBe(1);
  });

  test('one id twice stores it once', async () => {
    const id = { [headers.messageId]: bus.messageId('reply', 'casa', 'run-1') };
    await manager.streams.update('FACTS', { duplicate_window: 60e9 });
    expect((await bus.publish('run.a', 'one', id)).duplicate).toBe(false);
    expect((await bus.publish('run.a', 'one', id)).duplicate).toBe(true);
    expect(await stored()).toBe(1);
  });

  test('beyond a limit is refused with the code of limits', async () => {
    await manager.streams.update('FACTS', {
      discard: 'new',
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
    });
    await bus.publish('run.a', 'one', {});
    const refusal = await bus.publish('run.a', 'two', {}).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ code: limitReached });
    expect(limitReached).toBe(10_077);
    await expect(bus.publish('run.b', 'free', {})).resolves.toMatchObject({ duplicate: false });
  });

  test('where no stream listens gives up as an outage, after 8 s', async () => {
    const started = performance.now();
    await expect(bus.publish('nowhere', 'x', {})).rejects.toThrow(Unavailable);
    expect(performance.now() - started).toBeGreaterThan(8_000);
  });

  test('waits for a stream that is not there yet', async () => {
    const publishing = bus.publish('late.a', 'x', {});
    await bus.nc.flush();
    await manager.streams.add({ name: 'LATE', subjects: ['late.>'] });
    await expect(publishing).resolves.toEqual({ sequence: 1, duplicate: false, again: true });
    await manager.streams.delete('LATE');
  });
});

test('a refused command is told to nobody before it is stored that it was', async () => {
  const cause = { tenant: 'casa', id: 'run-1', pass: undefined, traceparent: '' };
  const keys = [{ kty: 'oct', kid: '1', k: Buffer.alloc(32, 1).toString('base64url') }];
  const bodies = openBodies(() => JSON.stringify({ keys }));
  await manager.streams.update('FACTS', { subjects: ['command.>'], max_msg_size: 1, allow_direct: true });
  await manager.streams.add({ name: 'REPLIES', subjects: [subjectOf(reply, '*', '*')] });
  const refusal = { type: 'CancelAppointment', locale: 'en', code: 'NOT_FOUND' } as const;
  await expect(conclude({ bus, bodies }, cause, emit(refused, refusal))).rejects.toThrow(Refused);
  expect((await manager.streams.info('REPLIES')).state.messages).toBe(0);
  await manager.streams.update('FACTS', { max_msg_size: -1 });
  await conclude({ bus, bodies }, cause, emit(refused, refusal));
  expect((await manager.streams.info('REPLIES')).state.messages).toBe(1);
  // Coming again it is told once; and a process that was frozen meanwhile does not say that it was carried out.
  await conclude({ bus, bodies }, cause, emit(refused, refusal));
  await conclude({ bus, bodies }, cause, emit(done, { type: 'CancelAppointment', locale: 'en' }));
  expect((await manager.streams.info('REPLIES')).state.messages).toBe(1);
  expect((await manager.streams.info('FACTS')).state.messages).toBe(1);
  await manager.streams.delete('REPLIES');
});

describe('reading where nobody answers', () => {
  test.each([
    ['the last', (nc: Bus['nc']) => lastOf(nc, 'run.a', 'NOWHERE')],
    ['all', (nc: Bus['nc']) => Array.fromAsync(allOf(nc, 'run.a', { stream: 'NOWHERE' }))],
  ] as const)('%s is an outage, whatever the library calls it', async (_which, look) => {
    await expect(look(bus.nc)).rejects.toThrow(Unavailable);
    const gone = await connected('gone');
    await gone.close();
    await expect(look(gone.nc)).rejects.toThrow(Unavailable);
  });
});

describe('a broker that dies', () => {
  test('loses nothing and repeats nothing of what was on its way', async () => {
    const acknowledged: number[] = [];
    const publishing: Promise<unknown>[] = [];
    const publish = (): void => {
      const index = publishing.length;
      publishing.push(
        bus.publish(`run.${index}`, `${index}`, once).then(({ sequence }) => acknowledged.push(sequence)),
      );
    };
    for (let count = 0; count < 100; count++) publish();
    await Promise.race(publishing);

    let dead = false;
    const death = nats.kill().then(() => {
      dead = true;
    });
    // Some are on their way when it dies, some are written while nobody is there.
    while (!dead) {
      publish();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await death;
    for (let count = 0; count < 10; count++) publish();
    expect(acknowledged.length).toBeLessThan(publishing.length - 10);

    await nats.restart();
    await Promise.all(publishing);
    expect(new Set(acknowledged).size).toBe(publishing.length);
    expect(await stored()).toBe(publishing.length);
  });
});

describe('whoever leaves', () => {
  test.each<[string, (broker: NatsServer) => void]>([
    ['dies', ({ kill }) => void kill()],
    ['says nothing any more', ({ pid }) => process.kill(pid, 'SIGSTOP')],
  ])('is gone soon, though the broker %s meanwhile', async (_how, leave) => {
    const broker = await startNats({ dir: join(dir, crypto.randomUUID()) });
    const leaving = await openBus('leaving', { NATS_URL: broker.url, NATS_NKEY_SEED: seed });
    leave(broker);
    await leaving.close();
    expect(leaving.nc.isClosed()).toBe(true);
    await broker.kill();
  });
});

describe('a message id', () => {
  test('is the same for the same parts, over restarts and instances', async () => {
    const twin = await connected('service');
    expect(twin.messageId('reply', 'casa', 'run-1', 0)).toBe(bus.messageId('reply', 'casa', 'run-1', 0));
    await twin.close();
  });

  test('is another for other parts', () => {
    expect(bus.messageId('reply', 'casa', 'run-1', 0)).not.toBe(bus.messageId('reply', 'casa', 'run-1', 1));
  });

  test('cannot be computed by another service, so that nobody can use it up before', async () => {
    const other = await connected('other', newSeed());
    expect(other.messageId('reply', 'casa', 'run-1', 0)).not.toBe(bus.messageId('reply', 'casa', 'run-1', 0));
    await other.close();
  });
});
