import { describe, expect, test } from 'vitest';
import {
  english,
  isRead,
  askedAt as now,
  portuguese,
  readDates as read,
  askedIn as timeZone,
  wantedOf,
} from './date-examples.ts';
import * as trials from './date-trials.ts';
import { findPeriods } from './dates.ts';
import type { Language } from './text.ts';

const found = (text: string, language: Language, at = now) =>
  findPeriods(text, { now: at, timeZone, language });

/** The words that name a time which there is not. */
const impossible = (text: string, language: Language, at = now) =>
  found(text, language, at).impossible.map(({ start, end }) => text.slice(start, end));

const check = (language: Language) => (question: string, interval: string) => {
  const { text, wanted } = wantedOf([question, interval]);
  expect(read(text, language)).toEqual([wanted]);
  expect(impossible(text, language)).toEqual([]);
};

describe('Portuguese phrases name the period a Brazilian means', () => {
  test.each(portuguese)('%s is %s', check('pt-BR'));
});

test.each([
  ['pt-BR', trials.portuguese],
  ['en', trials.english],
] as const)('phrases that nobody had looked at are read as they are meant, 19 of 20: %s', (language, of) => {
  const wrong = of.filter((one) => !isRead(one, language));
  expect(wrong.length / of.length, JSON.stringify(wrong)).toBeLessThanOrEqual(0.05);
});

describe('English phrases name the period their speaker means', () => {
  test.each(english)('%s is %s', check('en'));
});

describe('words that only look like dates name no period', () => {
  test.each([
    'na segunda consulta da Ana',
    'a quarta sessão de laser',
    'uma segunda opinião',
    'o histórico de Marco',
    'clientes do Rio de Janeiro',
    'boa tarde, quero uma lista',
    'bom dia! 3 consultas',
    'faturas acima de 2000 reais',
    'as 14 consultas canceladas',
    '45/45',
    'parcela 2/30',
    'sala 31/4',
    'sala 301, protocolo 4821-77-03',
    'versão 10.20.1',
    'versão 4.8.4084',
    'telefone (11) 98765-4321, CPF 529.982.247-25',
    'CNPJ 12.345.678/0001-95',
    'dieta 40/30/30',
    'R$ 1.200,50',
    'dia 45 do tratamento',
    'próxima consulta do cliente',
    'sessões às segundas e sextas',
    'R$ 1.234,56',
  ])('%s', (text) => {
    expect(found(text, 'pt-BR')).toEqual({ periods: [], impossible: [] });
  });

  test.each([
    'may I see the list',
    'clients may cancel',
    'the second appointment',
    'wait a sec',
    'good morning, list the clients',
    'history of June Smith',
    'instalment 2/30',
    'room 31/4',
    'version 10.20.1',
    'phone +55 11 98765-4321',
    'invoices over $1,200.50',
    'my next appointment',
    'invoices over $2023',
  ])('%s', (text) => {
    expect(found(text, 'en')).toEqual({ periods: [], impossible: [] });
  });
});

