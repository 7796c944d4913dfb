import { functionWords, words } from '@jangada/nlu/text.ts';
import { claimsAct } from './claims.ts';
import type { Answer, Manner } from './compose.ts';
import { currencyWords, dateWords, figureWords, monthWords } from './forms.ts';
import { grantedPhrases } from './granted.ts';
import { ordinaryWords, particles, titles } from './ordinary.ts';
import { type Covered, phrasesOf } from './phrases.ts';
import { instructionsIn } from './prompt.ts';
import { type Token, tokensOf } from './tokens.ts';

/**
 * Whether what a model says stands in what was granted. A model can invent, and it can be told to by a question or a row;
 * so every figure, date, sum and name in an answer has to be one of the granted rows or of the question, and a sentence
 * with another is not told. Whose figure it is is not known here, only that there is such a one.
 */
export interface Grounds {
  /** What keeps a text from being told; undefined where nothing does. */
  fault(text: string): Fault | undefined;
}

/**
 * `markup`: what a client might follow, show as something else, or not show. `ungrounded`: what nobody granted. `claim`: that
 * something was carried out. `instructions`: what a model is told for every question.
 */
export type Fault = 'markup' | 'ungrounded' | 'claim' | 'instructions';

const markup = new RegExp(
  [
    // Addresses, with and without a scheme.
    ':\\/\\/',
    '\\b(?:javascript|data|vbscript|mailto|tel|sms):',
    '\\bwww\\.',
    // HTML, and Markdown that is a link, an image or code.
    '<[a-z!/?]',
    '&#?\\w+;',
    '!\\[',
    '\\]\\s*[[(:]',
    '```',
    // What is not seen, or turns about what is: a mark that is left after composing is on nothing that takes one.
    '[\\p{Cf}\\p{Co}\\p{Cs}\\p{Cn}\\p{M}]',
    '(?![\\n\\r\\t])\\p{Cc}',
  ].join('|'),
  'iu',
);

/** Letters on both sides of a dot, as only names of the network have them. */
const dotted = /[\p{L}\p{N}]\.\p{L}{2,}/u;
const outside = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;

/** A figure before what is counted, and elsewhere none. */
const article = /^(?:uma?|one|no)$/;

export const groundsOf = (answer: Answer, manner: Manner): Grounds => {
  const phrases = phrasesOf(grantedPhrases(answer, manner));
  const { nouns, states, count, total, list, more, none, perDay, shares = {} } = manner.wording;
  const sayings = [
    ...[count, total, list, more, none, perDay],
    ...[...Object.values(shares), ...Object.values(states)],
  ];
  const named = Object.values(nouns).flat();
  const nounWords = new Set(named.flatMap(words));
  const ordinary = new Set([
    ...functionWords[answer.locale],
    ...ordinaryWords[answer.locale],
    ...[...named, ...sayings, ...answer.rows.flatMap((row) => Object.keys(row))].flatMap(words),
  ]);
  // People are called so, too.
  for (const word of ['will', 'may']) ordinary.delete(word);
  const texts = answer.rows
    .flatMap((row) => Object.values(row))
    .join('\n')
    .toLowerCase();
  const rowWords = new Set(words(texts));
  const instructions = runsOf(instructionsIn(answer.locale));

  /** Nobody says such a thing without meaning something that is granted or is not. */
  const isClaim = (tokens: readonly Token[], place: number): boolean => {
    const token = tokens[place] as Token;
    const { raw, key, kind } = token;
    const [before, after] = [tokens[place - 1], tokens[place + 1]];
    if (kind === 'sign') return true;
    if (codeLength(tokens, place) > 0) return true;
    if (kind === 'figure') return !isMarker(tokens, place, answer.rows.length);
    if (figureWords.has(key) || dateWords.has(key) || currencyWords.has(key)) return true;
    if (monthWords.has(key) && (before?.kind === 'figure' || after?.kind === 'figure')) return true;
    if (article.test(key) && nounWords.has(after?.key ?? '')) return true;
    if (/\P{Script=Latin}/u.test(raw)) return true;
    const isAddressed = titles.has(before?.key ?? '') && !titles.has(key);
    return isCapital(token) ? isAddressed || !ordinary.has(key) : isAddressed && !ordinary.has(key);
  };

  return {
    fault: (said) => {
      const text = said.normalize('NFKC');
      if (markup.test(text)) return 'markup';
      for (const word of text.split(/\s+/))
        if (dotted.test(word) && !texts.includes(word.replace(outside, '').toLowerCase())) return 'markup';
      if (claimsAct(text, (word) => ordinary.has(word) || rowWords.has(word))) return 'claim';
      if (!runsOf(text).isDisjointFrom(instructions)) return 'instructions';
      const tokens = tokensOf(text);
      let before: Piece | undefined;
      for (let place = 0; place < tokens.length; ) {
        if (!isClaim(tokens, place)) {
          place++;
          continue;
        }
        const covered = phrases.at(tokens, place);
        if (!covered || (before && isPieced(before, tokens, place, covered))) return 'ungrounded';
        // Of a text that it stands in it is the article.
        if (article.test(tokens[place]?.key ?? '') && covered.kind !== 'figure') return 'ungrounded';
        if (covered.length < codeLength(tokens, place)) return 'ungrounded';
        const end = place + covered.length;
        if (isGlued(tokens, place) || isGlued(tokens, end)) return 'ungrounded';
        before = { ...covered, end };
        place = end;
      }
      return undefined;
    },
  };
};

