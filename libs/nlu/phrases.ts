import { words } from './text.ts';

const says = (phrase: string, sought: string): boolean =>
  phrase.includes(sought.endsWith('*') ? ` ${sought.slice(0, -1)}` : ` ${sought} `);

/** How many of the phrases the text says, as `mentions` has it. */
export const mentioned = (text: string, phrases: readonly string[]): number => {
  const phrase = ` ${words(text).join(' ')} `;
  return phrases.filter((sought) => says(phrase, sought)).length;
};

/** True when the text says one of the phrases, which are folded; a trailing `*` lets the last word go on: `agend*`. */
export const mentions = (text: string, phrases: readonly string[]): boolean => {
  const phrase = ` ${words(text).join(' ')} `;
  return phrases.some((sought) => says(phrase, sought));
};