describe('a time that no calendar has is impossible, and nothing of it is a period', () => {
  const none = (language: Language) => (question: string) => {
    const phrase = /\[(.*)\]/.exec(question)?.[1];
    const text = question.replace(/[[\]]/g, '');
    expect(read(text, language)).toEqual([]);
    expect(impossible(text, language)).toEqual([phrase]);
  };

  test.each([
    // Days that there are not
    'consultas [em 29/02/2027]',
    '[31/02/2026]',
    'consultas [de 31/04/2026]?',
    '[em 31/04/26]',
    '[em 45/13/2026]',
    '[em 00/03/2026]',
    '[31-04-2026]',
    '[31.04.2026]',
    '[31/abr/2026]',
    '[2027-02-29]',
    '[2026-13-01]',
    '[em 31/02]',
    '[em 29 de fevereiro de 2027]',
    '[no dia 30 de fevereiro]',
    '[dia 31 de abril do ano que vem]',
    '[em 32 de janeiro de 2026]',
    '[no dia 45 de março de 2026]',
    '[no dia 31 deste mês]',
    '[na semana do dia 31 de abril]',
    '[de 1 a 31 de abril]',
    '[de 31 a 16 de março]',
    '[do dia 10 ao 31]',
    // Ranges that end before they begin, or one of whose ends there is not
    'consultas [de 10/03/2026 a 01/03/2026]',
    '[de 31/12/2026 até 01/01/2026]',
    '[entre 10/03/2026 e 01/03/2026]',
    '[de 10 de março de 2026 a 1 de março de 2026]',
    '[de 2026-03-10 até 2026-03-01]',
    '[de amanhã a ontem]',
    '[de 2026 a 2024]',
    '[de 29/02/2027 a 10/03/2027]',
    '[de 01/02/2026 a 31/02/2026]',
    '[entre 01/02 e 31/02]',
    // Years beyond reason
    'consultas [de 01/01/0001 a 31/12/9999]?',
    '[desde 01/01/0001]',
    '[até 9999-12-31]',
    '[01-01-0001]',
    '[em 1 de janeiro de 0001]',
    '[de 1 de janeiro de 0001 a 31 de dezembro de 9999]',
    '[de 1 a 15 de janeiro de 9999]',
    '[há 500 anos]',
  ])('%s', none('pt-BR'));

  test.each([
    'appointments [on 29/02/2027]',
    '[on 02/29/2027]',
    '[on 31/04/2026]',
    '[on 04/31/2026]',
    '[on 45/13/2026]',
    '[2027-02-29]',
    '[on 4/31]',
    '[February 30, 2024]',
    '[on February 29, 2027]',
    '[on the 31st of April]',
    '[January 32, 2026]',
    '[on 32 January 2026]',
    '[on the 31st of this month]',
    '[in the week of April 31]',
    '[from April 1 to 31]',
    'appointments [from 2026-03-10 to 2026-03-01]',
    '[between March 10, 2026 and March 1, 2026]',
    '[between 03/10/2026 and 03/01/2026]',
    '[from tomorrow to yesterday]',
    '[from February 29, 2027 to March 10, 2027]',
    '[between 2/1 and 2/30]',
    '[from 0001-01-01 to 9999-12-31]',
    '[until 9999-12-31]',
    '[on January 1, 0001]',
    '[from January 1, 1500 to January 1, 2026]',
    '[31 December 9999]',
    '[500 years ago]',
  ])('%s', none('en'));

  test.each([
    ['de 2020 a 2025', 'pt-BR', '2020-01-01/2026-01-01 year'],
    ['de 01/01/1900 a 31/12/2100', 'pt-BR', '1900-01-01/2101-01-01 day'],
    ['de dezembro a março', 'pt-BR', '2026-12-01/2027-04-01 month'],
    ['do dia 20 ao dia 10', 'pt-BR', '2026-11-20/2026-12-11 day'],
    ['de 29 a 16 de abril', 'pt-BR', '2026-03-29/2026-04-17 day'],
    ['de 29 a 16 de janeiro de 2026', 'pt-BR', '2025-12-29/2026-01-17 day'],
    ['em 12/10', 'pt-BR', '2026-10-12/2026-10-13 day'],
    ['29 de fevereiro de 2028', 'pt-BR', '2028-02-29/2028-03-01 day'],
    ['from Friday to Tuesday', 'en', '2026-11-20/2026-11-25 day'],
    ['between the 29th and the 16th of April', 'en', '2026-03-29/2026-04-17 day'],
    ['from March 29 to 16', 'en', '2026-03-29/2026-04-17 day'],
    ['from December to March', 'en', '2026-12-01/2027-04-01 month'],
    ['from 2020-01-01 to 2025-12-31', 'en', '2020-01-01/2026-01-01 day'],
  ] as const)('but %s is a period', (text, language, interval) => {
    expect(read(text, language)).toEqual([`${interval} "${text}"`]);
    expect(impossible(text, language)).toEqual([]);
  });

  test.each([
    ['das 22h às 6h', 'pt-BR'],
    ['entre 14h e 10h', 'pt-BR'],
    ['quantas de 5 de março 1500 reais', 'pt-BR'],
    ['faturas acima de 50 de março de 2026', 'pt-BR'],
    ['faturas de R$ 50 de março de 2026', 'pt-BR'],
    ['from 10 to 2 pm', 'en'],
    ['on March 15 - 10 am', 'en'],
    ['on March 5 1400 to 1500', 'en'],
    ['in March 45 clients came', 'en'],
    ['on March 5, 1500 clients', 'en'],
  ] as const)('nor is anything impossible about: %s', (text, language) => {
    expect(impossible(text, language)).toEqual([]);
  });
});

