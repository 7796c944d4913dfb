import type { Browser, Page } from 'playwright-core';
import type { Account } from '../seed.ts';
import type { System } from '../system.ts';
import { type Tab, visit } from './browser.ts';

/** People at the console of a system. */
export interface Visitors {
  accountOf(alias: string): Account;
  /** Somebody whose browser speaks a language. */
  open(locale: Locale): Promise<Page>;
  signIn(page: Page, locale: Locale, email: string, password: string): Promise<void>;
  ask(page: Page, locale: Locale, question: string): Promise<void>;
  /** Closes every tab, and tells what the browsers held against their pages. */
  leave(): Promise<readonly string[]>;
}

const words = {
  'pt-BR': { password: 'Senha', enter: 'Entrar', question: 'Sua pergunta' },
  en: { password: 'Password', enter: 'Sign in', question: 'Your question' },
} as const;
type Locale = keyof typeof words;

export const visitorsOf = (browser: Browser, { accounts, local }: System): Visitors => {
  const tabs: Tab[] = [];
  return {
    accountOf: (alias) => {
      const account = accounts.find((known) => known.alias === alias);
      if (!account) throw new Error(`there is no account ${alias}`);
      return account;
    },
    open: async (locale) => {
      const tab = await visit(browser, local.edgeUrl, { locale, colorScheme: 'light' });
      tabs.push(tab);
      return tab.page;
    },
    signIn: async (page, locale, email, password) => {
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel(words[locale].password).fill(password);
      await page.getByRole('button', { name: words[locale].enter }).click();
    },
    ask: async (page, locale, question) => {
      await page.getByLabel(words[locale].question).fill(question);
      await page.keyboard.press('Enter');
    },
    leave: async () => {
      const complaints = tabs.flatMap((tab) => tab.complaints);
      await Promise.all(tabs.splice(0).map(({ page }) => page.context().close()));
      return complaints;
    },
  };
};
