import { cpSync } from 'node:fs';
import { type AddressInfo, connect as connectTo, createServer } from 'node:net';
import { join } from 'node:path';
import { discover } from '@jangada/mesh/registry.ts';
import { core, limitStream, registryVerbs } from '@jangada/proto/envelope.ts';
import { register } from '@jangada/runtime/registration.ts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { publishFolder, replaceSet } from './cli/replace.ts';
import { type Jwk, rotated, unheld } from './keysets.ts';
import { provision } from './provision.ts';
import { readRing } from './ring.ts';
import { startBroker, type TestBroker } from './test-broker.ts';
import { collect, consumersOf } from './topology.ts';

const contracts = await collect();

let broker: TestBroker;
let folder: string;
beforeAll(async () => {
  broker = await startBroker();
  folder = broker.keys.folder;
}, 60_000);
afterAll(async () => {
  await broker?.[Symbol.asyncDispose]();
});

const as = (name: string) => broker.as(name);
const provisioned = (url = broker.url, name = 'provisioner') => provision(url, broker.seedOf(name));

describe('with its rights alone', () => {
  test.each(contracts.flatMap(consumersOf))(
    '$durable opens its consumer of $stream and pulls',
    async ({ stream, durable }) => {
      await using user = await as(durable);
      const consumer = await jetstream(user.nc).consumers.get(stream, durable);
      const batch = await consumer.fetch({ max_messages: 1, expires: 1_000 });
      for await (const message of batch) expect(await message.ackAck()).toBe(true);
      expect([...user.denied]).toEqual([]);
    },
  );

  test('a hop that tells looks up what it told, and an edge follows it live', async () => {
    await using teller = await as('response-generation');
    await using edge = await as('edge');
    const live = edge.nc.subscribe(core.live('t1', 'run-1'), { max: 1 });
    await edge.nc.flush();
    await jetstream(teller.nc).publish('reply.t1.run-1', '{"parts":[]}');
    for await (const message of live) expect(message.headers?.get('Nats-Stream')).toBe('REPLY');
    for (const { nc } of [teller, edge]) expect(await lastReply(nc)).toBe('{"parts":[]}');
  });

  test('retention sets a schedule and hears its tick', async () => {
    await using retention = await as('retention');
    const js = jetstream(retention.nc);
    const specification = headers();
    specification.set('Nats-Schedule', `@at ${new Date(Date.now() + 300).toISOString()}`);
    specification.set('Nats-Schedule-Target', 'tick.retention.t1');
    await js.publish('sched.retention.t1', '{"staleAfterSeconds":60}', { headers: specification });
    const consumer = await js.consumers.get('SCHED', 'retention');
    await vi.waitFor(async () => {
      const tick = await consumer.next({ expires: 1_000 });
      tick?.ack();
      expect(tick?.subject).toBe('tick.retention.t1');
      expect(tick?.headers?.get('Nats-Scheduler')).toBe('sched.retention.t1');
    }, 10_000);
  });

  test('who counts against limits hears and reads what the operator sets, and sets nothing itself', async () => {
    await using operator = await as('operator');
    await using edge = await as('edge');
    const live = edge.nc.subscribe(core.limitSet('*', '*'), { max: 1 });
    await edge.nc.flush();
    await jetstream(operator.nc).publish(core.limit('_', 'ai-user'), '{"max":1}');
    await jetstream(operator.nc).publish(core.limit('_', 'ai-user'), '{"max":2}');
    for await (const message of live) expect(message.subject).toBe(core.limitSet('_', 'ai-user'));
    const jsm = await jetstreamManager(edge.nc, { checkAPI: false });
    const found = await Array.fromAsync(
      await jsm.direct.getLastMessagesFor(limitStream, { multi_last: [core.limit('*', '*')] }),
    );
    expect(found.map((message) => message.string())).toEqual(['{"max":2}']);
    edge.nc.publish(core.limit('_', 'ai-user'), '{}');
    await vi.waitFor(() => expect([...edge.denied]).toEqual(['publish limit._.ai-user']));
  });

  test('a service is found by the operator alone, and nobody answers in its stead', async () => {
    await using intent = await as('intent');
    await using operator = await as('operator');
    await register(intent.nc, {
      ...{ name: 'intent', version: '1.0.0', host: '127.0.0.1', port: '4001', weight: 1 },
      doing: async () => ({ ready: true, breaker: 'closed', inFlight: 0 }),
      status: { subject: core.status, answer: async () => '{}' },
    });
    await intent.nc.flush();
    const [found, ...others] = await discover(operator.nc);
    expect([found?.name, others]).toEqual(['intent', []]);
    for (const subject of [`$SRV.PING.intent`, `$SRV.INFO.intent.${found?.id}`, '$SRV.STATS'])
      expect((await operator.nc.request(subject)).json()).toMatchObject({ name: 'intent', id: found?.id });
    expect([...intent.denied, ...operator.denied]).toEqual([]);

    for (const name of ['permission', 'edge']) {
      await using other = await as(name);
      for (const verb of registryVerbs) {
        other.nc.publish(`$SRV.${verb}`, '', { reply: `_INBOX_${name}.x` });
        other.nc.subscribe(`$SRV.${verb}.intent`, { callback: () => undefined });
      }
      await vi.waitFor(() => expect(other.denied.size).toBe(2 * registryVerbs.length));
    }
    // Not even to the operator does an answer go anywhere but to an inbox.
    operator.nc.publish('$SRV.PING.intent', '', { reply: 'run.permitted.t1.forged' });
    await vi.waitFor(() => expect([...intent.denied]).toEqual(['publish run.permitted.t1.forged']));
  });

  test('the operator reads every stream and sends a message back on its way', async () => {
    await using operator = await as('operator');
    const jsm = await jetstreamManager(operator.nc);
    const streams: string[] = [];
    for await (const name of jsm.streams.names()) streams.push(name);
    expect(streams.sort()).toEqual([
      'CHECKPOINTS',
      'DEAD',
      'EVENTS',
      'FACTS',
      'INTAKE',
      'KV_KEYS',
      'LIMITS',
      'REPLY',
      'SCHED',
      'STATES',
    ]);
    await jetstream(operator.nc).publish('run.understood.t1.replayed', '{}');
    const found = await jsm.direct.getMessage('FACTS', { last_by_subj: 'run.understood.t1.replayed' });
    expect(found?.string()).toBe('{}');
    expect([...operator.denied]).toEqual([]);
  });

  test('the operator replaces keys, and a second one at the same moment changes nothing', async () => {
    await using operator = await as('operator');
    const { nc } = operator;
    const copy = join(broker.dir, 'copy');
    cpSync(folder, copy, { recursive: true });
    await publishFolder(folder, nc);
    const rotate = (where: string, kind: 'pass' | 'grant') => {
      const plan = (known: readonly Jwk[]) => rotated(kind, known, { leadMs: 0, overlapMs: 60_000 });
      return replaceSet(where, kind, { plan, order: 'verifiers first', nc });
    };
    /** Who was refused, and in which words. */
    const both = async (...replacing: readonly [string, 'pass' | 'grant'][]) => {
      const done = await Promise.allSettled(replacing.map(([where, kind]) => rotate(where, kind)));
      return done.map((one) => (one.status === 'fulfilled' ? 'done' : String(one.reason)));
    };

    expect(await both([folder, 'pass'], [folder, 'grant'])).toEqual([
      'done',
      expect.stringMatching(/^Failure: process \d+ is replacing keys in .*type this again/),
    ]);
    cpSync(folder, copy, { recursive: true });
    const [first, second] = await both([folder, 'pass'], [copy, 'grant']);
    expect([first, second].toSorted()).toEqual([
      expect.stringMatching(/^Failure: somebody else replaced keys at the same moment.*type this again/),
      'done',
    ]);
    const [winner, loser] = first === 'done' ? [folder, copy] : [copy, folder];
    expect(unheld(winner, (await readRing(nc)).statement ?? '')).toEqual([]);
    await expect(rotate(loser, 'grant')).rejects.toThrow(/the key ring lists what .* does not hold/);
    expect(await publishFolder(loser, nc)).toBe(true);
    await rotate(loser, 'grant');
    expect(unheld(loser, (await readRing(nc)).statement ?? '')).toEqual([]);
  });

  const lastReply = async (nc: NatsConnection) => {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    return (await jsm.direct.getMessage('REPLY', { last_by_subj: 'reply.t1.run-1' }))?.string();
  };
});

