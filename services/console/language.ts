import { createContext, use } from 'react';
import type { Language } from './preferences.ts';
import { en, type Words } from './words/en.ts';
import { pt } from './words/pt.ts';

export const wordsIn: Readonly<Record<Language, Words>> = { 'pt-BR': pt, en };

export const LanguageContext = createContext<Language>('en');

/** The language that is shown, and its words. */
export const useLanguage = (): { language: Language; words: Words } => {
  const language = use(LanguageContext);
  return { language, words: wordsIn[language] };
};
