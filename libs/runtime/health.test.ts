import { Unavailable } from '@jangada/hop/outcome.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { describe, expect, test } from 'vitest';
import { type Check, isReady, optional, overall, type Probes, runProbes, serveHealth } from './health.ts';
import { overallOf } from './overall.ts';
import type { Status } from './service.ts';

const up = (name: string): Check => ({ name, status: 'healthy' });
const down = (name: string): Check => ({ name, status: 'unhealthy' });
const works = () => Promise.resolve();
const fails = () => Promise.reject(new TypeError('ana@example.org is not reachable'));
const hangs = () => new Promise<never>(() => undefined);

test('a dependency that said what is wrong is quoted, and nothing else is', async () => {
  const failing = (error: unknown) => async () => {
    throw error;
  };
  const checks = await runProbes({
    ai_service: failing(new Unavailable('AI service returned 503')),
    database: failing(new TypeError('no client named Ana Lima')),
  });
  expect(checks.map(({ details }) => details)).toEqual(['AI service returned 503', 'TypeError']);
});

describe('health', () => {
  test.each([
    ['healthy', 'everything works', [up('a'), up('b')]],
    ['degraded', 'something does not', [up('a'), down('b')]],
    ['unhealthy', 'nothing works', [down('a'), down('b')]],
    ['degraded', 'what fails is optional', [up('a'), { ...down('b'), optional: true as const }]],
  ])('is %s when %s', (expected, _when, checks) => {
    expect(overall(checks)).toBe(expected);
  });

  test('is readiness only in what the service cannot work without', () => {
    expect(isReady([up('a'), { ...down('b'), optional: true }])).toBe(true);
    expect(isReady([up('a'), down('b')])).toBe(false);
  });
});

describe('of the system', () => {
  const status = (name: string, own: Partial<Status> = {}): Status => ({
    ...{
      name,
      kind: 'hop',
      spares: [],
      consumers: [],
      pid: 1,
      url: '',
      ready: true,
      inFlight: 0,
      checks: [up('broker')],
    },
    ...{ breaker: 'closed', failures: 0, breakerSince: '', settings: {}, debugged: false },
    ...own,
  });
  const ill = { ready: false, checks: [down('database')] };
  const intent = status('intent');
  const reader = status('reader', { spares: ['tools'] });
  const keeper = status('keeper', { kind: 'sink' });
  const tools = status('tools');
  const all = [intent, reader, keeper, tools];
  const but = (...others: Status[]) => [
    ...all.filter(({ name }) => !others.some((other) => other.name === name)),
    ...others,
  ];
  const absent = (name: string) => all.filter((one) => one.name !== name);

  test.each([
    ['healthy', 'all services are', all, []],
    ['unhealthy', 'nobody answers', [], ['no service answers']],
    ['unhealthy', 'a hop does not answer', absent('intent'), ['intent does not answer']],
    ['unhealthy', 'a hop is not ready', but(status('intent', ill)), ['intent has no database']],
    [
      'unhealthy',
      'the breaker of a hop is open',
      but(status('intent', { breaker: 'open' })),
      ['intent rests, its breaker is open'],
    ],
    ['degraded', 'a sink is away, for which all waits', absent('keeper'), ['keeper does not answer']],
    ['degraded', 'a hop is away that another may spare', absent('tools'), ['tools does not answer']],
    [
      'degraded',
      'a service works without what is optional',
      but(status('intent', { checks: [{ ...down('redis'), optional: true }] })),
      ['intent has no redis'],
    ],
    [
      'degraded',
      'one instance of two is not ready',
      [...all, status('intent', ill)],
      ['intent has no database in 1 of 2 instances'],
    ],
    [
      'degraded',
      'one drains',
      [...all, status('intent', { ready: false })],
      ['intent drains in 1 of 2 instances'],
    ],
  ] as const)('is %s when %s, and says so', (expected, _when, statuses, reasons) => {
    expect(overallOf(all, statuses)).toMatchObject({ status: expected, reasons });
  });
});

describe('probes', () => {
  test('are asked at once, and a slow one holds up no other beyond its 2 s', async () => {
    const started = performance.now();
    const checks = await runProbes({ broker: works, database: hangs, model: hangs });
    const elapsed = performance.now() - started;
    expect(checks.map(({ name, status }) => [name, status])).toEqual([
      ['broker', 'healthy'],
      ['database', 'unhealthy'],
      ['model', 'unhealthy'],
    ]);
    expect(elapsed).toBeGreaterThan(1_900);
    expect(elapsed).toBeLessThan(3_500);
  });

  test('are told to stop when they are late', async () => {
    let stopped = false;
    await runProbes({
      database: (signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            stopped = true;
            reject(signal.reason);
          }),
        ),
    });
    expect(stopped).toBe(true);
  });

  test('say what kind of fault it was and not its text, which may quote data', async () => {
    expect(await runProbes({ database: fails, redis: optional(fails) })).toEqual([
      { name: 'database', status: 'unhealthy', details: 'TypeError' },
      { name: 'redis', status: 'unhealthy', details: 'TypeError', optional: true },
    ]);
  });
});

describe('the health port', () => {
  const serving = async (probes: Probes, ready = true) => {
    const metrics = openMetrics('test');
    const server = await serveHealth({ host: '127.0.0.1', port: 0 }, { probes, ready: () => ready, metrics });
    const get = async (path: string) => {
      const response = await fetch(server.url + path);
      return { status: response.status, text: await response.text() };
    };
    return { get, [Symbol.asyncDispose]: () => server.close() };
  };

  test('stays 200 on /v1/health while a dependency is down, and 503 on /v1/ready', async () => {
    await using server = await serving({ broker: works, database: fails });
    const health = await server.get('/v1/health');
    expect(health.status).toBe(200);
    expect(JSON.parse(health.text)).toMatchObject({ status: 'degraded', version: expect.any(String) });
    expect((await server.get('/v1/ready')).status).toBe(503);
  });

  test('is ready without what is optional, and not while the service drains', async () => {
    const probes = { broker: works, redis: optional(fails) };
    await using open = await serving(probes);
    expect((await open.get('/v1/ready')).status).toBe(200);
    await using draining = await serving(probes, false);
    expect((await draining.get('/v1/ready')).status).toBe(503);
  });

  test('shows metrics with the name of the service', async () => {
    await using server = await serving({});
    expect((await server.get('/metrics')).text).toContain('service="test"');
    expect((await server.get('/etc/passwd')).status).toBe(404);
  });
});
