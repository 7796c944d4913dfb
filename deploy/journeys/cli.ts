import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@jangada/testkit/until.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Ended } from '../cli/test-terminal.ts';
import type { Report } from '../compliance/report.ts';
import { collect } from '../topology.ts';
import { type Journey, sharedJourney } from './journey.ts';

/** The command line against a running system: what an operator types. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

const json = async <T>(...args: string[]): Promise<T> => {
  const { code, stdout, stderr } = await journey.jangada(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
};

interface Story {
  readonly run: string;
  readonly tenant: string;
  readonly role: string;
  readonly steps: readonly { fact: string; offsetMs: number; tookMs: number; saidBy: string[] }[];
  readonly told: { readonly attempt: number; readonly lastMs: number };
}

test('ask answers, and run show tells how it came about', async () => {
  const asked = await json<{ runId: string; text: string; ms: number }>(
    'ask',
    '--as',
    'professional',
    'quantas consultas tenho amanhã?',
  );
  expect(asked.text).toMatch(/^\d+ consultas? /);
  const story = await json<Story>('run', 'show', asked.runId);
  expect(story).toMatchObject({
    run: asked.runId,
    tenant: 'clinica-aurora',
    role: 'aesthetic_professional',
    told: { attempt: 1 },
  });
  expect(story.steps.map(({ fact, saidBy }) => [fact, ...saidBy])).toEqual([
    ['run.understood', 'edge', 'intent'],
    ['run.permitted', 'permission'],
    ['run.fetched', 'data-access'],
    ['run.answered', 'response-generation'],
  ]);
  const offsets = story.steps.map(({ offsetMs }) => offsetMs);
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  expect(offsets[0]).toBeGreaterThan(0);
  expect(offsets.at(-1)).toBeLessThan(asked.ms);

  const shown = await journey.jangada('run', 'show', asked.runId.slice(0, 12));
  expect(shown.stdout).toMatch(/run\.understood[\s\S]+run\.permitted[\s\S]+run\.fetched[\s\S]+run\.answered/);
});

test('ask ends with 1 and the reason when the question is refused', async () => {
  const refused = await journey.jangada('ask', '--as', 'professional', 'histórico da cliente Elisa Prado');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('AUTHZ_NO_RELATION') });
});

test('audit tail shows who asked', async () => {
  const { runId } = await (await journey.as('admin')).query('quantos clientes?');
  await journey.auditOf(runId);
  const entries = await json<{ about: string; actor: string; fact: string }[]>('audit', 'tail');
  expect(entries).toContainEqual(
    expect.objectContaining({ about: runId, actor: 'clinica-aurora-admin', fact: 'run.answered' }),
  );
});

test('audit get shows from where a question came, which nothing else that is stored tells', async () => {
  const person = await journey.as('admin');
  const { runId } = await person.query('quantos clientes?');
  const entries = await journey.auditOf(runId);
  const [own] = await journey.sql<{ session: string }>(
    'select session from audit_entries where subject_id = $1 limit 1',
    [runId],
  );
  const shown = await json<{ metadata: object }[]>('audit', 'get', runId);
  const metadata = {
    userAgent: 'node',
    ipAddress: '127.0.0.1',
    sessionId: own?.session,
    requestPath: '/v1/query',
  };
  expect(shown.map((entry) => entry.metadata)).toEqual(entries.map(() => metadata));
  const { stdout } = await journey.jangada('audit', 'get', runId);
  expect(stdout).toContain('from 127.0.0.1, /v1/query, by node');
  const kept = await journey.sql('select * from audit_entries where subject_id = $1', [runId]);
  expect(JSON.stringify(kept)).not.toContain('127.0.0.1');
});

interface Told {
  readonly id: string;
  readonly actor: string;
  readonly rule: string;
}

test('alerts tells who reads as nobody should, and a replay of the trail the same', async () => {
  const stranger = { person: await journey.as('professional2'), actor: 'clinica-aurora-professional2' };
  for (let time = 0; time < 3; time++) await stranger.person.query('histórico da cliente Ana Lima');
  const ofStranger = ({ actor, rule }: Told): boolean =>
    actor === stranger.actor && rule === 'relation_denials';
  const [told] = await until('the alert', async () => {
    const found = (await json<Told[]>('alerts', '--tenant', 'clinica-aurora')).filter(ofStranger);
    return found.length > 0 ? found : undefined;
  });
  expect(told).toMatchObject({ severity: 'warning', limit: 2 });
  const again = await json<Told[]>('alerts', 'replay', '--tenant', 'clinica-aurora');
  expect(again.filter(ofStranger).map(({ id }) => id)).toContain(told?.id);
  const entry = await until('its entry in the trail', async () => {
    const sql = 'select fact, actor, details from audit_entries where subject_id = $1';
    return (await journey.sql<object>(sql, [told?.id]))[0];
  });
  expect(entry).toMatchObject({
    ...{ fact: 'alert.raised', actor: stranger.actor },
    details: { rule: 'relation_denials', ended: 0 },
  });
});

test('compliance report tells what is done with data and who read about a person, as JSON and as pages', async () => {
  const { runId } = await (await journey.as('client')).query('quais são as minhas consultas este mês?');
  await journey.auditOf(runId);
  const file = join(journey.home, 'report.pdf');
  const asked = ['--tenant', 'clinica-aurora', '--regime', 'lgpd', '--subject', 'cli-1', '--pdf', file];
  const report = await json<Report>('compliance', 'report', ...asked);
  expect(report).toMatchObject({ tenant: 'clinica-aurora', isDeclared: true, days: 365 });
  expect(report.register.map(({ source }) => source)).toContain('appointments');
  expect(report.subject?.accesses).toContainEqual(
    expect.objectContaining({ run: runId, actor: 'clinica-aurora-client', resource: 'appointments' }),
  );
  expect(report.subject?.consents.length).toBeGreaterThan(0);
  expect(readFileSync(file).subarray(0, 5).toString()).toBe('%PDF-');
  await until('the report in the trail', async () => {
    const sql = `select from audit_entries where fact = 'trail.viewed' and actor = 'operator' and details->>'what' = 'report'`;
    return (await journey.sql(sql)).length > 0;
  });
});

test('status is ready and names every service with where its health is', async () => {
  const status = await json<{
    ready: boolean;
    edge: { url: string };
    services: { name: string; healthy: boolean; url: string }[];
  }>('status', '--wait', '5000');
  expect(status).toMatchObject({ ready: true, edge: { url: journey.system.local.edgeUrl } });
  expect(status.services.map(({ name, healthy }) => [name, healthy])).toEqual(
    (await collect()).map(({ name }) => [name, true]),
  );
  for (const { url } of status.services) {
    const health = await fetch(`${url}/v1/health`);
    expect(await health.json()).toMatchObject({ status: 'healthy' });
  }
});

test('status is not ready, and 1, while a service is away', async () => {
  const intent = journey.system.services.get('intent');
  await intent?.suspend();
  const status: Ended = await journey.jangada('status', '--json');
  expect(status.code).toBe(1);
  expect(JSON.parse(status.stdout)).toMatchObject({
    ready: false,
    services: expect.arrayContaining([expect.objectContaining({ name: 'intent', healthy: false })]),
  });
  intent?.resume();
  await journey.system.ready();
});

interface Registered {
  readonly id: string;
  readonly name: string;
  readonly ready: boolean;
}

test('mesh and arch tell of every service, and who is killed is out, its successor in', async () => {
  const names = (await collect()).map(({ name }) => name).toSorted();
  const registry = () => json<Registered[]>('mesh', 'registry');
  const before = await until('all to be ready', async () => {
    const found = await registry();
    return found.length === names.length && found.every(({ ready }) => ready) ? found : undefined;
  });
  expect(before.map(({ name }) => name)).toEqual(names);
  const health = await json<{ name: string; status: string }[]>('mesh', 'health');
  expect(health.map(({ name, status }) => [name, status])).toEqual(names.map((name) => [name, 'healthy']));
  expect(await json('arch', 'health')).toMatchObject({ status: 'healthy', reasons: [] });
  const overall = await fetch(`${journey.system.local.edgeUrl}/v1/health/overall`);
  expect(await overall.json()).toMatchObject({ status: 'healthy', reasons: [] });
  const metrics = await json<{ name: string; memoryMb: number }[]>('arch', 'metrics');
  expect(metrics.map(({ name }) => name).toSorted()).toEqual(names);
  for (const { memoryMb } of metrics) expect(memoryMb).toBeGreaterThan(10);

  const killed = before.find(({ name }) => name === 'feedback');
  journey.system.services.get('feedback')?.kill('SIGKILL');
  const after = await until('the one that is started in its stead', async () => {
    const found = (await registry()).filter(({ name }) => name === 'feedback');
    expect(found.length).toBeLessThan(2);
    return found.find(({ id, ready }) => id !== killed?.id && ready);
  });
  expect(after.id).toMatch(/^\w+$/);
  await journey.system.ready();
});

test('patterns are at work, and each command shows one', async () => {
  for (const name of ['circuit-breaker', 'event-driven', 'service-mesh', 'caching']) {
    const shown = await json<{ passed: boolean; told: string[] }>('patterns', name);
    expect(shown.passed).toBe(true);
    expect(shown.told.length).toBeGreaterThan(1);
  }
  const { stdout } = await journey.jangada('patterns', 'event-driven');
  expect(stdout).toMatch(/\n {2}run\.permitted, said by permission after [\d.]+ ms\n[\s\S]*\nPASS\n$/);
  const patterns = await json<{ pattern: string; status: string }[]>('arch', 'patterns');
  expect(patterns.map(({ pattern, status }) => [pattern, status])).toEqual(
    ['event-driven', 'circuit breaker', 'service mesh', 'caching'].map((name) => [name, 'at work']),
  );
  expect(await json<object[]>('cache', 'stats')).toContainEqual(
    expect.objectContaining({ source: 'appointments' }),
  );
  expect(await json<object[]>('cache', 'analytics')).toContainEqual(
    expect.objectContaining({ source: 'appointments', advice: expect.any(String) }),
  );
});

test('subjects and policies name what the services really do', async () => {
  const subjects = await json<{ subject: string; publishers: string[]; hearers: string[] }[]>('subjects');
  expect(subjects).toContainEqual(
    expect.objectContaining({
      subject: 'run.permitted.*.*',
      publishers: ['permission'],
      hearers: expect.arrayContaining(['data-access', 'audit']),
    }),
  );
  // Of a service that is too busy to say so in time nothing is known.
  const policies = await until('every service to tell its breaker', async () => {
    const told = await json<{ hop: string; breaker: string | null }[]>('policies');
    return told.every(({ breaker }) => breaker !== null) ? told : undefined;
  });
  expect(policies.map(({ hop, breaker }) => [hop, breaker])).toEqual(
    (await collect()).map(({ name }) => [name, 'closed']),
  );
});

test('accounts signs everybody in who is listed', async () => {
  const accounts =
    await json<{ alias: string; tenant: string; role: string; password: string }[]>('accounts');
  expect(accounts).toEqual(journey.system.accounts);
  expect(accounts.map(({ alias, role }) => [alias, role])).toEqual([
    ['admin', 'admin'],
    ['professional', 'aesthetic_professional'],
    ['professional2', 'aesthetic_professional'],
    ['client', 'client'],
    ['client2', 'client'],
    ['foreign', 'aesthetic_professional'],
    ['manager', 'manager'],
    ['nurse', 'nurse'],
    ['carer', 'carer'],
    ['family', 'family'],
    ['foreign-nurse', 'nurse'],
    ['coordinator', 'coordinator'],
    ['receptionist', 'receptionist'],
    ['doctor', 'doctor'],
    ['doctor2', 'doctor'],
    ['patient', 'patient'],
    ['foreign-doctor', 'doctor'],
    ['analyst', 'analyst'],
    ['viewer', 'viewer'],
    ['foreign-analyst', 'analyst'],
  ]);
  for (const { alias } of accounts) expect((await journey.as(alias)).token).toMatch(/^ey/);
});

describe('security check', () => {
  interface Line {
    readonly control: string;
    readonly found: string;
    readonly state: string;
    readonly next?: string;
  }
  const check = async (profile: string) => {
    const { code, stdout } = await journey.jangada('security', 'check', '--profile', profile, '--json');
    const { controls } = JSON.parse(stdout) as { controls: Line[] };
    return { code, controls, drift: controls.filter(({ state }) => state === 'drift') };
  };

  test('finds nothing to mend on a machine of one’s own', async () => {
    expect(await check('development')).toMatchObject({ code: 0, drift: [] });
  });

  test('names the key file that others may read, until they may not', async () => {
    const file = join(journey.home, 'keys.json');
    chmodSync(file, 0o644);
    const { code, drift } = await check('development');
    chmodSync(file, 0o600);
    expect({ code, drift }).toMatchObject({
      code: 1,
      drift: [
        { control: 'files with secrets that others read', found: `${file} 644`, next: expect.any(String) },
      ],
    });
    expect((await check('development')).code).toBe(0);
  });

  test('names an administrator without a second factor, and a guard that somebody changed', async () => {
    const [factor] = await journey.sql<{ id: string; secret: Buffer }>(
      `update second_factors f set secret = null from second_factors old
       where old.id = f.id and f.id = 'clinica-aurora-admin' returning old.id, old.secret`,
    );
    await journey.sql('alter table clients no force row level security');
    const { drift } = await check('development');
    await journey.sql('alter table clients force row level security');
    await journey.sql('update second_factors set secret = $1 where id = $2', [factor?.secret, factor?.id]);
    expect(drift.map(({ control }) => control)).toEqual([
      'administrators without a second factor',
      'guards of the database that changed',
    ]);
    expect(drift.map(({ found }) => found)).toEqual([factor?.id, expect.stringContaining('clients')]);
    expect((await check('development')).code).toBe(0);
  });

  test('would not let this system into production, and says what to do about each thing', async () => {
    const { code, controls, drift } = await check('production');
    expect(code).toBe(1);
    const found = new Map(drift.map((line) => [line.control, line.found]));
    expect(Object.fromEntries(found)).toMatchObject({
      NODE_ENV: expect.not.stringContaining('production'),
      JANGADA_ENV: 'local',
      RATE_LIMIT_PROFILE: 'loadtest',
      AI_ENCRYPTION_PROVIDER: 'LOCAL',
      'TLS at the door': 'neither',
      'link to the broker': 'clear',
      'link to the database': 'clear',
      'link to the cache': 'clear',
      'broker writes to disk': 'at intervals',
    });
    for (const { next } of drift) expect(next).toBeTruthy();
    // What is as it must be, even here.
    expect(controls.filter(({ state }) => state === 'ok').map(({ control }) => control)).toEqual(
      expect.arrayContaining([
        'RUN_DEADLINE_MS',
        'age of tenants’ keys',
        'broker asks who connects',
        'debuggers',
      ]),
    );
  });
});
