import type { Language } from './text.ts';

export type Grain = 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

const months: Record<Language, string> = {
  'pt-BR': 'janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro',
  en: 'january|february|march|april|may|june|july|august|september|october|november|december',
};
const shortMonths: Record<Language, string> = {
  'pt-BR': 'jan|fev|mar|abr|mai|jun|jul|ago|set|out|nov|dez',
  en: 'jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec',
};
const numbers: Record<Language, readonly string[]> = {
  'pt-BR': 'zero|um|dois|tres|quatro|cinco|seis|sete|oito|nove|dez|onze|doze'.split('|'),
  en: 'zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve'.split('|'),
};
const ordinals = ['first', 'second', 'third', 'fourth', 'primeiro', 'segundo', 'terceiro', 'quarto'];
/** From the finest to the coarsest. */
export const grains: readonly Grain[] = ['hour', 'day', 'week', 'month', 'quarter', 'year'];

// Three letters tell months, weekdays and units apart in both languages.
const stems = (list: string): readonly string[] => list.split(' ');
const monthStems: Record<Language, readonly string[]> = {
  'pt-BR': stems('jan fev mar abr mai jun jul ago set out nov dez'),
  en: stems('jan feb mar apr may jun jul aug sep oct nov dec'),
};
const weekdayStems: Record<Language, readonly string[]> = {
  'pt-BR': stems('seg ter qua qui sex sab dom'),
  en: stems('mon tue wed thu fri sat sun'),
};
const unitStems: Record<Language, readonly string[]> = {
  'pt-BR': stems('hor dia sem mes tri ano'),
  en: stems('hou day wee mon qua yea'),
};

export const dayOfMonth = '3[01]|[12]\\d|0?[1-9]';
export const fullYear = '(?:19|20)\\d\\d';
const hourOfDay = '2[0-3]|[01]?\\d';

const ends: Record<Language, string> = {
  // "segunda" is Monday, but the second in "segunda consulta": only a phrase that ends or goes on like these.
  'pt-BR':
    '(?= (?:-|as?|ao?s?|ate|com|d[aeo]s?|dia|e|em|eu|ha|n[ao]s?|ou|para|pela|por|pra|qual|quais|que|quem|se|sem|tem|temos|tenho|\\d\\S*)(?![a-z])|[^a-z0-9 ]|$)',
  en: '(?= (?:a|an|and|are|at|by|do|does|for|from|has|have|in|is|of|or|to|until|was|were|with)(?![a-z])|[^a-z0-9 ]|$)',
};
const ofYear: Record<Language, string> = {
  'pt-BR': `(?:,| de| do)? (?<year>${fullYear}|ano que vem|proximo ano|ano passado|ultimo ano|d?es[ts]e ano)`,
  en: `(?:,| of|, of)? (?<year>${fullYear}|next year|last year|this year)`,
};

/** What each `{slot}` of a phrase stands for, captured under the name its reader knows. */
export const slots: Record<Language, Readonly<Record<string, string>>> = {
  'pt-BR': {
    day: `(?<day>${dayOfMonth}|primeiro)[oº]?`,
    last: `(?<last>${dayOfMonth})`,
    month: `(?<month>${months['pt-BR']}|${shortMonths['pt-BR']})`,
    name: `(?<month>${months['pt-BR']})`,
    noDay: '(?<day>3[2-9]|[4-9]\\d)',
    ofYear: `(?:${ofYear['pt-BR']})`,
    // The year of a day, however far away; a number that goes on otherwise counts or costs something.
    ofAnyYear: `(?:${ofYear['pt-BR']}| de (?<year>\\d{4})${ends['pt-BR']})`,
    year: `(?<year>${fullYear})`,
    weekday: '(?<weekday>(?:segunda|terca|quarta|quinta|sexta)(?:[- ]feira)?|sabado|domingo)',
    unit: '(?<unit>horas?|dias?|semanas?|mes(?:es)?|trimestres?|anos?)',
    period: '(?<unit>semana|mes|trimestre|ano)',
    weekend: '(?:fi(?:m|nal) de semana|fds)',
    number: `(?<number>[1-9]\\d{0,2}|uma|duas|${numbers['pt-BR'].slice(1).join('|')})`,
    part: '(?<part>madrugada|manha|tarde|noite)',
    hour: `(?<hour>${hourOfDay})`,
    until: `(?<until>${hourOfDay})`,
    minute: '(?<minute>[0-5]\\d)',
    this: '[dn]?es[ts][ea]',
    ends: ends['pt-BR'],
  },
  en: {
    day: `(?<day>${dayOfMonth})(?:st|nd|rd|th)?`,
    last: `(?<last>${dayOfMonth})(?:st|nd|rd|th)?`,
    month: `(?<month>${months.en}|(?:${shortMonths.en})\\.?)`,
    name: `(?<month>${months.en})`,
    noDay: '(?<day>3[2-9]|[4-9]\\d)(?:nd|rd|th)?',
    ofYear: `(?:${ofYear.en})`,
    // Without a comma, what could be a time of day is one: "March 5 1430".
    ofAnyYear: `(?:${ofYear.en}|(?:(?:,| of) (?<year>\\d{4})| (?<year>[3-9]\\d{3}))${ends.en})`,
    year: `(?<year>${fullYear})`,
    weekday:
      '(?<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues|tue|wed|thurs|thur|thu|fri|sat|sun)',
    unit: '(?<unit>hours?|days?|weeks?|months?|quarters?|years?)',
    period: '(?<unit>week|month|quarter|year)',
    weekend: 'weekend',
    number: `(?<number>[1-9]\\d{0,2}|an|a|${numbers.en.slice(1).join('|')})`,
    part: '(?<part>morning|afternoon|evening|night)',
    hour: `(?<hour>${hourOfDay})`,
    until: `(?<until>${hourOfDay})`,
    minute: '(?<minute>[0-5]\\d)',
    half: '(?<half>am|pm|a\\.m\\.?|p\\.m\\.?)',
    ends: ends.en,
  },
};

export const numberOf = (word: string, language: Language): number => {
  if (/^\d/.test(word)) return Number(word);
  if (word === 'a' || word === 'an' || word === 'uma') return 1;
  return word === 'duas' ? 2 : numbers[language].indexOf(word);
};
export const monthOf = (word: string, language: Language): number =>
  monthStems[language].indexOf(word.slice(0, 3)) + 1;
export const grainOf = (word: string, language: Language): Grain =>
  grains[unitStems[language].indexOf(word.slice(0, 3))] ?? 'day';
export const dayOf = (word: string): number => (word === 'primeiro' ? 1 : Number(word));

/** 1 for Monday to 7 for Sunday. */
export const weekdayOf = (word: string, language: Language): number =>
  weekdayStems[language].indexOf(word.slice(0, 3)) + 1;

/** 1 to 4, from a digit or a word. */
export const quarterOf = (word: string): number =>
  /^\d/.test(word) ? Number(word) : (ordinals.indexOf(word) % 4) + 1;
