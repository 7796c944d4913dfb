import { totpAt } from '@jangada/trust/totp.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { barriersIn, installed, openBrowser, picture, type Tab, visit } from './browser.ts';
import { type Journey, sharedJourney } from './journey.ts';

/** The web console, in a browser: people come in, ask, and look at what became of it. */

if (!installed) console.warn('The console was NOT tried in a browser: there is no Chromium on the PATH');

let journey: Journey;
let browser: Browser;
const tabs: Tab[] = [];

const accountOf = (alias: string) => {
  const account = journey.system.accounts.find((known) => known.alias === alias);
  if (!account) throw new Error(`there is no account ${alias}`);
  return account;
};

const words = {
  'pt-BR': { password: 'Senha', enter: 'Entrar', question: 'Sua pergunta', stop: 'Parar' },
  en: { password: 'Password', enter: 'Sign in', question: 'Your question', stop: 'Stop' },
} as const;

const open = async (locale: keyof typeof words): Promise<Page> => {
  const tab = await visit(browser, journey.system.local.edgeUrl, { locale, colorScheme: 'light' });
  tabs.push(tab);
  return tab.page;
};

const signIn = async (page: Page, locale: keyof typeof words, email: string, password: string) => {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel(words[locale].password).fill(password);
  await page.getByRole('button', { name: words[locale].enter }).click();
};

const ask = async (page: Page, locale: keyof typeof words, question: string) => {
  await page.getByLabel(words[locale].question).fill(question);
  await page.keyboard.press('Enter');
};

// A browser takes its time where much else runs.
describe.skipIf(!installed)('the console', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    journey = await sharedJourney();
    browser = await openBrowser();
    // One who administers and has set up nothing yet.
    await journey.sql(
      `insert into accounts (id, tenant_id, alias, email, password_hash, role)
       select 'clinica-aurora-auditor', tenant_id, 'auditor', 'auditor@clinica-aurora.example', password_hash, role
       from accounts where id = 'clinica-aurora-admin'`,
    );
  });
  afterEach(async () => {
    const complaints = tabs.flatMap((tab) => tab.complaints);
    await Promise.all(tabs.splice(0).map(({ page }) => page.context().close()));
    expect(complaints).toEqual([]);
  });
  afterAll(() => browser?.close());

  test('takes a password and a second factor, which who administers sets up first, and opens their pages', async () => {
    const { password } = accountOf('admin');
    const page = await open('en');
    await signIn(page, 'en', 'auditor@clinica-aurora.example', 'a wrong one');
    await page.getByRole('alert').getByText('AUTH_INVALID').waitFor();
    await picture(page, 'sign-in');
    await signIn(page, 'en', 'auditor@clinica-aurora.example', password);
    await page.getByRole('img', { name: 'QR code' }).locator('path[d^=M]').waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'enrolment');
    const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
    await page.getByLabel('Then enter').fill(totpAt(secret, Date.now() - 30_000));
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByLabel('I have kept them').check();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('two factors').waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'en', 'auditor@clinica-aurora.example', password);
    await page.getByLabel('Code').fill(totpAt(secret, Date.now()));
    await picture(page, 'second-factor');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('two factors').waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'greeting');

    await ask(page, 'en', 'how many appointments do I have today?');
    await page.getByRole('link', { name: 'How this was answered' }).click();
    await page.getByRole('row', { name: /^response-generation answered/ }).waitFor();
    expect(await page.getByRole('row', { name: /^(intent|permission|data-access) / }).count()).toBe(3);
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'run');
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    await page.getByLabel('Whose').selectOption('all');
    await page.getByRole('cell', { name: /^clinica-aurora-auditor/ }).waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'runs');
    await page.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('row', { name: /^data-access ready closed 0 0/ }).waitFor();
    await page.getByRole('row', { name: /^ai-user/ }).waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'operations');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByLabel('Who').fill('clinica-aurora-auditor');
    await page.getByLabel('Decision').selectOption('denied');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('row', { name: /auth\.denied denied\s*AUTH_INVALID/ }).waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'audit');
  });

  test('tells an answer, and after a reload what was told before, to who signs in again', async () => {
    const { email, password } = accountOf('professional');
    const page = await open('pt-BR');
    await signIn(page, 'pt-BR', email, password);
    await ask(page, 'pt-BR', 'consultas de amanhã');
    const row = page.getByRole('row').first();
    await row.waitFor();
    const first = await row.textContent();
    await ask(page, 'pt-BR', 'qual é a cor do céu?');
    await page.getByText('INTENT_UNCLASSIFIED').waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'answers');

    // Who does not administer has no pages for it.
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Perguntas',
      'Execuções',
    ]);

    await page.reload();
    await signIn(page, 'pt-BR', email, password);
    await row.waitFor();
    expect(await row.textContent()).toBe(first);
    await page.getByText('consultas de amanhã').waitFor();
    await page.getByRole('article').getByText('Nenhuma resposta desta pergunta').waitFor();
  });

  test('keeps in the browser neither a token nor what was asked or told', async () => {
    const { email, password } = accountOf('professional');
    const page = await open('pt-BR');
    await signIn(page, 'pt-BR', email, password);
    await ask(page, 'pt-BR', 'consultas de Ana Lima');
    await page.getByText('Como isto foi respondido').waitFor();
    const kept = await page.evaluate(() =>
      [localStorage, sessionStorage].flatMap((store) => Object.values({ ...store })).join('\n'),
    );
    expect(kept).not.toMatch(/eyJ|Ana|Lima|consulta/);
    expect(await page.context().cookies()).toEqual([]);
  });

  test('stops an answer that takes long', async () => {
    const { email, password } = accountOf('professional');
    const page = await open('en');
    await signIn(page, 'en', email, password);
    await page.getByLabel('Your question').waitFor();
    await using rows = await journey.lock('appointments');
    await ask(page, 'en', 'how many appointments do I have today?');
    await rows.caught('data-access');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('article').getByText('You stopped this answer.').waitFor();
  });

  test('speaks the language and wears the theme that were chosen, also the next time', async () => {
    const page = await open('pt-BR');
    await page.getByRole('combobox', { name: 'Idioma' }).selectOption('en');
    await page.getByRole('combobox', { name: 'Colours' }).selectOption('dark');
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await barriersIn(page)).toEqual([]);
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(18, 23, 26)',
    );
  });
});
