import type { Manner } from './compose.ts';
import { keysOf } from './tokens.ts';

/**
 * How one value may be written in an answer, in either language: as the keys of its tokens with a space between, so that the
 * thousands of them that a page of rows has need not be read.
 */

type Locale = 'en' | 'pt-BR';
const locales: readonly Locale[] = ['en', 'pt-BR'];
const other: Readonly<Record<Locale, Locale>> = { en: 'pt-BR', 'pt-BR': 'en' };

/** One separator and three digits after it: what parts thousands in one language and decimals in the other. */
const isAmbiguous = (figure: string): boolean => /^-?\d{1,3}[.,]\d{3}$/.test(figure);

/** Made once: a formatter costs more to make than to use. */
const formats = Object.fromEntries(
  locales.map((locale) => [
    locale,
    [
      { maximumFractionDigits: 20 },
      { maximumFractionDigits: 20, useGrouping: false },
      { minimumFractionDigits: 2, maximumFractionDigits: 2 },
      { minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: false },
    ].map((digits) => new Intl.NumberFormat(locale, digits)),
  ]),
) as Record<Locale, Intl.NumberFormat[]>;

const written = (value: number, locale: Locale): string[] => [
  ...new Set(formats[locale].map((format) => format.format(value))),
];

/** A figure as digits, and a small whole one also in words. What the other language would read otherwise is left out. */
export const figureForms = (value: number, locale: Locale): string[] => [
  ...written(value, locale),
  ...written(value, other[locale]).filter((figure) => !isAmbiguous(figure)),
  ...locales.flatMap((language) => wordsOf(value, language)),
];

export const moneyForms = (
  value: number,
  locale: Locale,
  { currency }: Pick<Manner, 'currency'>,
): string[] => {
  const figures = [
    ...written(value, locale),
    ...written(value, other[locale]).filter((figure) => !isAmbiguous(figure)),
  ];
  const [before, after] = signsOf(currency);
  return figures.flatMap((figure) => [
    figure,
    ...before.map((sign) => `${sign} ${figure}`),
    ...after.map((name) => `${figure} ${name}`),
  ]);
};

type Signs = readonly [before: readonly string[], after: readonly string[]];
const known = new Map<string, Signs>();

/** What stands before and after a sum of a currency. */
const signsOf = (currency: string): Signs => {
  const found = known.get(currency);
  if (found) return found;
  const named = (currencyDisplay: 'symbol' | 'code' | 'name'): string[] =>
    locales.flatMap((locale) =>
      new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay })
        .formatToParts(2)
        .flatMap((part) => (part.type === 'currency' ? [part.value] : [])),
    );
  const names = named('name');
  // "reais brasileiros", "Brazilian reals": people say the one word.
  const after = [...named('code'), ...names, ...names.flatMap((name) => name.split(' '))];
  const before = [...named('symbol'), ...named('code')];
  const signs: Signs = [[...new Set(before.map(keysOf))], [...new Set(after.map(keysOf))]];
  known.set(currency, signs);
  return signs;
};

const units: Readonly<Record<Locale, readonly string[]>> = {
  en: 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  ),
  'pt-BR':
    'zero um dois tres quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis dezessete dezoito dezenove'.split(
      ' ',
    ),
};
const tens: Readonly<Record<Locale, readonly string[]>> = {
  en: 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' '),
  'pt-BR': 'vinte trinta quarenta cinquenta sessenta setenta oitenta noventa'.split(' '),
};
const further: Readonly<Record<number, readonly string[]>> = {
  0: ['nenhum', 'nenhuma', 'no', 'none'],
  1: ['uma'],
  2: ['duas', 'both', 'ambos', 'ambas'],
  14: ['catorze'],
};
const joined: Readonly<Record<Locale, string>> = { en: ' ', 'pt-BR': ' e ' };

const wordsOf = (value: number, locale: Locale): string[] => {
  if (!Number.isInteger(value) || value < 0 || value >= 100) return [];
  const [unit, ten] = [value % 10, Math.floor(value / 10)];
  const word = units[locale][value];
  if (word) return [word, ...(further[value] ?? [])];
  const said = tens[locale][ten - 2] ?? '';
  if (unit === 0) return [said];
  const feminine = locale === 'pt-BR' ? (further[unit]?.slice(0, 1) ?? []) : [];
  return [units[locale][unit] ?? '', ...feminine].map((last) => said + joined[locale] + last);
};

/** Words, folded, that are figures wherever they stand; `um` and `one` are articles and pronouns too. */
export const figureWords: ReadonlySet<string> = new Set(
  [
    ...locales.flatMap((locale) => [...units[locale], ...tens[locale]]),
    ...Object.values(further).flat(),
    ...'cem cento mil meia dúzia metade dobro centena centenas milhar milhares milhão milhões bilhão'.split(
      ' ',
    ),
    ...'bilhões duzentos duzentas trezentos trezentas quatrocentos quatrocentas quinhentos quinhentas'.split(
      ' ',
    ),
    ...'seiscentos seiscentas setecentos setecentas oitocentos oitocentas novecentos novecentas porcento'.split(
      ' ',
    ),
    ...'hundred hundreds thousand thousands million millions billion billions half dozen dozens twice'.split(
      ' ',
    ),
    ...'double couple percent'.split(' '),
  ]
    .map(keysOf)
    .filter((word) => !/^(?:uma?|one|no)$/.test(word)),
);

