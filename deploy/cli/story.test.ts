import { describe, expect, test } from 'vitest';
import { collect } from '../topology.ts';
import { type Kept, storyOf } from './story.ts';
import { waterfall } from './waterfall.ts';

const about = { tenant: 'clinica', id: 'r-1' };
const contracts = await collect();

const claims = {
  tid: 'clinica',
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
  head: object,
  statement: string | undefined,
): Kept => ({
  subject: `${name}.clinica.r-1`,
  sequence,
  timestamp: `2026-11-21T10:00:00.${String(Math.round(ms * 1e6)).padStart(9, '0')}Z`,
  pass: statement,
  head: JSON.stringify(head),
});

const asked = {
  intent: 'appointments',
  confidence: 0.934,
  source: 'appointments',
  ask: 'list',
  fields: ['name'],
  joins: ['clients'],
};

const understood = kept('run.understood', 1, 1.5, asked, pass);
const permitted = kept('run.permitted', 2, 3, asked, pass);
const fetched = kept('run.fetched', 5, 9.5, { ...asked, rows: 1, matches: 7, cached: true }, pass);
const answered = kept('run.answered', 9, 36, { rows: 1, cached: true, degraded: true }, pass);
const told = { first: '2026-11-21T10:00:00.012Z', last: '2026-11-21T10:00:00.035Z', attempt: 2 };

describe('the story of a run', () => {
  test('is a waterfall from the signing of the pass to the last word', () => {
    const story = storyOf(about, [fetched, understood, answered, permitted], told, contracts);
    expect(waterfall(story)).toBe(
      [
        'run r-1 · tenant clinica · admin · started 2026-11-21T10:00:00.000Z',
        '',
        '  at (ms)  took (ms)  fact            said by              outcome',
        '      1.5        1.5  run.understood  edge or intent       appointments (0.93)          █',
        '      3.0        1.5  run.permitted   permission           list appointments + clients   ██',
        '      9.5        6.5  run.fetched     data-access          1 of 7, cached                  █████',
        '     36.0       26.5  run.answered    response-generation  told 1, cached, degraded             ████████████████████████',
        '     35.0       23.0  reply                                attempt 2                               ████████████████████',
        '',
        'Times count from when the edge signed the pass (its signature is not verified here) to when the broker stored each fact.',
      ].join('\n'),
    );
  });

  test('keeps the time that a broker tells finer than a millisecond', () => {
    const story = storyOf(about, [kept('run.understood', 1, 0.4, asked, pass)], undefined, contracts);
    expect(story.steps[0]).toMatchObject({ offsetMs: 0.4, tookMs: 0.4 });
  });

  test('starts with its first fact when no pass travels with it', () => {
    const refused = kept('run.refused', 4, 700, { code: 'RATE_LIMITED' }, undefined);
    const story = storyOf(about, [refused], undefined, contracts);
    expect(story).toMatchObject({ startedBy: 'first fact', role: undefined, steps: [{ offsetMs: 0 }] });
    expect(waterfall(story)).toContain('No pass travels with this run');
  });

  test('that an answer let go on begins with who took the answer', () => {
    const going = kept('run.understood', 1, 1.5, { ...asked, answers: 'r-0' }, pass);
    expect(storyOf(about, [going], undefined, contracts).steps).toMatchObject([{ saidBy: ['access'] }]);
  });

  test('is told even where a fact says nothing in clear', () => {
    const sealed = { ...understood, head: '' };
    expect(storyOf(about, [sealed], undefined, contracts).steps[0]).toMatchObject({
      saidBy: ['edge', 'intent'],
      outcome: 'what it says in clear cannot be read',
    });
  });
});

describe('who said it', () => {
  const refusedAfter = (...before: Kept[]) => {
    const refused = kept('run.refused', 20, 50, { code: 'AUTHZ_DENIED' }, pass);
    return storyOf(about, [refused, ...before], undefined, contracts).steps.at(-1);
  };

  test('is the service that hears the fact before', () => {
    expect(refusedAfter(understood)).toMatchObject({ saidBy: ['permission'], code: 'AUTHZ_DENIED' });
  });

  test('is one of those that wait for no fact when nothing was said before', () => {
    expect(refusedAfter()?.saidBy).toEqual(['edge', 'intent']);
  });

  test('is the service that the fact itself names', () => {
    const failed = kept('run.failed', 9, 40, { code: 'DEADLINE', hop: 'data-access' }, pass);
    expect(storyOf(about, [understood, failed], undefined, contracts).steps[1]).toMatchObject({
      saidBy: ['data-access'],
      outcome: 'DEADLINE at data-access',
    });
  });
});
