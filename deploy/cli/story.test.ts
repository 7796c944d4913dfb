import { describe, expect, test } from 'vitest';
import { collect } from '../topology.ts';
import { type Kept, storyOf } from './story.ts';
import { waterfall } from './waterfall.ts';

const about = { tenant: 'clinica', id: 'r-1' };
const contracts = await collect();

const claims = {
  rol: 'admin',
  iat: Date.parse('2026-11-21T10:00:00.000Z'),
  exp: Date.parse('2026-11-21T10:00:30.000Z'),
};
const pass = `${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

/** A fact that the broker stored `ms` after the start. */
const kept = (
  name: string,
  sequence: number,
  ms: number,
  body: object,
  statement: string | undefined,
): Kept => ({
  subject: `${name}.clinica.r-1`,
  sequence,
  timestamp: `2026-11-21T10:00:00.${String(Math.round(ms * 1e6)).padStart(9, '0')}Z`,
  pass: statement,
  text: JSON.stringify(body),
});

const plan = {
  source: 'appointments',
  ask: 'list',
  joins: ['clients'],
  filter: { subject: 'Ana Souza' },
  fields: ['name'],
  limit: 10,
};
const intent = {
  type: 'appointments',
  confidence: 0.934,
  entities: [],
  requiredPermissions: [],
  dataSources: ['appointments'],
};
const asked = { question: 'When does Ana Souza come?', locale: 'en', intent, plan };
const rows = [{ name: 'Ana Souza' }];
const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 1 };

const understood = kept('run.understood', 1, 1.5, asked, pass);
const permitted = kept('run.permitted', 2, 3, asked, pass);
const fetched = kept(
  'run.fetched',
  5,
  9.5,
  { ...asked, rows, matches: 7, cached: true, asOf: '2026-11-21T10:00:00Z' },
  pass,
);
const answered = kept(
  'run.answered',
  9,
  36,
  { intent: 'appointments', confidence: 0.9, rows: 1, cached: true, degraded: true, usage },
  pass,
);
const told = { first: '2026-11-21T10:00:00.012Z', last: '2026-11-21T10:00:00.035Z', attempt: 2 };

describe('the story of a run', () => {
  test('is a waterfall from the signing of the pass to the last word', () => {
    const story = storyOf(about, [fetched, understood, answered, permitted], told, contracts);
    expect(waterfall(story)).toBe(
      [
        'run r-1 · tenant clinica · admin · started 2026-11-21T10:00:00.000Z',
        '',
        '  at (ms)  took (ms)  fact            said by              outcome',
        '      1.5        1.5  run.understood  intent               appointments (0.93)          █',
        '      3.0        1.5  run.permitted   permission           list appointments + clients   ██',
        '      9.5        6.5  run.fetched     data-access          1 of 7, cached                  █████',
        '     36.0       26.5  run.answered    response-generation  told 1, cached, degraded             ████████████████████████',
        '     35.0       23.0  reply                                attempt 2                               ████████████████████',
        '',
        'Times count from when the edge signed the pass (its signature is not verified here) to when the broker stored each fact.',
      ].join('\n'),
    );
  });

  test('holds neither the question nor a name nor a row, unless bodies are asked for', () => {
    const facts = [understood, permitted, fetched, answered] as const;
    const without = storyOf(about, [...facts], told, contracts);
    expect(JSON.stringify(without) + waterfall(without)).not.toContain('Ana');
    const bodies = storyOf(about, [...facts], told, contracts, true);
    expect(bodies.steps[2]?.body).toMatchObject({ question: asked.question, rows });
    expect(waterfall(bodies)).toContain('When does Ana Souza come?');
  });

  test('keeps the time that a broker tells finer than a millisecond', () => {
    const story = storyOf(about, [kept('run.understood', 1, 0.4, asked, pass)], undefined, contracts);
    expect(story.steps[0]).toMatchObject({ offsetMs: 0.4, tookMs: 0.4 });
  });

  test('starts with its first fact when no pass travels with it', () => {
    const refused = kept('run.refused', 4, 700, { code: 'RATE_LIMITED', locale: 'en' }, undefined);
    const story = storyOf(about, [refused], undefined, contracts);
    expect(story).toMatchObject({ startedBy: 'first fact', role: undefined, steps: [{ offsetMs: 0 }] });
    expect(waterfall(story)).toContain('No pass travels with this run');
  });

  test('is told even where a body cannot be read', () => {
    const sealed = { ...understood, text: 'c2VhbGVk' };
    expect(storyOf(about, [sealed], undefined, contracts).steps[0]).toMatchObject({
      saidBy: ['intent'],
      outcome: 'its body cannot be read here',
    });
  });
});

describe('who said it', () => {
  const refusedAfter = (...before: Kept[]) => {
    const refused = kept('run.refused', 20, 50, { code: 'AUTHZ_DENIED', locale: 'en' }, pass);
    return storyOf(about, [refused, ...before], undefined, contracts).steps.at(-1);
  };

  test('is the service that hears the fact before', () => {
    expect(refusedAfter(understood)).toMatchObject({ saidBy: ['permission'], code: 'AUTHZ_DENIED' });
  });

  test('is one of those that wait for no fact when nothing was said before', () => {
    expect(refusedAfter()?.saidBy).toEqual(['edge', 'intent']);
  });

  test('is the service that the fact itself names', () => {
    const failed = kept('run.failed', 9, 40, { code: 'DEADLINE', locale: 'en', hop: 'data-access' }, pass);
    expect(storyOf(about, [understood, failed], undefined, contracts).steps[1]).toMatchObject({
      saidBy: ['data-access'],
      outcome: 'DEADLINE at data-access',
    });
  });
});
