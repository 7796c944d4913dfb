import { policy } from '@jangada/hop/policy.ts';
import { packs } from '@jangada/packs/registry.ts';
import type { Status } from '@jangada/runtime/service.ts';
import { describe, expect, test } from 'vitest';
import { collect } from '../topology.ts';
import { entriesText } from './audit.ts';
import { adviceOf, cacheText, type Hour } from './cache.ts';
import { table } from './output.ts';
import { pick } from './pick.ts';
import { policiesOf, policiesText } from './policies.ts';
import { rulesText, sweepText } from './retention.ts';
import { sse } from './sse.ts';
import { type Lag, reportOf, statusText } from './status.ts';
import { subjectsOf, subjectsText } from './subjects.ts';
import { toolsOf, toolsText } from './tools.ts';

const lines = (text: string): string[] => text.split('\n');

const answer = (name: string, own: Partial<Status> = {}): Status => ({
  ...{ name, kind: 'hop', spares: [] },
  pid: 7,
  url: 'http://127.0.0.1:4001',
  ready: true,
  ...{ breaker: 'closed', failures: 0, breakerSince: '2026-11-30T08:00:00.000Z' },
  inFlight: 2,
  checks: [{ name: 'broker', status: 'healthy' }],
  ...{ consumers: [], settings: {}, debugged: false },
  ...own,
});

test('a table puts figures to the right and ends no line in blanks', () => {
  const drawn = table(
    ['name', 'count', 'note'],
    [
      ['mast', 7, 'oak'],
      ['sail', 1200, undefined],
    ],
  );
  expect(lines(drawn)).toEqual(['name  count  note', 'mast      7  oak', 'sail   1200']);
});

describe('cache', () => {
  const hour = (at: number, own: Partial<Hour> = {}): Hour => ({
    ...{ tenant: 'home', pack: 'care-home', source: 'articles', reads: 40, local: 20, redis: 18 },
    hour: `2026-11-30T${String(at).padStart(2, '0')}:00:00.000Z`,
    ageSeconds: 60,
    ...own,
  });
  const advice = (...hours: Hour[]): string | undefined => adviceOf(hours)[0]?.advice;

  test('tells by hour how much was found and where, and of each source what could be better', () => {
    const [head, first, second, , , all] = lines(cacheText([hour(8, { local: 10, redis: 0 }), hour(9)]));
    expect(head).toMatch(/^tenant +source +hour \(UTC\) +reads +in memory +in Redis +found$/);
    expect(first).toMatch(/^home +articles +2026-11-30 08:00 +40 +10 +0 +25 %$/);
    expect(second).toMatch(/^home +articles +2026-11-30 09:00 +40 +20 +18 +95 %$/);
    expect(all).toMatch(/^home +articles +80 +60 % +most is missed from 08:00 UTC on/);
    expect(cacheText([])).toBe('nothing was read');
  });

  test('advises nothing on little, and not on what is well', () => {
    expect(advice(hour(8, { reads: 19, local: 0, redis: 0 }))).toBe('too few reads to tell');
    expect(advice(hour(8), hour(9))).toBe('most is found');
  });

  test('advises a longer time only where what is found lives to its end', () => {
    const few = { local: 5, redis: 5 };
    expect(advice(hour(8, { ...few, ageSeconds: 3_000 }), hour(9, few))).toContain('more than 3600 s');
    expect(advice(hour(8, few), hour(9, few))).toContain('would find little');
    expect(advice(hour(8, { ...few, source: 'medications', ageSeconds: 50 }))).toContain('more than 60 s');
  });
});

describe('status', () => {
  const lags = new Map<string, Lag>([['intent', { waiting: 3, unacknowledged: 1, redelivered: 0 }]]);

  test('is ready when every expected service has an instance that is', () => {
    const answers = [answer('edge'), answer('edge', { ready: false }), answer('intent')];
    const report = reportOf(['edge', 'intent'], answers, lags, 'http://127.0.0.1:3000');
    expect(report.ready).toBe(true);
    expect(report.services.map(({ name, healthy }) => [name, healthy])).toEqual([
      ['edge', true],
      ['edge', false],
      ['intent', true],
    ]);
    expect(lines(statusText(report)).slice(0, 4)).toEqual([
      'ready · http://127.0.0.1:3000',
      '',
      'service  state        breaker  in flight  waiting  unacknowledged  redelivered  health',
      'edge     healthy      closed           2                                        http://127.0.0.1:4001',
    ]);
  });

  test('says of what is missing where to look', () => {
    const ill = answer('edge', {
      ready: false,
      checks: [
        { name: 'broker', status: 'healthy' },
        { name: 'database', status: 'unhealthy' },
      ],
    });
    const report = reportOf(['edge', 'intent'], [ill], lags, 'http://127.0.0.1:3000');
    expect(report.ready).toBe(false);
    expect(report.services).toMatchObject([
      {
        name: 'edge',
        healthy: false,
        url: 'http://127.0.0.1:4001',
        next: expect.stringMatching(/^no database; log at .*edge\.log$/),
      },
      {
        name: 'intent',
        healthy: false,
        url: null,
        lag: { waiting: 3 },
        next: expect.stringMatching(/did not answer.*npm start.*intent\.log$/),
      },
    ]);
    expect(statusText(report)).toContain('\nintent: did not answer');
  });
});

