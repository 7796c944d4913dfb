import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messages } from '@jangada/proto/catalogue.ts';
import { core, keyRing } from '@jangada/proto/envelope.ts';
import { type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { people, users } from './generate/nats.ts';
import { rightsMd } from './generate/rights.ts';
import { streams } from './generate/streams.ts';
import { startBroker, type TestBroker } from './test-broker.ts';
import { collect, saidBy } from './topology.ts';

/**
 * Logs in with the credentials of each service in turn and tries everything that anybody may do, and what nobody
 * may: the broker allows what the contracts say, and the page that a reviewer reads says the same.
 */

const contracts = await collect();
const names = contracts.map(({ name }) => name);
const everybody = [...names, ...people];
const rights = users(contracts);

let broker: TestBroker;
let operator: NatsConnection;
beforeAll(async () => {
  broker = await startBroker();
  operator = (await as('operator')).nc;
}, 60_000);
afterAll(async () => {
  await operator?.close();
  await broker?.[Symbol.asyncDispose]();
});

const as = (name: string) => broker.as(name);

const matches = (pattern: string, subject: string): boolean => {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  const fits = wanted.every((token, at) => token === '*' || token === '>' || token === tokens[at]);
  return fits && (wanted.at(-1) === '>' ? tokens.length >= wanted.length : tokens.length === wanted.length);
};

/** One subject for each thing that anybody may do, and those of administration that nobody but the provisioner may. */
const example = (pattern: string): string => pattern.replace(/>$/, 'any.thing').replaceAll('*', 'planted');
const administration = streams().flatMap(({ name }) => [
  ...[
    'CREATE',
    'UPDATE',
    'DELETE',
    'PURGE',
    'SNAPSHOT',
    'RESTORE',
    'LEADER.STEPDOWN',
    'MSG.DELETE',
    'MSG.GET',
  ].map((verb) => `$JS.API.STREAM.${verb}.${name}`),
  `$JS.API.DIRECT.GET.${name}`,
  `$JS.API.CONSUMER.CREATE.${name}.planted`,
  `$JS.API.CONSUMER.CREATE.${name}.planted.run.requested.*`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${name}.planted`,
  ...names.flatMap((durable) => [
    `$JS.API.CONSUMER.DELETE.${name}.${durable}`,
    `$JS.API.CONSUMER.PAUSE.${name}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${name}.${durable}`,
    `$JS.ACK.${name}.${durable}.1.1.1.1.1`,
  ]),
]);
const published = [
  ...new Set([
    ...[...rights.values()]
      .flatMap(({ publish }) => publish.filter((pattern) => pattern !== '$JS.API.>'))
      .map(example),
    ...messages.map((message) => subjectOf(message, 'planted', 'planted')),
    ...administration,
    ...everybody.map((name) => `_INBOX_${name}.planted`),
    '_INBOX.planted',
    '$KV.KEYS.ring',
    '$KV.KEYS.other',
    'keys.ring',
    'live.planted.planted',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.ACCOUNT.APP.CONNZ',
  ]),
];
const subscribed = [
  ...new Set([
    ...[...rights.values()].flatMap(({ subscribe }) => subscribe),
    ...messages.map((message) => subjectOf(message, '*', '*')),
    'run.*.*.*',
    '>',
    '*.>',
    '$JS.API.>',
    '$JS.ACK.>',
    '$JS.EVENT.>',
    '$KV.>',
    '$SYS.>',
    '_INBOX.>',
    ...everybody.map((name) => `_INBOX_${name}.>`),
  ]),
];

describe('each user of the broker', () => {
  test.each(everybody)('%s publishes what its contract says and nothing else', async (name) => {
    await using user = await as(name);
    // Who makes the streams could take them away here; what else it may not is tried.
    const tried = published.filter((subject) => name !== 'provisioner' || !subject.startsWith('$JS.API'));
    for (const subject of tried) user.nc.publish(subject, '{}');
    await user.nc.flush();
    const allowed = rights.get(name)?.publish ?? [];
    const expected = tried
      .filter((subject) => !allowed.some((pattern) => matches(pattern, subject)))
      .map((subject) => `publish ${subject}`);
    await vi.waitFor(() => expect([...user.denied].sort()).toEqual(expected.sort()));
  });

  test.each(everybody)('%s subscribes to what its contract says and nothing else', async (name) => {
    await using user = await as(name);
    for (const subject of subscribed) user.nc.subscribe(subject, { callback: () => undefined });
    await user.nc.flush();
    const allowed = rights.get(name)?.subscribe ?? [];
    const expected = subscribed
      .filter((subject) => !allowed.includes(subject))
      .map((subject) => `subscription ${subject}`);
    await vi.waitFor(() => expect([...user.denied].sort()).toEqual(expected.sort()));
  });

  test('who is not listed cannot connect', async () => {
    await expect(connect({ servers: broker.url, reconnect: false })).rejects.toThrow(/authorization/i);
  });

  test('cannot be made to publish in the stead of who asks for its status', async () => {
    await using intent = await as('intent');
    await using edge = await as('edge');
    intent.nc.subscribe(core.status, { callback: (_error, message) => void message.respond('{}') });
    await intent.nc.flush();
    edge.nc.publish(core.status, '', { reply: 'run.permitted.t1.forged' });
    await vi.waitFor(() => expect([...intent.denied]).toEqual(['publish run.permitted.t1.forged']));
    await expect(edge.nc.request(core.status, '', { timeout: 2_000 })).resolves.toBeDefined();
  });
});

describe('whoever may write to a stream', () => {
  const said = contracts.flatMap((contract) =>
    saidBy(contract).map((message) => [message.name, contract.name, message] as [string, string, Message]),
  );
  const writers = [...new Map(said.map((one) => [one[0], one])).values()];

  test.each(writers)(
    '%s as %s cannot expire, roll up, schedule or move what is there',
    async (_name, who, message) => {
      await using user = await as(who);
      const stream = streamOf[message.kind];
      const jsm = await jetstreamManager(operator);
      const before = (await jsm.streams.info(stream)).state;
      const subject = subjectOf(message, 'planted', 'tried');
      const other = subjectOf(
        messages.find((one) => one !== message && one.kind === message.kind) ?? message,
        'planted',
        'moved',
      );
      for (const carried of [
        { 'Nats-TTL': '1s' },
        { 'Nats-Rollup': 'all' },
        { 'Nats-Rollup': 'sub' },
        { 'Nats-Schedule': '@every 1s', 'Nats-Schedule-Target': other },
        { 'Nats-Expected-Stream': 'SCHED' },
        { 'Nats-Expected-Last-Sequence': '99999' },
        { 'Nats-Expected-Last-Msg-Id': 'guessed' },
      ]) {
        const head = headers();
        for (const [name, value] of Object.entries(carried)) head.set(name, value);
        const answer = await user.nc.request(subject, '{}', { headers: head, timeout: 5_000 });
        expect.soft(answer.json(), JSON.stringify(carried)).toHaveProperty('error');
      }
      for (let guess = 1_000_001; guess <= 1_000_100; guess++) {
        const head = headers();
        head.set('Nats-Expected-Last-Subject-Sequence', String(guess));
        const answer = await user.nc.request(subject, '{}', { headers: head, timeout: 5_000 });
        expect(answer.json()).toHaveProperty('error.err_code', 10_071);
      }
      const { messages: count, first_seq, last_seq } = (await jsm.streams.info(stream)).state;
      expect({ count, first_seq, last_seq }).toEqual({
        count: before.messages,
        first_seq: before.first_seq,
        last_seq: before.last_seq,
      });
    },
  );

  test('cannot make a schedule speak outside its own stream', async () => {
    await using retention = await as('retention');
    for (const target of [
      'run.permitted.planted.x',
      'reply.planted.x',
      '$KV.KEYS.ring',
      '$JS.API.STREAM.PURGE.FACTS',
    ]) {
      const head = headers();
      head.set('Nats-Schedule', `@at ${new Date().toISOString()}`);
      head.set('Nats-Schedule-Target', target);
      const answer = await retention.nc.request('sched.retention.planted', '{}', {
        headers: head,
        timeout: 5_000,
      });
      expect.soft(answer.json(), target).toHaveProperty('error');
    }
  });
});

test('the broker keeps facts, replies and keys from being deleted, even by who made the streams', async () => {
  await using provisioner = await as('provisioner');
  const jsm = await jetstreamManager(provisioner.nc);
  for (const stream of [streamOf.fact, streamOf.reply, keyRing.stream]) {
    await expect(jsm.streams.purge(stream)).rejects.toThrow(/not permitted/);
    await expect(jsm.streams.deleteMessage(stream, 1)).rejects.toThrow(/not permitted/);
    await expect(jsm.streams.update(stream, { deny_purge: false, deny_delete: false })).rejects.toThrow();
  }
});

test('the page says what the broker was asked', () => {
  const page = readFileSync(join(import.meta.dirname, 'generated', 'rights.md'), 'utf8');
  expect(page).toBe(rightsMd(contracts));
  // The cells of its table are the rights that were tried above.
  for (const [subject = '', ...cells] of page
    .split('\n')
    .filter((line) => line.startsWith('| `') && line.includes('●'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    ))
    expect(
      cells.map((cell) => cell === '●'),
      subject,
    ).toEqual(everybody.map((name) => rights.get(name)?.publish.includes(subject)));
});
