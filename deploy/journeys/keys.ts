import { until } from '@jangada/testkit/until.ts';
import { beforeAll, expect, test } from 'vitest';
import { rotateDue } from '../due.ts';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';
import { keys, load } from './replacing.ts';

/** Keys of sealed fields are replaced and destroyed while people ask. */

let journey: Journey;
let admin: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  admin = await journey.as('admin');
});

const heldIn = (tenant: string) => async (fact: string) =>
  (
    await journey.sql<{ details: { kind: string; left: number; retired: number } }>(
      `select details from audit_entries where tenant_id = $1 and fact = $2 and actor = 'operator'`,
      [tenant, fact],
    )
  ).map(({ details }) => details);
const audited = heldIn('clinica-aurora');

test('every tenant has keys of its own', async () => {
  const { listed } = await keys(journey, 'list');
  const current = listed.filter(({ kind, state }) => kind === 'tenant' && state === 'current');
  const tenants = current.map(({ key }) => key.split(' ')[0]);
  // Of every tenant with people in it.
  expect(tenants).toEqual([
    ...['clinica-aurora', 'clinica-brisa', 'clinica-serena', 'clinica-vitoria'],
    ...['lar-ipe', 'lar-jacaranda'],
  ]);
  expect(new Set(current.map(({ key }) => key.split(' ').at(-1))).size).toBe(tenants.length);
  expect((await keys(journey, 'generate', '--all-tenants')).listed).toEqual(
    expect.arrayContaining(tenants.map((tenant) => ({ tenant, made: false }))),
  );
});

test('every kind rotates while people ask, and no run fails', async () => {
  const asking = load(async (asker) => {
    const question = ['lista de clientes', 'qual cliente tem o telefone 11 90000-0011?'][asker] ?? '';
    const { status, content } = await admin.query(question);
    return { status, content: content.includes('+55 11 90000-0011') ? 'hers' : content };
  });
  await asking.more(8);
  for (const kind of ['tenant', 'subject', 'index', 'root']) {
    await keys(journey, 'rotate', kind);
    await asking.more(8);
  }
  await asking.stop();
  expect(asking.ended.filter(({ status, content }) => status !== 200 || content !== 'hers')).toEqual([]);

  const done = await until('the entries of audit', async () => {
    const entries = await audited('keys.rotated');
    return entries.length === 4 ? entries : undefined;
  });
  expect(done.map(({ kind, left }) => [kind, left]).sort()).toEqual([
    ['index', 0],
    ['root', 0],
    ['subject', 0],
    ['tenant', 0],
  ]);
  const states = (await keys(journey, 'list', '--tenant', 'clinica-aurora')).listed.filter(
    ({ kind }) => kind === 'tenant',
  );
  expect(states.map(({ state }) => state)).toEqual(['ended', 'current']);
}, 120_000);

test('a second factor still opens under the root key to come', async () => {
  expect((await (await journey.as('admin')).query('quantos clientes?')).status).toBe(200);
  const factors = await journey.sql<{ version: string }>(
    `select encode(substr(secret, 2, 4), 'hex') as version from second_factors where tenant_id = 'clinica-aurora'`,
  );
  // Under the second key of its holder, sealed when the tenant's second wrapped that.
  expect(factors).toContainEqual({ version: '00020002' });
});

/** A look begins with a process of its own, which takes long where others take the machine. */
const patienceMs = 60_000;

test('a young key is not due, and one that comes of age is replaced by itself', async () => {
  expect((await keys(journey, 'rotate', '--due')).remarks).toContain('clinica-aurora: not due');
  const before = (await audited('keys.rotated')).length;
  const lines: string[] = [];
  const isWord = /^clinica-aurora: \d+ moved, 0 left$/;
  await using _due = rotateDue(journey.home, (line) => lines.push(line), 1_000);
  for (const times of [1, 2]) {
    await journey.sql(
      `update tenant_keys set created_at = created_at - interval '25 hours' where tenant_id = 'clinica-aurora'`,
    );
    const isKept = async () => (await audited('keys.rotated')).length === before + times;
    await until('the entry of audit', isKept, patienceMs);
    await until('the word of it', () => lines.filter((line) => isWord.test(line)).length === times);
  }
  expect(lines.join()).not.toContain('not due');
}, 180_000);

test('a person’s keys are destroyed: their fields are gone, everybody else’s are not', async () => {
  const { remarks } = await keys(journey, 'shred', '--tenant', 'clinica-aurora', '--subject', 'cli-2');
  // What a law makes us keep stays, and whoever erases is told so.
  for (const kept of ['aesthetic_records.description (clinical)', 'emergencies.explanation (clinical)'])
    expect(remarks).toContain(kept);
  const { content, status } = await admin.query('lista de clientes');
  expect(status).toBe(200);
  expect(content).toContain('Bruno Rocha');
  expect(content).not.toContain('90000-0011');
  expect(content).toContain('90000-0010');
  await until('the entry of audit', async () => (await audited('keys.destroyed')).length === 1);
  const again = await journey.jangada('keys', 'shred', '--tenant', 'clinica-aurora', '--subject', 'cli-2');
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('no discretionary key') });
});
