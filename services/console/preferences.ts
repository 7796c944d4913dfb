/** Language and colours, remembered by this browser. Nothing else is kept beyond a tab. */

export type Language = 'pt-BR' | 'en';
export type Theme = 'system' | 'light' | 'dark';

export const languages: readonly Language[] = ['pt-BR', 'en'];
export const themes: readonly Theme[] = ['system', 'light', 'dark'];

const kept = <T extends string>(key: string, among: readonly T[]): T | undefined => {
  const value = localStorage.getItem(`jangada.${key}`);
  return among.find((one) => one === value);
};

export const languageOf = (): Language =>
  kept('language', languages) ?? (navigator.language.startsWith('pt') ? 'pt-BR' : 'en');

export const themeOf = (): Theme => kept('theme', themes) ?? 'system';

export const keepLanguage = (language: Language): void => localStorage.setItem('jangada.language', language);

/** Shows the page in a theme from now on; `system` follows the machine. */
export const keepTheme = (theme: Theme): void => {
  localStorage.setItem('jangada.theme', theme);
  showTheme(theme);
};

export const showTheme = (theme: Theme): void => {
  const { dataset } = document.documentElement;
  if (theme === 'system') delete dataset['theme'];
  else dataset['theme'] = theme;
};