/** So many words in a row are nobody's by chance. */
const runLength = 6;

const runsOf = (text: string): ReadonlySet<string> => {
  const all = words(text);
  return new Set(all.slice(runLength - 1).map((_word, at) => all.slice(at, at + runLength).join(' ')));
};

interface Piece extends Covered {
  /** The place after it. */
  readonly end: number;
}

/** A name made of parts of others, or a figure made of others' digits, is no less invented. */
const isPieced = (before: Piece, tokens: readonly Token[], place: number, covered: Covered): boolean => {
  const between = tokens.slice(before.end, place);
  const isClose = tokens.slice(before.end, place + 1).every(({ gap }) => /^[\s'’-]*$/.test(gap));
  const [last, next] = [tokens[before.end - 1], tokens[place]];
  if (!isClose || between.length > 1) return false;
  if (last?.kind === 'figure' && next?.kind === 'figure')
    return between.length === 0 && before.kind !== 'date' && covered.kind !== 'date';
  if (!isCapital(last) || !isCapital(next)) return false;
  return between.length === 0
    ? !before.isWhole || !covered.isWhole
    : !before.isWhole && !covered.isWhole && particles.has(between[0]?.key ?? '');
};

const isCapital = (token: Token | undefined): boolean =>
  token?.kind === 'word' && token.raw.toLowerCase() !== token.raw;

/** Tokens of what is written as one, from a word on, with a figure in it: A100, us-east-1. 0 where none begins. */
const codeLength = (tokens: readonly Token[], place: number): number => {
  const isJoined = (at: number): boolean => at > 0 && /^[-_]?$/.test(tokens[at]?.gap ?? ' ');
  if (tokens[place]?.kind !== 'word' || isJoined(place)) return 0;
  let end = place + 1;
  while (isJoined(end)) end++;
  return tokens.slice(place, end).some(({ kind }) => kind === 'figure') ? end - place : 0;
};

/** A figure that a letter is stuck to is another one: 2k, x2. */
const isGlued = (tokens: readonly Token[], place: number): boolean => {
  const kinds = [tokens[place - 1]?.kind, tokens[place]?.kind];
  return tokens[place]?.gap === '' && kinds.includes('figure') && kinds.includes('word');
};

/** The number of an item in a list. */
const isMarker = (tokens: readonly Token[], place: number, items: number): boolean => {
  const token = tokens[place];
  const opens = place === 0 ? /^\s*$/.test(token?.gap ?? '') : /\n\s*$/.test(token?.gap ?? '');
  const next = tokens[place + 1]?.gap;
  return opens && (next === undefined || /^[.)]\s/.test(next)) && Number(token?.raw) <= items;
};
