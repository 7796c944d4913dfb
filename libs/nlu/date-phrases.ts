import {
  calendar,
  counted,
  dayInMonth,
  dayRange,
  days,
  daysInMonth,
  midday,
  monthBeside,
  nightOf,
  numeric,
  part,
  quarter,
  type Reader,
  time,
  timeOfPart,
  timeRange,
  unit,
  weekday,
  weekdayOfWeek,
  weekend,
  weekOf,
  wholeYear,
  window,
} from './date-meanings.ts';
import { dayOfMonth, fullYear, slots } from './date-words.ts';
import type { Language } from './text.ts';

/**
 * The phrases that name a time, as one table per language. A row is a pattern over folded text and the reader that
 * gives it meaning; `{slot}` stands for the words in `slots`. The rows of a language become one regular expression,
 * so the first row that matches at a place wins: longer phrases stand above shorter.
 */

/** Tells a homonym by the original text: `named` as written, and what stands before and after it. */
type Homonym = (named: string, before: string, after: string) => boolean;

interface Row {
  readonly pattern: string;
  readonly read: Reader;
  readonly homonym?: Homonym;
}

const row = (pattern: string, read: Reader, homonym?: Homonym): Row =>
  homonym === undefined ? { pattern, read } : { pattern, read, homonym };

/** Marco is a man, março a month; without its cedilla it needs a year or a day beside it. */
const withoutCedilla: Homonym = (named) => /marco/i.test(named);
/** "Às 14" is a time, "as 14 consultas" is not. */
const withoutGrave: Homonym = (_, before) => !/às $/i.test(before);
/** April, June, May and August are also women and men. */
const beforeSurname: Homonym = (_, __, after) => /^ \p{Lu}/u.test(after);
/** "And may", "to march" are verbs. */
const verb: Homonym = (named, before, after) =>
  /^(?:may|march)/.test(named) || beforeSurname(named, before, after);

const shared: readonly Row[] = [
  row('(?<year>\\d{4})-(?<month>0[1-9]|1[0-2])-(?<day>0[1-9]|[12]\\d|3[01])', calendar),
  row(`(?<year>${fullYear})-(?<month>\\d\\d)-(?<day>\\d\\d)`, calendar),
  row('(?<one>\\d\\d?)/(?<two>\\d\\d?)/(?<year>\\d{4}|\\d\\d)', numeric),
  row('(?<one>\\d\\d?)-(?<two>\\d\\d?)-(?<year>\\d{4})', numeric),
  row(`(?<one>\\d\\d?)\\.(?<two>\\d\\d?)\\.(?<year>${fullYear})`, numeric),
  row(`(?<month>0?[1-9]|1[0-2])/(?<year>${fullYear})`, calendar),
  row('(?<one>\\d\\d?)/(?<two>\\d\\d?)', numeric),
  row('{day}[/-]{month}(?:[/-](?<year>\\d{4}|\\d\\d))?', calendar),
  row('{month}/(?<year>(?:19|20)?\\d\\d)', calendar),
];

const yearIsMoney =
  '(?!(?: (?:a|ate|e|to|and) [\\d.,]+)? ?(?:(?:reais|real|dolar(?:es)?|euros?|dollars?|mil|k)(?![a-z])|%))';

/** "De 2023" is a year, "acima de 2023" is a sum. */
const uncompared = '(?<!(?:acima|abaixo|mais|menos|partir|que) de )';

