import { words } from './text.ts';

const says = (phrase: string, sought: string): boolean =>
  phrase.includes(sought.endsWith('*') ? ` ${sought.slice(0, -1)}` : ` ${sought} `);

/** True when the text says one of the phrases, which are folded; a trailing `*` lets the last word go on: `agend*`. */
export const mentions = (text: string, phrases: readonly string[]): boolean => {
  const phrase = ` ${words(text).join(' ')} `;
  return phrases.some((sought) => says(phrase, sought));
};
