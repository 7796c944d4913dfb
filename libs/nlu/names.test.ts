import { describe, expect, test } from 'vitest';
import { findPeriods } from './dates.ts';
import { findNames } from './names.ts';
import { canonical, type Language } from './text.ts';

const leads = [
  { role: 'provider', words: ['com', 'with', 'by', 'dr', 'dra', 'doctor', 'doutor', 'doutora'] },
  {
    role: 'subject',
    words: ['de', 'do', 'da', 'of', 'for', 'para', 'paciente', 'cliente', 'client', 'patient', "'s"],
  },
];
const stop = new Set(
  'agenda consulta consultas appointments appointment history historico faturas invoices list record pagas'.split(
    ' ',
  ),
);
const now = Temporal.Instant.from('2026-11-18T16:20:00Z');

const read = (question: string, language: Language) => {
  const text = canonical(question);
  const { periods } = findPeriods(text, { now, timeZone: 'America/Sao_Paulo', language });
  const names = findNames(text, { language, spent: periods, leads, stop });
  for (const { text: name, start, end } of names) expect(text.slice(start, end)).toBe(name);
  return names.map(({ role, text }) => `${role}: ${text}`);
};

describe('in Portuguese', () => {
  test.each([
    ['consultas da Ana', ['subject: Ana']],
    ['consultas de ana amanhã', ['subject: ana']],
    ['consultas da ana lima na sexta', ['subject: ana lima']],
    ['amanhã às 14h com Dra. Lima', ['provider: Lima']],
    ['consultas de Ana Lima com a Dra. Souza', ['subject: Ana Lima', 'provider: Souza']],
    ['agenda da Dra. Beatriz Nunes hoje', ['provider: Beatriz Nunes']],
    ['Dr. Paulo tem horário amanhã?', ['provider: Paulo']],
    ['consultas do Sr. João', ['subject: João']],
    ['cliente ana lima', ['subject: ana lima']],
    ['histórico do paciente joão pedro', ['subject: joão pedro']],
    ['consulta com o cliente João', ['subject: João']],
    ['faturas de Maria da Silva dos Santos em março', ['subject: Maria da Silva dos Santos']],
    ['agenda de Ana da Dra. Lima', ['subject: Ana', 'provider: Lima']],
    ['faturas de Ana e Bruno', ['subject: Ana', 'subject: Bruno']],
    ['consultas de Marco em março', ['subject: Marco']],
    ["faturas de D'Ávila e Anna-Lena", ["subject: D'Ávila", 'subject: Anna-Lena']],
    ['CONSULTAS DE ANA LIMA AMANHÃ', ['subject: ANA LIMA']],
    ['consultas de J. Silva', ['subject: J. Silva']],
  ])('%s', (question, expected) => {
    expect(read(question, 'pt-BR')).toEqual(expected);
  });
});

describe('in English', () => {
  test.each([
    ['client history of Ana', ['subject: Ana']],
    ['appointments of Ana Lima with Dr. Souza', ['subject: Ana Lima', 'provider: Souza']],
    ["Ana Lima's appointments with Maria", ['subject: Ana Lima', 'provider: Maria']],
    ["show me ana's history", ['subject: ana']],
    ['Show Ana’s history', ['subject: Ana']],
    ["Dr. Smith's appointments tomorrow", ['provider: Smith']],
    ['invoices of Maynard46 Mosciski958', ['subject: Maynard46 Mosciski958']],
    ["record of Adaline O'Conner199", ["subject: Adaline O'Conner199"]],
    ["Vincent van Gogh's invoices", ['subject: Vincent van Gogh']],
    ['appointments for Anna on Friday', ['subject: Anna']],
    ['appointments with Doctor Jones', ['provider: Jones']],
    ['patient maria souza with doctor lima', ['subject: maria souza', 'provider: lima']],
  ])('%s', (question, expected) => {
    expect(read(question, 'en')).toEqual(expected);
  });
});

describe('no one is named', () => {
  test.each([
    ['pt-BR', 'consultas de amanhã'],
    ['pt-BR', 'lista de consultas da semana'],
    ['pt-BR', 'faturas do mês passado pagas com 30 reais'],
    ['pt-BR', 'Quais são as consultas?'],
    ['pt-BR', 'cliente com faturas'],
    ['pt-BR', 'agenda de, hoje'],
    ['en', "what's on today's list"],
    ['en', 'schedule for tomorrow'],
    ['en', 'list of the appointments of Monday'],
    ['en', 'client history'],
    ['en', ''],
  ] as const)('%s: %s', (language, question) => {
    expect(read(question, language)).toEqual([]);
  });
});

test('words without capitals are no name when they run on', () => {
  expect(read('faturas de quatro pessoas bem felizes juntas', 'pt-BR')).toEqual([]);
});

test('a name ends where spent text begins', () => {
  const text = 'consultas de Ana Botox';
  const spent = [{ start: 17, end: 22 }];
  expect(findNames(text, { language: 'pt-BR', spent, leads })).toEqual([
    { role: 'subject', text: 'Ana', start: 13, end: 16 },
  ]);
});