describe('a month without a year', () => {
  test('is of last year when this year it has not begun and last year it was nearer', () => {
    const january = Temporal.Instant.from('2027-01-10T15:00:00Z');
    expect(read('faturas em dezembro', 'pt-BR', january)).toEqual([
      '2026-12-01/2027-01-01 month "em dezembro"',
    ]);
    expect(read('faturas em março', 'pt-BR', january)).toEqual(['2027-03-01/2027-04-01 month "em março"']);
    expect(read('29 de fevereiro', 'pt-BR', january)).toEqual([]);
    expect(impossible('29 de fevereiro', 'pt-BR', january)).toEqual(['29 de fevereiro']);
  });
});

test('several periods are found in their order, with offsets that cut them out of the text', () => {
  const text = 'compare ontem com a semana passada, por favor';
  const { periods } = found(text, 'pt-BR');
  expect(periods.map(({ start, end }) => text.slice(start, end))).toEqual(['ontem', 'a semana passada']);
});

test('phrases beyond the sixteenth are not read', () => {
  expect(read('hoje, '.repeat(40), 'pt-BR').length).toBeLessThanOrEqual(16);
});

test('an hour without a day is of the day named before it', () => {
  expect(read('sexta às 9h e às 15h', 'pt-BR')).toEqual([
    '2026-11-20T09:00/2026-11-20T10:00 hour "sexta às 9h"',
    '2026-11-20T15:00/2026-11-20T16:00 hour "às 15h"',
  ]);
});

test('a day is the calendar day of the zone, not of UTC', () => {
  const lateEvening = Temporal.Instant.from('2026-11-19T02:30:00Z');
  expect(read('hoje', 'pt-BR', lateEvening)).toEqual(['2026-11-18/2026-11-19 day "hoje"']);
  const { periods } = findPeriods('today', { now: lateEvening, timeZone: 'Asia/Tokyo', language: 'en' });
  expect(periods[0]?.from.toString()).toBe('2026-11-18T15:00:00Z');
});

test('a day begins when its zone says so, even where midnight was skipped', () => {
  const { periods } = found('04/11/2018', 'pt-BR');
  expect(periods[0]?.from.toString()).toBe('2018-11-04T03:00:00Z');
});

test('a hostile question of the longest size costs no more than linear time', () => {
  const questions = [
    'em de a ',
    'dia 1 ',
    '1/1/',
    '9'.repeat(50),
    'segunda de ',
    'de março a ',
    '29/02/2027 a ',
    'em 31 de abril de ',
  ].map((piece) => piece.repeat(2_000).slice(0, 2_000));
  for (const question of questions) {
    for (const language of ['pt-BR', 'en'] as const) {
      // What backtracks does so each time; what only waits for a processor does not.
      const took = [1, 2, 3].map(() => {
        const began = performance.now();
        read(question, language);
        return performance.now() - began;
      });
      expect(Math.min(...took)).toBeLessThan(100);
    }
  }
});