describe('provisioning', () => {
  test('again changes nothing', async () => {
    expect(await provisioned()).toEqual({ created: [], updated: [] });
  });

  test('puts back what somebody changed and makes what is missing', async () => {
    await using provisioner = await as('provisioner');
    const jsm = await jetstreamManager(provisioner.nc);
    await jsm.streams.update('DEAD', { max_bytes: 1_000_000 });
    await jsm.consumers.update('FACTS', 'audit', { max_ack_pending: 1 });
    await jsm.consumers.delete('FACTS', 'permission');
    expect(await provisioned()).toEqual({
      created: ['FACTS/permission'],
      updated: ['DEAD', 'FACTS/audit'],
    });
    expect((await jsm.consumers.info('FACTS', 'audit')).config.max_ack_pending).toBe(2_048);
  });

  test('is refused to a service', async () => {
    await expect(provisioned(broker.url, 'intent')).rejects.toThrow('only the provisioner may make streams');
  });

  test.each([
    ['without a word', ''],
    ['because it took too long', "-ERR 'Authentication Timeout'\r\n"],
  ])('tries again where the broker hangs up on it %s', async (_how, word) => {
    let taken = 0;
    await using hurried = createServer((socket) => {
      socket.on('error', () => undefined);
      const there = connectTo(Number(new URL(broker.url).port), '127.0.0.1');
      there.on('error', () => undefined);
      socket.on('close', () => there.destroy());
      there.pipe(socket);
      if (++taken > 2) socket.pipe(there);
      else socket.once('data', () => socket.write(word, () => socket.resetAndDestroy()));
    });
    await new Promise<void>((resolve) => hurried.listen(0, '127.0.0.1', resolve));
    const { port } = hurried.address() as AddressInfo;
    expect(await provisioned(`nats://127.0.0.1:${port}`)).toEqual({
      created: [],
      updated: [],
    });
    expect(taken).toBe(3);
  });

  test('says so when the broker is too old for schedules', async () => {
    const info = { server_id: 'OLD', version: '2.10.27', headers: true, max_payload: 1_048_576, proto: 1 };
    const old = createServer((socket) => {
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const address = old.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(provisioned(`nats://127.0.0.1:${port}`)).rejects.toThrow(
      'the broker is nats-server 2.10.27; schedules need 2.14 or later',
    );
    old.close();
  });

  test('gives a tenant that floods no more room, and the others theirs', async () => {
    await using edge = await as('edge');
    const js = jetstream(edge.nc);
    const flood = await Promise.allSettled(
      Array.from({ length: 520 }, () => js.publish('run.requested.flooding', '{}')),
    );
    expect(flood.filter(({ status }) => status === 'rejected')).toHaveLength(8);
    await expect(js.publish('run.requested.quiet', '{}')).resolves.toMatchObject({ stream: 'INTAKE' });
  });
});
