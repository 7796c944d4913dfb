import { describe, expect, test } from 'vitest';
import { type Cue, classify, mentions, threshold } from './score.ts';

const scoreOf = (text: string, cues: readonly Cue[]) => classify(text, [{ name: 'it', cues }])[0]?.score;

describe('the score', () => {
  test('is nothing without a cue, and the weight of the only cue', () => {
    const cues = [{ words: 'agenda', weight: 0.6 }];
    expect(scoreOf('xyz qwe', cues)).toBe(0);
    expect(scoreOf('a agenda', cues)).toBe(0.6);
  });

  test('of two cues is one minus the product of the doubts they leave', () => {
    const cues = [
      { words: 'agenda', weight: 0.5 },
      { words: 'consulta', weight: 0.6 },
    ];
    expect(scoreOf('agenda de consulta', cues)).toBe(0.8);
  });

  test('counts a cue once, however often it is said or declared', () => {
    const cue = { words: 'agenda', weight: 0.5 };
    expect(scoreOf('agenda, agenda, agenda', [cue, { ...cue }])).toBe(0.5);
  });

  test('takes no notice of capitals, accents and punctuation', () => {
    const cues = [{ words: 'historico do cliente', weight: 0.8 }];
    expect(scoreOf('HISTÓRICO, do Cliente!', cues)).toBe(0.8);
  });

  test('finds whole words only, unless the cue ends in a star', () => {
    expect(scoreOf('reagendamentos', [{ words: 'agenda', weight: 0.5 }])).toBe(0);
    expect(scoreOf('agendamentos', [{ words: 'agenda', weight: 0.5 }])).toBe(0);
    expect(scoreOf('agendamentos', [{ words: 'agend*', weight: 0.5 }])).toBe(0.5);
    expect(scoreOf('reagendamentos', [{ words: 'agend*', weight: 0.5 }])).toBe(0);
    expect(scoreOf('agenda', [{ words: 'agenda*', weight: 0.5 }])).toBe(0.5);
    expect(scoreOf('minha consulta paga', [{ words: 'consulta pag*', weight: 0.5 }])).toBe(0.5);
  });
});

describe('the threshold', () => {
  test('refuses a score of exactly 0.7, whether one cue makes it or two', () => {
    const alone = [{ words: 'agenda', weight: 0.7 }];
    expect(scoreOf('agenda', alone)).toBe(threshold);
    for (const [one, two] of [
      [0.25, 0.6],
      [0.6, 0.25],
      [0.5, 0.4],
      [0.4, 0.5],
    ] as const) {
      const pair = [
        { words: 'agenda', weight: one },
        { words: 'hora', weight: two },
      ];
      expect(scoreOf('agenda hora', pair)).toBe(threshold);
    }
  });

  test('lets pass what is above it', () => {
    expect(scoreOf('agenda', [{ words: 'agenda', weight: 0.701 }])).toBeGreaterThan(threshold);
  });
});

test('intents come best first, equals in the order given, with all they were given with', () => {
  const intents = [
    { name: 'bills', cues: [{ words: 'fatura*', weight: 0.5 }], source: 'billing' },
    { name: 'agenda', cues: [{ words: 'consulta*', weight: 0.8 }], source: 'appointments' },
    { name: 'people', cues: [{ words: 'fatura*', weight: 0.5 }], source: 'clients' },
  ];
  const ranked = classify('consultas sem fatura', intents);
  expect(ranked.map(({ intent, score }) => [intent.source, score])).toEqual([
    ['appointments', 0.8],
    ['billing', 0.5],
    ['clients', 0.5],
  ]);
});

test('a text mentions a phrase by the rules of a cue', () => {
  expect(mentions('Quantas consultas há?', ['how many', 'quantas'])).toBe(true);
  expect(mentions('Quantas consultas há?', ['consulta', 'quant'])).toBe(false);
  expect(mentions('Quantas consultas há?', ['consult*'])).toBe(true);
});
