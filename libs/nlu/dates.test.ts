import { describe, expect, test } from 'vitest';
import { findPeriods } from './dates.ts';
import type { Language } from './text.ts';

const timeZone = 'America/Sao_Paulo';
/** A Wednesday, 13:20 in São Paulo. */
const now = Temporal.Instant.from('2026-11-18T16:20:00Z');

const local = (instant: Temporal.Instant): string =>
  instant
    .toZonedDateTimeISO(timeZone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' })
    .replace('T00:00', '');

const found = (text: string, language: Language, at = now) =>
  findPeriods(text, { now: at, timeZone, language });

const read = (text: string, language: Language, at = now) =>
  found(text, language, at).periods.map(
    ({ from, to, grain, text }) => `${local(from)}/${local(to)} ${grain} "${text}"`,
  );

/** The words that name a time which there is not. */
const impossible = (text: string, language: Language, at = now) =>
  found(text, language, at).impossible.map(({ start, end }) => text.slice(start, end));

/** The question with its period in brackets, and the ISO interval expected, end excluded. */
type Example = readonly [question: string, interval: string];

const portuguese: readonly Example[] = [
  // Days
  ['agenda [de hoje]', '2026-11-18/2026-11-19 day'],
  ['agenda [de amanhã]', '2026-11-19/2026-11-20 day'],
  ['[Amanhã]', '2026-11-19/2026-11-20 day'],
  ['quem vem [depois de amanhã]?', '2026-11-20/2026-11-21 day'],
  ['pagamentos [de ontem]', '2026-11-17/2026-11-18 day'],
  ['pagamentos [de anteontem]', '2026-11-16/2026-11-17 day'],
  ['consultas [antes de ontem]', '2026-11-16/2026-11-17 day'],
  ['agenda [do dia]', '2026-11-18/2026-11-19 day'],
  // Weekdays
  ['consultas [na sexta]', '2026-11-20/2026-11-21 day'],
  ['consultas [na sexta-feira]', '2026-11-20/2026-11-21 day'],
  ['consultas [de quarta]', '2026-11-18/2026-11-19 day'],
  ['agenda [segunda]', '2026-11-23/2026-11-24 day'],
  ['agenda [da segunda] da Ana', '2026-11-23/2026-11-24 day'],
  ['[no sábado] tem vaga?', '2026-11-21/2026-11-22 day'],
  ['[próxima terça]', '2026-11-24/2026-11-25 day'],
  ['[na próxima quarta]', '2026-11-25/2026-11-26 day'],
  ['[terça que vem]', '2026-11-24/2026-11-25 day'],
  ['[quinta-feira que vem]', '2026-11-19/2026-11-20 day'],
  ['[na última segunda]', '2026-11-16/2026-11-17 day'],
  ['[última quarta]', '2026-11-11/2026-11-12 day'],
  ['[na sexta passada]', '2026-11-13/2026-11-14 day'],
  ['[no domingo passado]', '2026-11-15/2026-11-16 day'],
  ['[esta sexta]', '2026-11-20/2026-11-21 day'],
  ['[sexta da semana que vem]', '2026-11-27/2026-11-28 day'],
  ['[terça da semana passada]', '2026-11-10/2026-11-11 day'],
  ['[segunda desta semana]', '2026-11-16/2026-11-17 day'],
  // Weeks, months, quarters, years
  ['agenda [desta semana]', '2026-11-16/2026-11-23 week'],
  ['agenda [essa semana]', '2026-11-16/2026-11-23 week'],
  ['agenda [da semana]', '2026-11-16/2026-11-23 week'],
  ['[semana que vem]', '2026-11-23/2026-11-30 week'],
  ['[na próxima semana]', '2026-11-23/2026-11-30 week'],
  ['[na semana passada]', '2026-11-09/2026-11-16 week'],
  ['[semana retrasada]', '2026-11-02/2026-11-09 week'],
  ['[no fim de semana]', '2026-11-21/2026-11-23 day'],
  ['[próximo final de semana]', '2026-11-28/2026-11-30 day'],
  ['[fim de semana passado]', '2026-11-14/2026-11-16 day'],
  ['faturamento [do mês]', '2026-11-01/2026-12-01 month'],
  ['faturamento [deste mês]', '2026-11-01/2026-12-01 month'],
  ['faturamento [do mês passado]', '2026-10-01/2026-11-01 month'],
  ['[mês que vem]', '2026-12-01/2027-01-01 month'],
  ['[no próximo mês]', '2026-12-01/2027-01-01 month'],
  ['[este ano]', '2026-01-01/2027-01-01 year'],
  ['[no ano passado]', '2025-01-01/2026-01-01 year'],
  ['[ano que vem]', '2027-01-01/2028-01-01 year'],
  ['[neste trimestre]', '2026-10-01/2027-01-01 quarter'],
  ['[último trimestre]', '2026-07-01/2026-10-01 quarter'],
  ['[primeiro trimestre de 2024]', '2024-01-01/2024-04-01 quarter'],
  ['[no 3º trimestre]', '2026-07-01/2026-10-01 quarter'],
  // Days of a month
  ['consultas [do dia 12]', '2026-11-12/2026-11-13 day'],
  ['[dia 31]', '2026-12-31/2027-01-01 day'],
  ['[dia 5 do mês que vem]', '2026-12-05/2026-12-06 day'],
  ['[dia 12 de março]', '2026-03-12/2026-03-13 day'],
  ['[12 de março de 2024]', '2024-03-12/2024-03-13 day'],
  ['[em 12 de mar de 2024]', '2024-03-12/2024-03-13 day'],
  ['[dia 1º de dezembro]', '2026-12-01/2026-12-02 day'],
  ['[primeiro de abril]', '2026-04-01/2026-04-02 day'],
  ['[10 de janeiro do ano que vem]', '2027-01-10/2027-01-11 day'],
  ['[sexta, dia 13]', '2026-11-13/2026-11-14 day'],
  ['[dia 13, sexta]', '2026-11-13/2026-11-14 day'],
  ['[sexta, dia 20]', '2026-11-20/2026-11-21 day'],
  // Months and years
  ['faturas [em março]', '2026-03-01/2026-04-01 month'],
  ['faturas [em novembro]', '2026-11-01/2026-12-01 month'],
  ['faturas [em dezembro]', '2026-12-01/2027-01-01 month'],
  ['faturas [de março de 2022]', '2022-03-01/2022-04-01 month'],
  ['faturas [de marco de 2022]', '2022-03-01/2022-04-01 month'],
  ['faturas [em marco]', '2026-03-01/2026-04-01 month'],
  ['faturas [no mês de maio]', '2026-05-01/2026-06-01 month'],
  ['faturamento [janeiro]', '2026-01-01/2026-02-01 month'],
  ['faturas [de mar/2022]', '2022-03-01/2022-04-01 month'],
  ['faturas [de 03/2022]', '2022-03-01/2022-04-01 month'],
  ['[próximo janeiro]', '2027-01-01/2027-02-01 month'],
  ['[março do ano passado]', '2025-03-01/2025-04-01 month'],
  ['[em 2023]', '2023-01-01/2024-01-01 year'],
  ['consultas [de 2023]', '2023-01-01/2024-01-01 year'],
  ['[no ano de 2021]', '2021-01-01/2022-01-01 year'],
  // Counted
  ['[daqui a 3 dias]', '2026-11-21/2026-11-22 day'],
  ['[daqui a três dias]', '2026-11-21/2026-11-22 day'],
  ['[daqui a uma semana]', '2026-11-23/2026-11-30 week'],
  ['[em 2 semanas]', '2026-11-30/2026-12-07 week'],
  ['[dentro de dois meses]', '2027-01-01/2027-02-01 month'],
  ['[há 2 dias]', '2026-11-16/2026-11-17 day'],
  ['[há doze dias]', '2026-11-06/2026-11-07 day'],
  ['[2 dias atrás]', '2026-11-16/2026-11-17 day'],
  ['[há um ano]', '2025-01-01/2026-01-01 year'],
  ['[daqui a 2 horas]', '2026-11-18T15:00/2026-11-18T16:00 hour'],
  ['[nos próximos 7 dias]', '2026-11-18/2026-11-25 day'],
  ['[nos últimos 30 dias]', '2026-10-20/2026-11-19 day'],
  ['[últimos 3 meses]', '2026-08-19/2026-11-19 month'],
  ['[nas últimas duas semanas]', '2026-11-05/2026-11-19 week'],
  ['[nas últimas 24 horas]', '2026-11-17T13:20/2026-11-18T13:20 hour'],
  // Ranges
  ['[de 1 a 15 de março]', '2026-03-01/2026-03-16 day'],
  ['[de 1º a 15 de março de 2024]', '2024-03-01/2024-03-16 day'],
  ['[entre 5 e 9 de maio]', '2026-05-05/2026-05-10 day'],
  ['consultas [do dia 10 ao 20]', '2026-11-10/2026-11-21 day'],
  ['[do dia 10 ao dia 20]', '2026-11-10/2026-11-21 day'],
  ['[de jan a mar de 2025]', '2025-01-01/2025-04-01 month'],
  ['[na semana do dia 10 de novembro]', '2026-11-09/2026-11-16 week'],
  ['[de dias 10 a 12]', '2026-11-10/2026-11-13 day'],
  ['[entre 01/03/2024 e 15/03/2024]', '2024-03-01/2024-03-16 day'],
  ['[de 20/12/2025 até 05/01/2026]', '2025-12-20/2026-01-06 day'],
  ['[de janeiro a março]', '2026-01-01/2026-04-01 month'],
  ['[de dezembro a março de 2024]', '2023-12-01/2024-04-01 month'],
  ['[de 20 de dezembro a 5 de janeiro]', '2026-12-20/2027-01-06 day'],
  ['[de segunda a sexta]', '2026-11-23/2026-11-28 day'],
  ['[de hoje a sexta]', '2026-11-18/2026-11-21 day'],
  ['[entre ontem e amanhã]', '2026-11-17/2026-11-20 day'],
  ['[entre 2020 e 2022]', '2020-01-01/2023-01-01 year'],
  ['consultas [até sexta]', '2026-11-18/2026-11-21 day'],
  ['faturas [desde março]', '2026-03-01/2026-11-19 month'],
  // Digits
  ['[em 25/12/2026]', '2026-12-25/2026-12-26 day'],
  ['[25/12/26]', '2026-12-25/2026-12-26 day'],
  ['[25/12]', '2026-12-25/2026-12-26 day'],
  ['[03/04]', '2026-04-03/2026-04-04 day'],
  ['[25-12-2026]', '2026-12-25/2026-12-26 day'],
  ['[25.12.2026]', '2026-12-25/2026-12-26 day'],
  ['[2026-12-25]', '2026-12-25/2026-12-26 day'],
  ['[12/mar/2024]', '2024-03-12/2024-03-13 day'],
  // Hours
  ['[amanhã às 14h] com a Dra. Lima', '2026-11-19T14:00/2026-11-19T15:00 hour'],
  ['[amanhã, às 14h30]', '2026-11-19T14:30/2026-11-19T15:30 hour'],
  ['[às 14h de amanhã]', '2026-11-19T14:00/2026-11-19T15:00 hour'],
  ['[hoje às 14:00]', '2026-11-18T14:00/2026-11-18T15:00 hour'],
  ['[às 9h]', '2026-11-18T09:00/2026-11-18T10:00 hour'],
  ['[sexta às 10]', '2026-11-20T10:00/2026-11-20T11:00 hour'],
  ['[dia 25 às 16 horas]', '2026-11-25T16:00/2026-11-25T17:00 hour'],
  ['[amanhã às duas da tarde]', '2026-11-19T14:00/2026-11-19T15:00 hour'],
  ['[ao meio-dia de sexta]', '2026-11-20T12:00/2026-11-20T13:00 hour'],
  ['[amanhã de manhã]', '2026-11-19T06:00/2026-11-19T12:00 hour'],
  ['[na manhã de sexta]', '2026-11-20T06:00/2026-11-20T12:00 hour'],
  ['[sexta à tarde]', '2026-11-20T12:00/2026-11-20T18:00 hour'],
  ['[hoje à noite]', '2026-11-18T18:00/2026-11-19 hour'],
  ['[à tarde]', '2026-11-18T12:00/2026-11-18T18:00 hour'],
  ['[esta manhã]', '2026-11-18T06:00/2026-11-18T12:00 hour'],
  ['[amanhã das 9h às 12h]', '2026-11-19T09:00/2026-11-19T12:00 hour'],
  ['[amanhã das 9 às 12]', '2026-11-19T09:00/2026-11-19T12:00 hour'],
  ['[amanhã entre 14h e 16h30]', '2026-11-19T14:00/2026-11-19T16:30 hour'],
  ['[20/11 às 8h15]', '2026-11-20T08:15/2026-11-20T09:15 hour'],
];

const english: readonly Example[] = [
  // Days
  ["[today's] appointments", '2026-11-18/2026-11-19 day'],
  ['schedule [for tomorrow]', '2026-11-19/2026-11-20 day'],
  ['[the day after tomorrow]', '2026-11-20/2026-11-21 day'],
  ['payments [of yesterday]', '2026-11-17/2026-11-18 day'],
  ['[the day before yesterday]', '2026-11-16/2026-11-17 day'],
  // Weekdays
  ['[on Friday]', '2026-11-20/2026-11-21 day'],
  ['[on Wednesday]', '2026-11-18/2026-11-19 day'],
  ['[on fri]', '2026-11-20/2026-11-21 day'],
  ['[next Tuesday]', '2026-11-24/2026-11-25 day'],
  ['[next Wednesday]', '2026-11-25/2026-11-26 day'],
  ['[last Monday]', '2026-11-16/2026-11-17 day'],
  ['[this coming Friday]', '2026-11-20/2026-11-21 day'],
  ['[Friday the 20th]', '2026-11-20/2026-11-21 day'],
  ['[in the week of March 12]', '2026-03-09/2026-03-16 week'],
  ['invoices [for the month of May]', '2026-05-01/2026-06-01 month'],
  ['[this Saturday]', '2026-11-21/2026-11-22 day'],
  ['[Friday next week]', '2026-11-27/2026-11-28 day'],
  ['[Tuesday of last week]', '2026-11-10/2026-11-11 day'],
  // Weeks, months, quarters, years
  ['[this week]', '2026-11-16/2026-11-23 week'],
  ["[next week's] schedule", '2026-11-23/2026-11-30 week'],
  ['[last week]', '2026-11-09/2026-11-16 week'],
  ['[the week after next]', '2026-11-30/2026-12-07 week'],
  ['[this weekend]', '2026-11-21/2026-11-23 day'],
  ['[next weekend]', '2026-11-28/2026-11-30 day'],
  ['[this month]', '2026-11-01/2026-12-01 month'],
  ['[next month]', '2026-12-01/2027-01-01 month'],
  ['[last month]', '2026-10-01/2026-11-01 month'],
  ['[this quarter]', '2026-10-01/2027-01-01 quarter'],
  ['[in Q1 2024]', '2024-01-01/2024-04-01 quarter'],
  ['[in the first quarter of 2024]', '2024-01-01/2024-04-01 quarter'],
  ['[this year]', '2026-01-01/2027-01-01 year'],
  ['[last year]', '2025-01-01/2026-01-01 year'],
  // Days of a month
  ['[March 12, 2024]', '2024-03-12/2024-03-13 day'],
  ['[12 March]', '2026-03-12/2026-03-13 day'],
  ['[on the 12th of March]', '2026-03-12/2026-03-13 day'],
  ['[on Mar 12]', '2026-03-12/2026-03-13 day'],
  ['[on the 25th]', '2026-11-25/2026-11-26 day'],
  ['[Friday, November 20]', '2026-11-20/2026-11-21 day'],
  ['[December 25]', '2026-12-25/2026-12-26 day'],
  // Months and years
  ['unpaid invoice total [in May]', '2026-05-01/2026-06-01 month'],
  ['invoices [in may]', '2026-05-01/2026-06-01 month'],
  ['[May] invoices', '2026-05-01/2026-06-01 month'],
  ['invoices [of June]', '2026-06-01/2026-07-01 month'],
  ['[March 2022]', '2022-03-01/2022-04-01 month'],
  ['[in Dec]', '2026-12-01/2027-01-01 month'],
  ['[last March]', '2026-03-01/2026-04-01 month'],
  ['[next March]', '2027-03-01/2027-04-01 month'],
  ['[March last year]', '2025-03-01/2025-04-01 month'],
  ['[in 2023]', '2023-01-01/2024-01-01 year'],
  // Counted
  ['[in 3 days]', '2026-11-21/2026-11-22 day'],
  ['[in three days]', '2026-11-21/2026-11-22 day'],
  ['[in two weeks]', '2026-11-30/2026-12-07 week'],
  ['[2 days ago]', '2026-11-16/2026-11-17 day'],
  ['[a week ago]', '2026-11-09/2026-11-16 week'],
  ['[three days from now]', '2026-11-21/2026-11-22 day'],
  ['[in the next 7 days]', '2026-11-18/2026-11-25 day'],
  ['[over the last 30 days]', '2026-10-20/2026-11-19 day'],
  ['[in the past twelve months]', '2025-11-19/2026-11-19 month'],
  ['[within 5 days]', '2026-11-18/2026-11-23 day'],
  // Ranges
  ['[from March 1 to March 15]', '2026-03-01/2026-03-16 day'],
  ['[from March 1 to 15, 2024]', '2024-03-01/2024-03-16 day'],
  ['[between March 1 and March 15, 2024]', '2024-03-01/2024-03-16 day'],
  ['[March 1-15]', '2026-03-01/2026-03-16 day'],
  ['[1 to 15 March]', '2026-03-01/2026-03-16 day'],
  ['[between 03/01/2024 and 03/15/2024]', '2024-03-01/2024-03-16 day'],
  ['[from January to March]', '2026-01-01/2026-04-01 month'],
  ['[from Monday to Friday]', '2026-11-23/2026-11-28 day'],
  ['[between 2020 and 2022]', '2020-01-01/2023-01-01 year'],
  ['[since March]', '2026-03-01/2026-11-19 month'],
  ['[until Friday]', '2026-11-18/2026-11-21 day'],
  // Digits
  ['[on 12/25/2026]', '2026-12-25/2026-12-26 day'],
  ['[on 25/12/2026]', '2026-12-25/2026-12-26 day'],
  ['[on 03/04]', '2026-03-04/2026-03-05 day'],
  ['[2026-12-25]', '2026-12-25/2026-12-26 day'],
  // Hours
  ['[tomorrow at 2pm]', '2026-11-19T14:00/2026-11-19T15:00 hour'],
  ['[at 2:30 pm on Friday]', '2026-11-20T14:30/2026-11-20T15:30 hour'],
  ['[at 12 a.m. tomorrow]', '2026-11-19/2026-11-19T01:00 hour'],
  ['[at 14:00]', '2026-11-18T14:00/2026-11-18T15:00 hour'],
  ['[at two pm tomorrow]', '2026-11-19T14:00/2026-11-19T15:00 hour'],
  ['[Friday at noon]', '2026-11-20T12:00/2026-11-20T13:00 hour'],
  ['[on Friday in the afternoon]', '2026-11-20T12:00/2026-11-20T18:00 hour'],
  ['[Friday afternoon]', '2026-11-20T12:00/2026-11-20T18:00 hour'],
  ['[tomorrow morning]', '2026-11-19T06:00/2026-11-19T12:00 hour'],
  ['[this afternoon]', '2026-11-18T12:00/2026-11-18T18:00 hour'],
  ['[tonight]', '2026-11-18T18:00/2026-11-19 hour'],
  ['[tomorrow between 2 and 4 pm]', '2026-11-19T14:00/2026-11-19T16:00 hour'],
  ['[tomorrow from 2pm to 4:30pm]', '2026-11-19T14:00/2026-11-19T16:30 hour'],
];

const check = (language: Language) => (question: string, interval: string) => {
  const phrase = /\[(.*)\]/.exec(question)?.[1];
  const text = question.replace(/[[\]]/g, '');
  expect(read(text, language)).toEqual([`${interval} "${phrase}"`]);
  expect(impossible(text, language)).toEqual([]);
};

describe('Portuguese phrases name the period a Brazilian means', () => {
  test.each(portuguese)('%s is %s', check('pt-BR'));
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
