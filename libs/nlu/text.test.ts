import { describe, expect, test } from 'vitest';
import { mentions } from './phrases.ts';
import { canonical, fold, language, words } from './text.ts';

describe('the canonical form', () => {
  test('keeps every accent Portuguese has, composed or not', () => {
    const accents = 'áàâãéêíóôõúüç ÁÀÂÃÉÊÍÓÔÕÚÜÇ';
    expect(canonical(accents)).toBe(accents);
    expect(canonical(accents.normalize('NFD'))).toBe(accents);
  });

  test.each([
    ['a zero-width space', 'a\u200bgenda'],
    ['a zero-width joiner', 'a\u200dgenda'],
    ['a soft hyphen', 'a\u00adgenda'],
    ['a byte-order mark', '\ufeffagenda'],
    ['a bidirectional override', '\u202eagenda\u202c'],
    ['a bidirectional isolate', '\u2066agenda\u2069'],
    ['a control character', 'a\u0000gen\u0007da'],
    ['a tag character', 'agenda\u{e0041}'],
    ['a variation selector', 'agenda\ufe0f'],
    ['half a surrogate pair', 'agenda\ud800'],
    ['a Hangul filler', 'agenda\u3164'],
    ['a heap of marks', 'a\u0336\u0336genda\u0336'],
  ])('loses %s', (_, text) => {
    expect(canonical(text)).toBe('agenda');
  });

  test('has compatible letters in their plain form', () => {
    expect(canonical('ａｇｅｎｄａ ﬁm')).toBe('agenda fim');
  });

  test('has single spaces and none around', () => {
    expect(canonical('  agenda \t\n\u00a0 de\u3000hoje\r\n')).toBe('agenda de hoje');
  });

  test('is reached in one step', () => {
    const once = canonical('a\u0336 \u200b \ufdfa ½ … ´ \u3164');
    expect(canonical(once)).toBe(once);
  });
});

describe('folding', () => {
  test('takes accents and capitals away', () => {
    expect(fold('AMANHÃ às Três, João')).toBe('amanha as tres, joao');
  });

  test('keeps the length, so that offsets agree', () => {
    for (const text of ['Ação', 'İstanbul', 'Straße ẞ', '😀 João', 'Ω ﬂ ǅ']) {
      expect(fold(text)).toHaveLength(text.length);
    }
  });
});

test('words are folded and parted by whatever is no letter and no digit', () => {
  expect(words("Histórico da Ana-Lima, 2ª via: what's up?")).toEqual([
    'historico',
    'da',
    'ana',
    'lima',
    '2ª',
    'via',
    'what',
    's',
    'up',
  ]);
  expect(words(' ?! ')).toEqual([]);
});

test('a text mentions whole words, or what begins as a phrase with a star does', () => {
  expect(mentions('Quantas consultas há?', ['how many', 'quantas'])).toBe(true);
  expect(mentions('Quantas consultas há?', ['consulta', 'quant'])).toBe(false);
  expect(mentions('Quantas consultas há?', ['consult*'])).toBe(true);
  expect(mentions('minha consulta paga', ['consulta pag*'])).toBe(true);
  expect(mentions('reagendamentos', ['agend*'])).toBe(false);
});

describe('the language', () => {
  test.each([
    ['quais são as consultas de amanhã?', 'pt-BR'],
    ['agenda hoje', 'pt-BR'],
    ['mostre os pagamentos do mês passado', 'pt-BR'],
    ['what are the appointments for tomorrow?', 'en'],
    ['schedule tomorrow', 'en'],
    ['show me the invoices of last month', 'en'],
  ] as const)('of “%s” is %s whatever the fallback', (text, expected) => {
    expect(language(text, 'pt-BR')).toBe(expected);
    expect(language(text, 'en')).toBe(expected);
  });

  test.each(['', 'xyz qwe', 'Botox', 'a do'])('of “%s” is the fallback', (text) => {
    expect(language(text, 'pt-BR')).toBe('pt-BR');
    expect(language(text, 'en')).toBe('en');
  });
});