test('every message has its row, and those that say and hear it', async () => {
  const subjects = subjectsOf(await collect());
  expect(subjects.find(({ subject }) => subject === 'run.permitted.*.*')).toMatchObject({
    stream: 'FACTS',
    kind: 'fact',
    publishers: ['permission'],
    hearers: ['data-access', 'audit'],
  });
  expect(subjects.find(({ kind }) => kind === 'tick')?.publishers).toEqual(['a schedule', 'operator']);
  expect(subjects.find(({ kind }) => kind === 'reply')?.hearers).toEqual(['edge']);
  expect(lines(subjectsText(subjects))).toHaveLength(subjects.length + 1);
});

test('every tool says what it does and what it is called with', () => {
  const tools = toolsOf(packs);
  expect(tools.map(({ tool, source }) => [tool, source])).toEqual([
    ['search_gpu_pricing', 'prices'],
    ['compare_prices', 'prices'],
  ]);
  expect(tools[0]?.input).toMatchObject({ type: 'object', properties: { model: { type: 'string' } } });
  expect(lines(toolsText(tools))).toHaveLength(tools.length + 1);
});

test('policies show the figures of each hop and the worst breaker of its instances', async () => {
  const answers = [answer('audit'), answer('audit', { breaker: 'open', failures: 3 })];
  const policies = policiesOf(await collect(), answers);
  expect(policies.find(({ hop }) => hop === 'audit')).toMatchObject({ breaker: 'open', failures: 3 });
  expect(policies.find(({ hop }) => hop === 'edge')?.breaker).toBeNull();
  const text = policiesText([
    {
      ...{ hop: 'intent', hears: ['run.requested.*'], policy: policy({ attempts: 1 }) },
      ...{ breaker: 'half-open', failures: 2, since: '2026-11-30T08:00:00.000Z' },
    },
  ]);
  expect(lines(text)).toEqual([
    'hop     timeout (ms)  attempts  backoff (ms)  concurrent  waiting  deliveries  breaker                           now        failures  since                hears',
    'intent          5000         1  50–1000               64      192  20          3 in 60 s, 30 s open, 2 to close  half-open         2  2026-11-30 08:00:00  run.requested.*',
  ]);
});

test('a sweep shows what was deleted of each class', () => {
  const text = sweepText({
    tick: '2026-11-21',
    startedAt: '2026-11-21T06:00:00.000Z',
    finishedAt: '2026-11-21T06:00:01.500Z',
    report: {
      rules: [
        {
          class: 'appointment_data',
          before: '2021-11-22',
          planned: 15,
          deleted: 14,
          held: 1,
          state: 'partial',
        },
        { class: 'feedback', before: '2024-11-22', deleted: 3 },
      ],
    },
  });
  expect(lines(text)).toEqual([
    'tick 2026-11-21 · started 2026-11-21 06:00:00.000 · finished 2026-11-21 06:00:01.500 (UTC)',
    '',
    'class             older than  planned  deleted  changed  held  due no more  failed  state    approved by',
    'appointment_data  2021-11-22       15       14              1                       partial',
    'feedback          2024-11-22                 3',
  ]);
});

test('a rule without a table is shown without one', () => {
  const rule = {
    pack: 'p',
    anchor: 'created',
    action: 'delete',
    basis: 'a law',
    jurisdiction: 'BR',
  } as const;
  const text = rulesText([
    { ...rule, class: 'notes', keep: 'P20Y', legalMin: 'P20Y', table: 'notes', anchor: 'lastEntry' },
    { ...rule, class: 'system_logs', keep: 'P7D' },
  ]);
  expect(lines(text)).toEqual([
    'pack  class        kept  law wants  from                     table  basis',
    "p     notes        P20Y  P20Y       the person's last entry  notes  a law (BR)",
    'p     system_logs  P7D                                              a law (BR)',
  ]);
});

test('audit entries are one line each', () => {
  const entry = {
    tenant: 'clinica',
    about: 'r-1',
    fact: 'run.refused',
    sequence: 4,
    at: '2026-11-21T10:00:00.000Z',
    actor: 'u-1',
    role: 'client',
    session: null,
    purpose: 'care',
    decision: 'denied',
    code: 'AUTHZ_DENIED',
    resource: null,
    details: {},
    metadata: { userAgent: null, ipAddress: null, sessionId: null, requestPath: null },
  };
  expect(lines(entriesText([entry]))).toEqual([
    'time (UTC)               tenant   run  fact         decision  code          actor  role    purpose  resource',
    '2026-11-21 10:00:00.000  clinica  r-1  run.refused  denied    AUTHZ_DENIED  u-1    client  care',
  ]);
});

describe('a run', () => {
  const runs = ['r-1', 'r-10', 'q-1'].map((id) => ({ tenant: 'clinica', id }));

  test('is meant by its whole id before it is by the beginning of another', () => {
    expect(pick(runs, 'r-1').id).toBe('r-1');
    expect(pick(runs, 'q').id).toBe('q-1');
  });

  test('must be the only one and must exist', () => {
    expect(() => pick(runs, 'r')).toThrow(/not the only one[\s\S]*r-1 of clinica\n {2}r-10 of clinica/);
    expect(() => pick(runs, 'z')).toThrow('nothing is known of z');
    expect(() => pick([...runs, { tenant: 'other', id: 'r-1' }], 'r-1')).toThrow('--tenant');
  });
});

test('events are read whole however the stream is cut', async () => {
  const bytes = new TextEncoder().encode(
    ': hello\n\nid: 1\ndata: {"a":"ç"}\n\ndata: one\ndata: two\n\ndata: cut',
  );
  for (const size of [1, 2, 7, bytes.length]) {
    const cut = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    };
    expect(await Array.fromAsync(sse(cut()))).toEqual(['{"a":"ç"}', 'one\ntwo']);
  }
});