const firstWord = (name: string): string => name.replace(/ .*$/, '');

const named = (
  date: Temporal.PlainDate,
  locale: Locale,
  styles: readonly Intl.DateTimeFormatOptions[],
): string[] => styles.map((style) => keysOf(date.toLocaleString(locale, style)));

/** By month, from January on: its name and that in short. */
const monthNames = Object.fromEntries(
  locales.map((locale) => [
    locale,
    Array.from({ length: 12 }, (_, index) =>
      named(Temporal.PlainDate.from({ year: 2024, month: index + 1, day: 1 }), locale, [
        { month: 'long' },
        { month: 'short' },
      ]),
    ),
  ]),
) as Record<Locale, string[][]>;

/** By day of the week, from Monday on; people say "sexta" for "sexta-feira". */
const weekdayNames = Object.fromEntries(
  locales.map((locale) => [
    locale,
    Array.from({ length: 7 }, (_, index) =>
      // The first of January 2024 was a Monday.
      named(Temporal.PlainDate.from({ year: 2024, month: 1, day: index + 1 }), locale, [
        { weekday: 'long' },
      ]).flatMap((name) => [...new Set([name, firstWord(name)])]),
    ),
  ]),
) as Record<Locale, string[][]>;

/** A day of the tenant's calendar. */
export const dateForms = (date: Temporal.PlainDate, locale: Locale): string[] => {
  const { year, month, day } = date;
  const days = [...new Set([String(day), two(day)])];
  const dayFirst = [`${day}/${month}`, `${two(day)}/${two(month)}`];
  const monthFirst = [`${month}/${day}`, `${two(month)}/${two(day)}`];
  // 3/5 is another day in the other language; 20/5 is not.
  const isPlain = day > 12;
  const numeric = [
    ...(locale === 'en' || isPlain ? monthFirst : []),
    ...(locale === 'pt-BR' || isPlain ? dayFirst : []),
  ];
  const th = ordinals[plurals.select(day)] ?? 'th';
  const portuguese = (monthNames['pt-BR'][month - 1] ?? []).flatMap((name) => [
    name,
    ...days.flatMap((text) => [`${text} de ${name}`, `${text} ${name}`]),
    `${day} o de ${name}`,
  ]);
  const english = (monthNames.en[month - 1] ?? []).flatMap((name) => [
    name,
    ...days.flatMap((text) => [`${name} ${text}`, `${text} ${name}`]),
    ...[`${name} ${day} ${th}`, `${day} ${th} of ${name}`],
  ]);
  return [
    ...numeric.flatMap((text) => [text, `${text}/${year}`, `${text}/${two(year % 100)}`]),
    ...[`${year}-${two(month)}-${two(day)}`, `${two(month)}/${year}`, String(year)],
    ...days.map((text) => `dia ${text}`),
    ...[`day ${day}`, `the ${day} ${th}`],
    ...locales.flatMap((each) => weekdayNames[each][date.dayOfWeek - 1] ?? []),
    ...portuguese.flatMap((text) => [text, `${text} de ${year}`, `${text} ${year}`]),
    ...english.flatMap((text) => [text, `${text} ${year}`]),
  ];
};

const two = (part: number): string => String(part).padStart(2, '0');
const plurals = new Intl.PluralRules('en', { type: 'ordinal' });
const ordinals: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd' };

export const timeForms = ({ hour, minute }: Temporal.PlainTime): string[] => {
  const hours = [...new Set([String(hour), two(hour)])];
  const twelve = [...new Set([String(hour % 12 || 12), two(hour % 12 || 12)])];
  const halves = hour < 12 ? ['am', 'a m'] : ['pm', 'p m'];
  return [
    ...hours.flatMap((text) => [
      `${text}:${two(minute)}`,
      `${text} h ${two(minute)}`,
      `${text}:${two(minute)} h`,
    ]),
    ...twelve.flatMap((text) => halves.map((half) => `${text}:${two(minute)} ${half}`)),
    ...(minute === 0
      ? [
          ...hours.flatMap((text) => [`${text} h`, `${text} horas`]),
          ...twelve.flatMap((text) => halves.map((half) => `${text} ${half}`)),
          ...(hour === 0 ? ['meia noite', 'midnight'] : []),
          ...(hour === 12 ? ['meio dia', 'noon'] : []),
        ]
      : []),
  ];
};

const long = locales.flatMap((locale) => monthNames[locale].map(([name = '']) => firstWord(name)));

/** Words, folded, that are dates wherever they stand. */
export const dateWords: ReadonlySet<string> = new Set([
  // In small letters these two are verbs.
  ...long.filter((word) => !/^(?:may|march)$/.test(word)),
  ...locales.flatMap((locale) => weekdayNames[locale].flat()).map(firstWord),
  ...'hoje ontem anteontem amanha today yesterday tomorrow tonight noon midnight'.split(' '),
]);

/** Words, folded, that are dates beside a figure, and other words elsewhere. */
export const monthWords: ReadonlySet<string> = new Set([
  ...locales.flatMap((locale) => monthNames[locale].flat()).map(firstWord),
]);

/** Words, folded, that are money of some country. */
export const currencyWords: ReadonlySet<string> = new Set(
  'reais dolar dolares euro euros libra libras peso pesos dollar dollars pound pounds cents centavos'.split(
    ' ',
  ),
);
