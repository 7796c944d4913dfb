import { canonical, fold } from './text.ts';

/** The ways in which a text may be read that is not written as it is meant. */

/** Letters of other scripts that look like Latin ones (Unicode TR39, the ones that keyboards have). */
const lookAlikes: Readonly<Record<string, string>> = Object.fromEntries(
  'аa сc еe оo рp хx уy іi ѕs јj ԁd һh вb кk мm нh тt αa οo εe ρp τt ιi υu νv κk ηn ѵv ｌl'
    .split(' ')
    .map((pair) => [...pair] as [string, string]),
);
/** Digits and signs for the letters that they look like. */
const digits: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  '@': 'a',
  $: 's',
};

const foreignLetter = /[\u0370-\u03ff\u0400-\u052f]/;
const digitInWord = /[a-z][013457@$]|[013457@$][a-z]/;
const lettersApart = /(?<![a-z])[a-z](?:[^a-z0-9]{1,2}[a-z](?![a-z])){4,}/g;
const base64 = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const readable = /^[\p{L}\p{N}\p{P}\p{S}\s]{8,}$/u;

const replaced = (text: string, table: Readonly<Record<string, string>>): string =>
  [...text].map((letter) => table[letter] ?? letter).join('');

const rotated = (text: string): string =>
  text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97));

const decoded = (text: string): string[] =>
  (text.match(base64) ?? [])
    .map((piece) => Buffer.from(piece, 'base64').toString())
    .filter((inside) => readable.test(inside))
    .map((inside) => fold(canonical(inside)));

/** Words spelled letter by letter: more than one is no slip. */
export const isSpelledOut = (text: string): boolean => (text.match(lettersApart) ?? []).length > 1;

/** The text folded, and whatever else it can be read as where there is reason to try. Linear in its length. */
export const readings = (text: string): { readonly plain: string; readonly hidden: readonly string[] } => {
  const visible = canonical(text);
  const plain = fold(visible);
  const hidden = [...decoded(visible), rotated(plain)];
  const latin = foreignLetter.test(plain) ? replaced(plain, lookAlikes) : plain;
  if (latin !== plain) hidden.push(latin);
  if (digitInWord.test(latin)) hidden.push(replaced(latin, digits));
  if (lettersApart.test(latin))
    hidden.push(latin.replace(lettersApart, (letters) => letters.replace(/[^a-z]/g, '')));
  lettersApart.lastIndex = 0;
  return { plain, hidden };
};
