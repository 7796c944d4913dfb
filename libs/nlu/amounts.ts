import { fold, functionWords, type Language } from './text.ts';

export type Currency = 'BRL' | 'USD' | 'EUR';
export type Comparison = 'over' | 'under' | 'exactly';

export interface Amount {
  /** In minor units: cents. */
  readonly value: number;
  readonly currency: Currency | undefined;
  /** Over and under leave the value itself out; "at least 500" is over 499.99. */
  readonly comparison: Comparison;
  /** Offsets in the text given, the words of comparison and the currency included. */
  readonly start: number;
  readonly end: number;
}

interface Wording {
  readonly comparison: Comparison;
  /** Cents to add when the wording includes the value, as "at least" does. */
  readonly shift: number;
  readonly phrase: string;
}

const more =
  '(?:mais|maior(?:es)?) (?:d[eo] que|d[eo]|que)|superior(?:es)? a|(?:more|greater|higher|larger) than';
const less = '(?:menos|menor(?:es)?) (?:d[eo] que|d[eo]|que)|inferior(?:es)? a|(?:less|lower|smaller) than';
const wordings: readonly Wording[] = [
  { comparison: 'over', shift: -1, phrase: 'a partir de|no minimo|ao menos|pelo menos|at least|>=|≥' },
  { comparison: 'under', shift: 1, phrase: 'ate|no maximo|at most|up to|<=|≤' },
  { comparison: 'over', shift: 0, phrase: `acima d[eo]s?|${more}|over|above|exceeding|>` },
  { comparison: 'under', shift: 0, phrase: `abaixo d[eo]s?|${less}|under|below|<` },
  { comparison: 'exactly', shift: 0, phrase: 'exatamente|exactly|igual a|equal to' },
];
const exactly: Wording = { comparison: 'exactly', shift: 0, phrase: '' };

const currencies: readonly { readonly currency: Currency; readonly sign: RegExp }[] = [
  { currency: 'BRL', sign: /^(?:r\$|brl|real|reais)$/ },
  { currency: 'USD', sign: /^(?:us\$|usd|dolar|dolares|dollars?)$/ },
  { currency: 'EUR', sign: /^(?:€|eur|euros?)$/ },
];
/** A bare `$` is the money of the place where the language is spoken. */
const dollarSign: Readonly<Record<Language, Currency>> = { 'pt-BR': 'BRL', en: 'USD' };

const scales = new Map([
  ['k', 1e3],
  ['mil', 1e3],
  ['thousand', 1e3],
  ['milhao', 1e6],
  ['milhoes', 1e6],
  ['million', 1e6],
]);

const expression = new RegExp(
  [
    '(?<![a-z0-9]|\\d[.,/:-])',
    `(?:(?:${wordings.map(({ phrase }, index) => `(?<wording${index}>${phrase})`).join('|')}|(?<between>entre|between)) ?)?`,
    '(?:(?<before>r\\$|us\\$|\\$|€|brl|usd|eur) ?)?',
    '(?<number>\\d{1,12}(?:[.,]\\d{1,3}){0,4})',
    `(?: ?(?<scale>${[...scales.keys()].join('|')})(?![a-z]))?`,
    '(?: (?:de )?(?<after>reais|real|dolar(?:es)?|dollars?|euros?|brl|usd|eur)(?![a-z])| ?(?<sign>€))?',
    '(?![a-z0-9%]|[.,/:-]\\d)',
  ].join(''),
  'g',
);

function currencyOf(sign: string | undefined, language: Language): Currency | undefined {
  if (sign === '$') return dollarSign[language];
  return currencies.find((each) => sign !== undefined && each.sign.test(sign))?.currency;
}

/** Cents of a number written either way: a last separator with one or two digits after it parts the decimals. */
function centsOf(number: string, scale: number): number {
  const [, whole = '', decimals = ''] = /^(.*?)(?:[.,](\d\d?))?$/.exec(number) ?? [];
  return Math.round(Number(`${whole.replace(/[.,]/g, '')}.${decimals}`) * scale * 100);
}

/** True unless a noun follows: "more than 3 visits" counts, it does not cost. */
function standsAlone(folded: string, end: number, language: Language): boolean {
  const next = /^ ([a-z]+)/.exec(folded.slice(end, end + 24))?.[1];
  return next === undefined || (next !== 'de' && next !== 'of' && functionWords[language].has(next));
}

/**
 * The sums of money a canonical text names. A number without a currency is one only after a comparison
 * ("menos de 300") and before no noun.
 */
export function findAmounts(text: string, language: Language): Amount[] {
  const folded = fold(text);
  const amounts: Amount[] = [];
  let opened: Amount | undefined;
  for (const match of folded.matchAll(expression)) {
    const { number = '', scale = '', before, after, sign, between, ...slots } = match.groups ?? {};
    const start = match.index;
    const end = start + match[0].length;
    const currency = currencyOf(before ?? after ?? sign, language);
    const value = centsOf(number, scales.get(scale) ?? 1);
    if (between !== undefined) {
      opened = { value: value - 1, currency, comparison: 'over', start, end };
      continue;
    }
    if (opened && currency && /^ (?:e|and) $/.test(folded.slice(opened.end, start))) {
      amounts.push({ ...opened, currency: opened.currency ?? currency });
      amounts.push({ value: value + 1, currency, comparison: 'under', start, end });
      opened = undefined;
      continue;
    }
    opened = undefined;
    const wording = wordings.find((_, index) => slots[`wording${index}`] !== undefined) ?? exactly;
    const compares = wording !== exactly && wording.shift === 0;
    if (currency === undefined && !(compares && standsAlone(folded, end, language))) continue;
    amounts.push({ value: value + wording.shift, currency, comparison: wording.comparison, start, end });
  }
  return amounts;
}