const rows: Record<Language, readonly Row[]> = {
  'pt-BR': [
    ...shared,
    row('depois de amanha', days(2)),
    row('anteontem|antes de ontem', days(-2)),
    row('hoje', days(0)),
    row('amanha', days(1)),
    row('ontem', days(-1)),

    row('{weekday} (?:d[ae] )?(?:proxima semana|semana que vem)', weekdayOfWeek(1)),
    row('{weekday} (?:d[ae] )?(?:ultima semana|semana passada)', weekdayOfWeek(-1)),
    row('{weekday} {this} semana', weekdayOfWeek(0)),
    row('proxim[oa] {weekday}{ends}|{weekday} (?:que vem|seguinte)', weekday('next')),
    row('ultim[oa] {weekday}{ends}|{weekday} passad[oa]', weekday('last')),
    row(
      '(?:{this} )?(?<weekday>(?:segunda|terca|quarta|quinta|sexta)[- ]feira|sabado|domingo)',
      weekday('coming'),
    ),
    row('(?:{this} )?(?<!uma |minha |sua |cada ){weekday}{ends}', weekday('coming')),

    row('proximo {weekend}|{weekend} que vem', weekend(1)),
    row('ultimo {weekend}|{weekend} passado', weekend(-1)),
    row('(?:{this} )?{weekend}', weekend(0)),

    row('(?:proxim[oa]s {number}|{number} proxim[oa]s) {unit}', window(1)),
    row('(?:ultim[oa]s {number}|{number} ultim[oa]s) {unit}', window(-1)),
    row('(?:daqui(?: a)?|dentro de|em) {number} {unit}', counted(1)),
    row('(?:ha|faz) {number} {unit}(?: atras)?|{number} {unit} atras', counted(-1)),

    row(
      '(?<=entre (?:os |o )?(?:dias? )?){day} e (?:o )?(?:dia )?{last} de {month}{ofAnyYear}?',
      dayRange('last'),
    ),
    row(
      '(?:dias? )?{day}(?: (?:a|ao|ate)(?: o)?(?: dia)? | ?[-–] ?){last} de {month}{ofAnyYear}?',
      dayRange('last'),
    ),
    row('dias? {day} (?:a|ao|ate)(?: o)?(?: dia)? {last}|(?<=entre os )dias {day} e {last}', daysInMonth),
    row('semana d[eo] (?:dia )?{day} de {month}{ofYear}?', weekOf),
    row('(?:(?:o )?dia )?{day} (?:de )?{month}{ofAnyYear}?', calendar),
    row(`(?:dia |(?<=(?:de|em) )${uncompared}){noDay} de {month}{ofYear}`, calendar),
    row('dia {day} (?:do )?(?:mes que vem|proximo mes)', dayInMonth(1)),
    row('dia {day} (?:do )?(?:mes passado|ultimo mes)', dayInMonth(-1)),
    row('dia {day} {this} mes', dayInMonth(0)),
    row('(?:(?:proximo|ultimo|{this}) )?dia {day}', dayInMonth()),

    row('(?:mes de )?{month}{ofYear}', calendar),
    row(`{month}(?= (?:a|ate) [a-z]{3,9} (?:de )?${fullYear})`, calendar),
    row('proximo {name}|{name} que vem', monthBeside(1)),
    row('ultimo {name}|{name} passado', monthBeside(-1)),
    row('(?<=(?:desde|em|mes de) ){name}', calendar),
    row('(?<!rio de ){name}', calendar, withoutCedilla),

    row('(?<ordinal>[1-4]|primeiro|segundo|terceiro|quarto)[oº]? trimestre{ofYear}?', quarter),
    row('(?:proxim[oa]) {period}|{period} (?:que vem|seguinte)', unit(1)),
    row('ultim[oa] {period}|{period} (?:passad[oa]|anterior)', unit(-1)),
    row('{period} retrasad[oa]', unit(-2)),
    row('{this} {period}|{period} (?:atual|corrente)', unit(0)),
    row('(?<=(?<!dias? )d[oa] )(?<unit>dia|semana|mes|ano)(?! (?:a|de|em|que|d?es[st][ea]|\\d))', unit(0)),
    row(
      `ano (?:de )?{year}|(?<=(?:a|ate|de|desde|durante|e|em|entre|para) )${uncompared}{year}${yearIsMoney}`,
      wholeYear,
    ),

    row('(?:{number}(?: horas?)?(?<half> e meia)?) da {part}', timeOfPart),
    row('{hour}h? (?:as|ate|ate as) {until}h', timeRange),
    row('(?<=das ){hour}h? (?:as|ate|ate as) {until}', timeRange),
    row('(?<=entre (?:as )?){hour}h? e (?:as )?{until}(?:h| horas)', timeRange),
    row('{hour}[h:]{minute}(?: ?h| ?horas| ?min)?', time),
    row('(?<=(?:as|ate|das) ){hour}(?:h| horas) e {minute} ?min(?:utos)?', time),
    row('{hour} ?h(?:s|rs?)?|(?<=(?:as|ate|das) ){hour} horas', time),
    row('(?<=as ){hour}{ends}', time, withoutGrave),
    row('meio[- ]dia', midday),
    row(
      '(?:de|pela|{this}|durante a|na parte da|no periodo da|no final da) {part}|a (?<part>tarde|noite)',
      part(),
    ),
    row('(?<!boa ){part}', part(true)),
  ],
  en: [
    ...shared,
    row('(?:the )?day after tomorrow', days(2)),
    row('(?:the )?day before yesterday', days(-2)),
    row('today', days(0)),
    row('tomorrow', days(1)),
    row('yesterday', days(-1)),
    row('tonight', nightOf(0)),
    row('last (?:night|evening)', nightOf(-1)),

    row('{weekday} (?:of )?next week|next week (?:on )?{weekday}', weekdayOfWeek(1)),
    row('{weekday} (?:of )?last week|last week (?:on )?{weekday}', weekdayOfWeek(-1)),
    row('{weekday} (?:of )?this week|this week (?:on )?{weekday}', weekdayOfWeek(0)),
    row('(?:next|this coming|coming) {weekday}', weekday('next')),
    row('(?:last|past|previous) {weekday}', weekday('last')),
    row('this {weekday}', weekday('coming')),
    row(
      '(?<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day)|(?<=(?:on|from|to|by|until) ){weekday}{ends}',
      weekday('coming'),
    ),

    row('next {weekend}', weekend(1)),
    row('(?:last|past) {weekend}', weekend(-1)),
    row('(?:this )?{weekend}', weekend(0)),

    row('(?:next|coming|following) {number} {unit}', window(1)),
    row('within (?:the next )?{number} {unit}', window(1)),
    row('(?:last|past|previous) {number} {unit}', window(-1)),
    row('in {number} {unit}(?! time)|{number} {unit} from (?:now|today)', counted(1)),
    row('{number} {unit} ago', counted(-1)),

    row('(?<=between ){month} {day} and {last}{ofAnyYear}?', dayRange('day')),
    row(
      '{month} {day}(?: (?:to|through|thru|until) (?:the )?| ?[-–] ?){last}(?! ?{half}){ofAnyYear}?',
      dayRange('day'),
    ),
    row(
      '{day}(?: (?:to|through|thru|until) (?:the )?| ?[-–] ?){last} (?:of )?{month}{ofAnyYear}?',
      dayRange('last'),
    ),
    row('(?<=between (?:the )?){day} and (?:the )?{last} (?:of )?{month}{ofAnyYear}?', dayRange('last')),
    row('week of (?:{month} (?:the )?{day}|(?:the )?{day} (?:of )?{month}){ofYear}?', weekOf),
    row('{month} (?:the )?{day}{ofAnyYear}?', calendar),
    row('(?:the )?{day} (?:of )?{month}{ofAnyYear}?', calendar),
    row(
      '{month} (?:the )?{noDay}{ofYear}|(?<=(?:from|in|of|on|the|to) ){noDay} (?:of )?{month}{ofYear}',
      calendar,
    ),
    row('(?:the )?{day} of (?:the )?next month', dayInMonth(1)),
    row('(?:the )?{day} of (?:the )?last month', dayInMonth(-1)),
    row('(?:the )?{day} of this month', dayInMonth(0)),
    row(`(?<=(?:on|by|until|since|for|day) )the (?<day>${dayOfMonth})(?:st|nd|rd|th){ends}`, dayInMonth()),

    row('{month}{ofYear}', calendar),
    row('(?:next|coming) {name}', monthBeside(1)),
    row('(?:last|past) {name}', monthBeside(-1)),
    row('this {name}', calendar, verb),
    row('(?<=(?:in|during|since|month of) ){month}', calendar),
    row('(?<=(?:between|for|from|of|until|till) ){name}', calendar, beforeSurname),
    row(
      '(?<!with ){name}(?= (?!(?:be|have|he|i|it|my|our|she|the|they|we|you) )[a-z]|$|[?.!,;])',
      calendar,
      verb,
    ),

    row('q(?<ordinal>[1-4]){ofYear}?', quarter),
    row('(?<ordinal>[1-4]|first|second|third|fourth)(?:st|nd|rd|th)? quarter{ofYear}?', quarter),
    row('(?:next|coming|following) {period}', unit(1)),
    row('(?:last|past|previous) {period}', unit(-1)),
    row('(?:this|the current|current) {period}', unit(0)),
    row('(?:the )?week after next', unit(2, 'week')),
    row('(?:the )?week before last', unit(-2, 'week')),
    row(
      `(?:the )?year {year}|(?<=(?:and|between|by|during|for|from|in|of|since|to|until) ){year}${yearIsMoney}`,
      wholeYear,
    ),

    row('(?<=(?:between|from) ){hour} ?(?:and|to|until|[-–]) ?{until} ?{half}', timeRange),
    row('{hour}(?::{minute})? ?{half}', time),
    row('(?<hour>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) {half}', time),
    row('{hour}:{minute}', time),
    row('noon|midday', midday),
    row('(?:in|during) the {part}|this {part}|at (?<part>night)', part()),
    row('(?<!good ){part}', part(true)),
  ],
};

/** The rows of a language and the one expression that finds them; the group `row<n>` tells which matched. */
interface Grammar {
  readonly rows: readonly Row[];
  readonly expression: RegExp;
}

function compile(language: Language): Grammar {
  const sources = rows[language].map(({ pattern }, index) => {
    const filled = pattern.replace(/\{([a-z]\w*)\}/gi, (_, slot: string) => {
      const source = slots[language][slot];
      if (source === undefined) throw new Error(`no slot ${slot} in ${language}`);
      return source;
    });
    return `(?<row${index}>${filled})`;
  });
  const expression = new RegExp(
    `(?<![a-z0-9]|\\d[/.,:-])(?:${sources.join('|')})(?![a-z0-9]|[/.,:-]\\d)`,
    'g',
  );
  return { rows: rows[language], expression };
}

export const grammars: Readonly<Record<Language, Grammar>> = { 'pt-BR': compile('pt-BR'), en: compile('en') };
