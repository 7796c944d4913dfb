import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { core, limitStream } from '@jangada/proto/envelope.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { followChanges } from './changes.ts';
import { openPolicies } from './policies.ts';

let dir: string;
let server: NatsServer;
let nc: NatsConnection;
const lines: string[] = [];
const log = openLog('test', 'WARNING', { write: (line) => lines.push(line) });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-changes-'));
  server = await startNats({ dir, syncInterval: '1s' });
  nc = await connect({ servers: server.url });
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({
    name: limitStream,
    subjects: [core.limit('*', '*')],
    max_msgs_per_subject: 1,
    allow_direct: true,
    republish: { src: core.limit('*', '*'), dest: core.limitSet('{{wildcard(1)}}', '{{wildcard(2)}}') },
  });
});
afterAll(async () => {
  await nc?.close();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

const set = (tenant: string, policy: string, body: string) =>
  jetstream(nc).publish(core.limit(tenant, policy), body);
const listener = async () => {
  const policies = openPolicies({});
  await followChanges(nc, policies, log);
  return (tenant: string) =>
    policies
      .of('ai', { tenant, user: 'ana', pack: 'aesthetic-clinic' })
      .find(({ name }) => name === 'ai-user')?.max;
};

test('what is set reaches who listens at once, and who starts later from the stream', async () => {
  const early = await listener();
  expect(early('clinic')).toBe(20);
  const began = performance.now();
  await set('_', 'ai-user', '{"max":7}');
  await until('everybody’s limit', () => early('clinic') === 7);
  expect(performance.now() - began).toBeLessThan(2_000);
  await set('clinic', 'ai-user', '{"max":9}');
  await until('the tenant’s limit', () => early('clinic') === 9);
  expect(early('other')).toBe(7);
  const late = await listener();
  expect([late('clinic'), late('other')]).toEqual([9, 7]);
  await set('clinic', 'ai-user', '{}');
  await until('the tenant to have everybody’s', () => early('clinic') === 7 && late('clinic') === 7);
});

test('what cannot be read changes nothing, and is logged', async () => {
  const max = await listener();
  await set('_', 'ai-user', '{"max":6}');
  await until('the limit', () => max('clinic') === 6);
  for (const body of ['{', '{"max":-1}', '{"max":1,"windowMs":10}', '{"more":1}']) {
    lines.length = 0;
    await set('_', 'ai-user', body);
    await until('the log', () => lines.length > 0);
  }
  await set('other', 'ai-user', '{"max":5}');
  await until('what comes after', () => max('other') === 5);
  expect(max('clinic')).toBe(6);
});
