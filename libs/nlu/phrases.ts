import { words } from './text.ts';

const says = (phrase: string, sought: string): boolean =>
  phrase.includes(sought.endsWith('*') ? ` ${sought.slice(0, -1)}` : ` ${sought} `);

/** Tells of one phrase after another whether a text says it, which is read once. Phrases are as `mentions` has them. */
export const saidIn = (text: string): ((sought: string) => boolean) => {
  const phrase = ` ${words(text).join(' ')} `;
  return (sought) => says(phrase, sought);
};

/** True when the text says one of the phrases, which are folded; a trailing `*` lets the last word go on: `agend*`. */
export const mentions = (text: string, phrases: readonly string[]): boolean => phrases.some(saidIn(text));
