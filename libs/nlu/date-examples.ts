import { findPeriods } from './dates.ts';
import type { Language } from './text.ts';

/** Questions whose period is known, as asked at `askedAt` in `askedIn`: what the reading of dates is measured by. */

/** A Wednesday, 13:20 in São Paulo. */
export const askedAt = Temporal.Instant.from('2026-11-18T16:20:00Z');
export const askedIn = 'America/Sao_Paulo';

/** A question with its period in brackets, and the ISO interval that is meant, end excluded, with its grain. */
export type DateExample = readonly [question: string, interval: string];

/** What a Brazilian means. */
export const portuguese: readonly DateExample[] = [
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

/** What an American means. */
export const english: readonly DateExample[] = [
  // Days
  ["[today's] visits", '2026-11-18/2026-11-19 day'],
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
  ['payments [for the month of May]', '2026-05-01/2026-06-01 month'],
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
  ['unpaid total [in May]', '2026-05-01/2026-06-01 month'],
  ['payments [in may]', '2026-05-01/2026-06-01 month'],
  ['[May] payments', '2026-05-01/2026-06-01 month'],
  ['payments [of June]', '2026-06-01/2026-07-01 month'],
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

const local = (instant: Temporal.Instant): string =>
  instant
    .toZonedDateTimeISO(askedIn)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' })
    .replace('T00:00', '');

/** The periods found in a text, written as those of the examples are. */
export const readDates = (text: string, language: Language, now = askedAt): string[] =>
  findPeriods(text, { now, timeZone: askedIn, language }).periods.map(
    ({ from, to, grain, text }) => `${local(from)}/${local(to)} ${grain} "${text}"`,
  );

/** What should be read of an example, and of which text. */
export const wantedOf = ([question, interval]: readonly [string, string]): {
  text: string;
  wanted: string;
} => ({
  text: question.replace(/[[\]]/g, ''),
  wanted: `${interval} "${/\[(.*)\]/.exec(question)?.[1]}"`,
});

/** Whether an example is read as it is meant, and nothing else of it. */
export const isRead = (example: DateExample, language: Language): boolean => {
  const { text, wanted } = wantedOf(example);
  const found = readDates(text, language);
  return found.length === 1 && found[0] === wanted;
};
