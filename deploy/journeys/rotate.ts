import { setTimeout as sleep } from 'node:timers/promises';
import { headers } from '@jangada/proto/envelope.ts';
import { streamOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { written } from '@jangada/runtime/emit.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { passSealer } from '@jangada/trust/pass.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KindName, kindNames } from '../keysets.ts';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';
import { keys, type Listed, load } from './replacing.ts';

/** Keys are replaced while people ask: nobody notices, and what the old ones made is refused in the end. */

let journey: Journey;
let person: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  person = await journey.as('admin');
});

const statesOf = ({ listed }: { listed: readonly Listed[] }): string[] => listed.map(({ state }) => state);

/** Signed statements that all services together have met. */
const met = async (use: string, age: 'current' | 'previous'): Promise<number> => {
  const texts = await Promise.all(
    (await journey.system.statuses()).map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
  );
  const line = new RegExp(`^statements_verified_total\\{.*use="${use}",key="${age}".*\\} (\\d+)$`, 'gm');
  return [...texts.join('\n').matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
};

/** Publishes a question that carries what the old key made. */
const askWith = async (own: { pass?: () => string; message?: () => string }): Promise<string> => {
  const { system, nc } = journey;
  const pass = passFor('x', { tid: 'clinica-aurora', sub: 'clinica-aurora-admin' });
  const statement = await passSealer(signerFrom(own.pass ?? (() => system.keys.setOf('pass'))))(pass);
  const bodies = openBodies(own.message ?? (() => system.keys.setOf('message')));
  const cause = { tenant: pass.tid, id: pass.rid, pass: statement, traceparent: '' };
  const { subject, bytes, carried } = written({ bodies }, run.requested, cause, sampleOf(run.requested));
  const head = newHeaders();
  for (const [name, value] of Object.entries(carried)) head.set(name, value);
  await jetstream(nc).publish(subject, bytes, { headers: head });
  return until('a dead letter', async () =>
    (await journey.stored('DEAD'))
      .find(({ header }) => header.get(headers.pass) === statement)
      ?.header.get('Jangada-Dead-Reason'),
  );
};

/** The set as it was, whose key makes what is to be refused. */
const snapshot = (kind: KindName): (() => string) => {
  const text = journey.system.keys.setOf(kind);
  return () => text;
};

let asking: ReturnType<typeof load<number>>;
let old: Readonly<Record<'pass' | 'message', () => string>>;
let oldGrantKeys: readonly object[];

const grantKeys = () => journey.sql('select kid from sec.grant_key');

beforeAll(async () => {
  asking = load(async () => (await person.query('quantas consultas tenho amanhã?')).status);
  await asking.more(8);
  old = { pass: snapshot('pass'), message: snapshot('message') };
  oldGrantKeys = await grantKeys();
});

afterAll(() => asking?.stop());

test('every kind of key gets a next one, which serves from the moment it says', async () => {
  let serves = 0;
  for (const kind of kindNames) {
    const done = await keys(journey, 'rotate', kind, '--lead', '2');
    expect([kind, ...statesOf(done)]).toEqual([kind, 'current', 'next']);
    serves = Math.max(serves, Date.parse(done.listed[1]?.notBefore ?? ''));
  }
  await sleep(serves - Date.now());
  const { listed } = await keys(journey, 'list');
  for (const kind of kindNames) {
    const states = statesOf({ listed: listed.filter((one) => one.kind === kind) });
    expect([kind, ...states]).toEqual([kind, 'previous', 'current']);
  }
  await asking.more(8);
}, 180_000);

test.each(['pass', 'grant'] as const)('of a %s, the old one is met no more and leaves', async (kind) => {
  const current = await met(kind, 'current');
  // What was signed before is soon all told.
  await until('nothing older to be met', async () => {
    const before = await met(kind, 'previous');
    await asking.more(8);
    return (await met(kind, 'previous')) === before;
  });
  expect(await met(kind, 'current')).toBeGreaterThan(current);
  expect(statesOf(await keys(journey, 'retire', kind, '--force'))).toEqual(['current']);
  await asking.more(8);
  if (kind === 'pass') expect(await askWith({ pass: old.pass })).toMatch(/^CTX_INVALID: the key/);
});

test('of tokens, the old one is published until it leaves, and then opens nothing', async () => {
  const published = async () => {
    const response = await fetch(`${journey.system.local.edgeUrl}/.well-known/jwks.json`);
    return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const [before] = await published();
  expect(await published()).toEqual([before, expect.any(String)]);
  const holder = person;
  person = await journey.as('admin');
  await asking.more(8);
  await keys(journey, 'retire', 'token', '--force');
  await until('the old key to be gone', async () => !(await published()).includes(before ?? ''));
  expect((await holder.query('quantas consultas tenho amanhã?')).status).toBe(401);
});

test('of grants for PostgreSQL, the old one is known until it leaves', async () => {
  expect(await grantKeys()).toEqual(expect.arrayContaining([...oldGrantKeys]));
  expect(await grantKeys()).toHaveLength(2);
  expect(statesOf(await keys(journey, 'retire', 'database-grant', '--force'))).toEqual(['current']);
  const [left, ...more] = await grantKeys();
  expect(more).toEqual([]);
  expect(oldGrantKeys).not.toContainEqual(left);
});

test('of bodies, the new one alone seals, and the old one opens nothing once it has left', async () => {
  const versions = async (): Promise<Set<number>> =>
    new Set(
      (await journey.stored(streamOf.reply)).slice(-10).map(({ data }) => Buffer.from(data).readUInt16BE(1)),
    );
  await until('the new key alone to seal', async () => [...(await versions())].join() === '2');
  expect(statesOf(await keys(journey, 'retire', 'message', '--force'))).toEqual(['current']);
  await asking.more(8);
  // A file is looked at once a second.
  await until('the old key to open nothing', async () =>
    (await askWith({ message: old.message })).startsWith('CRYPTO_KEY_RETIRED'),
  );
});

test('no run failed meanwhile', async () => {
  await asking.more(8);
  await asking.stop();
  expect(asking.ended.length).toBeGreaterThan(40);
  expect(asking.ended.filter((status) => status !== 200)).toEqual([]);
});
