import { describe, expect, test } from 'vitest';
import { type Fact, groundsOf, readingsOf, storyOf } from './story.ts';

const fact = (name: string, ms: number, details: Fact['details'] = {}, code: string | null = null): Fact => ({
  fact: name,
  at: new Date(Date.parse('2026-11-20T12:00:00.000Z') + ms).toISOString(),
  actor: 'ana',
  role: 'client',
  purpose: 'care',
  decision: 'done',
  code,
  resource: null,
  details,
});
const askedAt = '2026-11-20T12:00:00.000Z';

describe('a story', () => {
  test('counts from the asking, and each step from the one before', () => {
    const { steps, totalMs, isFromAsking } = storyOf([
      fact('run.understood', 4),
      fact('run.permitted', 9),
      fact('run.refused', 12, { askedAt }, 'CONSENT_REQUIRED'),
    ]);
    expect(steps.map(({ service, fromMs, toMs }) => [service, fromMs, toMs])).toEqual([
      ['intent', 0, 4],
      ['permission', 4, 9],
      ['data-access', 9, 12],
    ]);
    expect([totalMs, isFromAsking]).toEqual([12, true]);
  });

  test('counts from its first fact where nobody kept when it was asked', () => {
    const { steps, isFromAsking } = storyOf([fact('run.understood', 4), fact('run.permitted', 9)]);
    expect(steps.map(({ toMs }) => toMs)).toEqual([0, 5]);
    expect(isFromAsking).toBe(false);
  });

  test('goes on, after an answer to what was asked back, by the word of who took it', () => {
    const { steps } = storyOf([fact('run.understood', 4, { answers: 'run-1' }), fact('run.permitted', 9)]);
    expect(steps.map(({ service }) => service)).toEqual(['access', 'permission']);
  });

  test('names who failed as the fact does, and nobody where it cannot be known', () => {
    expect(storyOf([fact('run.failed', 1, { hop: 'intent' })]).steps[0]?.service).toBe('intent');
    expect(storyOf([fact('run.refused', 1)]).steps[0]?.service).toBeUndefined();
  });

  test('tells what was read, and when, be it from the cache', () => {
    const read = {
      ...fact('run.fetched', 9, { rows: 3, cached: true, asOf: '2026-11-20T11:00:00Z' }),
      resource: 'things',
    };
    expect(readingsOf([fact('run.permitted', 1), read])).toEqual([
      { source: 'things', rows: 3, at: '2026-11-20T11:00:00Z', isCached: true },
    ]);
  });

  test('shows what a decision stood on', () => {
    const decision = { policy: 'p@1#a', reach: 'own', flags: { dataMinimized: true } };
    expect(groundsOf([fact('run.permitted', 1, { fields: ['a', 'b'], decision, askedAt })])).toEqual([
      ['fields', 'a, b'],
      ['policy', 'p@1#a'],
      ['reach', 'own'],
      ['dataMinimized', 'true'],
    ]);
  });
});
