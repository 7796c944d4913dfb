import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { barriersIn, installed, look, openBrowser, picture } from './browser.ts';
import { type Journey, sharedJourney } from './journey.ts';
import { playConfirmation } from './played.ts';
import { type Visitors, visitorsOf } from './visitors.ts';

/** The web console, in a browser: people come in, ask, and look at what became of it. */

if (!installed) console.warn('The console was NOT tried in a browser: there is no Chromium on the PATH');

let journey: Journey;
let browser: Browser;
let visitors: Visitors;

// A browser takes its time where much else runs.
describe.skipIf(!installed)('the console', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    journey = await sharedJourney();
    browser = await openBrowser();
    visitors = visitorsOf(browser, journey.system);
    // One who administers and has set up nothing yet.
    await journey.sql(
      `insert into accounts (id, tenant_id, alias, email, password_hash, role)
       select 'clinica-aurora-auditor', tenant_id, 'auditor', 'auditor@clinica-aurora.example', password_hash, role
       from accounts where id = 'clinica-aurora-admin'`,
    );
  });
  afterEach(async () => expect(await visitors.leave()).toEqual([]));
  afterAll(() => browser?.close());

  /** What audit keeps of the last such fact of the one who administers, once it does. */
  const kept = (fact: string): Promise<object> =>
    until(`audit to keep ${fact}`, async () => {
      const [entry] = await journey.sql<{ details: object }>(
        `select details from audit_entries where fact = $1 and actor = 'clinica-aurora-auditor' order by at desc`,
        [fact],
      );
      return entry?.details;
    });

  test('takes a password and a second factor, which who administers sets up first, and opens their pages', async () => {
    const { password } = visitors.accountOf('admin');
    const page = await visitors.open('en');
    await visitors.signIn(page, 'en', 'auditor@clinica-aurora.example', 'a wrong one');
    await page.getByRole('alert').getByText('AUTH_INVALID').waitFor();
    await picture(page, 'sign-in');
    await visitors.signIn(page, 'en', 'auditor@clinica-aurora.example', password);
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
    await visitors.signIn(page, 'en', 'auditor@clinica-aurora.example', password);
    await page.getByLabel('Code').fill(totpAt(secret, Date.now()));
    await picture(page, 'second-factor');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('two factors').waitFor();
    await look(page, 'greeting');

    // Data-access may not read for a moment, and so gives one message up.
    await journey.sql('revoke purpose_care from app_tenant_care');
    const failed = await (await journey.as('admin')).query('histórico do cliente Diego Melo');
    expect(failed).toMatchObject({ status: 500, code: 'INTERNAL' });
    await journey.sql('grant purpose_care to app_tenant_care');
    await journey.sql(
      `insert into legal_holds values ('clinica-aurora', 'billing_data', 'held in a lawsuit', now(), null)`,
    );

    await visitors.ask(page, 'en', 'how many appointments do I have today?');
    await page.getByRole('link', { name: 'How this was answered' }).click();
    await page.getByRole('row', { name: /^response-generation answered/ }).waitFor();
    expect(await page.getByRole('row', { name: /^(intent|permission|data-access) / }).count()).toBe(3);
    await look(page, 'run');
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    await page.getByLabel('Whose').selectOption('all');
    await page.getByRole('cell', { name: /^clinica-aurora-auditor/ }).waitFor();
    await look(page, 'runs');
    await page.getByRole('link', { name: 'Operations' }).click();
    await page.getByRole('row', { name: /^data-access ready closed 0 0/ }).waitFor();
    await page.getByRole('row', { name: /^ai-user/ }).waitFor();
    await page.getByRole('row', { name: /^AI_AGENT_PUBLIC_ENABLED true edge/ }).waitFor();
    await look(page, 'operations');

    const letter = page.getByRole('row').filter({ hasText: failed.runId.slice(0, 8) });
    await letter.getByText('run.permitted').waitFor();
    await letter.getByRole('button', { name: 'Replay' }).click();
    await look(page, 'replay');
    await letter.getByRole('button', { name: 'Yes, replay' }).click();
    await letter.getByText('on its way').waitFor();
    expect(await kept('letter.replayed')).toMatchObject({ message: 'run.permitted', run: failed.runId });

    await page.getByRole('link', { name: 'Retention' }).click();
    await page.getByRole('row', { name: 'clinical records 25 years' }).waitFor();
    await page.getByRole('row', { name: /^billing held in a lawsuit/ }).waitFor();
    await look(page, 'retention');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByLabel('Who').fill('clinica-aurora-auditor');
    await page.getByLabel('Decision').selectOption('denied');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('row', { name: /auth\.denied denied\s*AUTH_INVALID/ }).waitFor();
    expect(await kept('trail.viewed')).toMatchObject({ what: expect.stringMatching(/^(runs|audit)$/) });
    await look(page, 'audit');
  });

  test('tells an answer, and after a reload what was told before, to who signs in again', async () => {
    const { email, password } = visitors.accountOf('professional');
    const page = await visitors.open('pt-BR');
    await visitors.signIn(page, 'pt-BR', email, password);
    await visitors.ask(page, 'pt-BR', 'consultas de amanhã');
    const row = page.getByRole('row').first();
    await row.waitFor();
    const first = await row.textContent();
    await visitors.ask(page, 'pt-BR', 'qual é a cor do céu?');
    await page.getByText('INTENT_UNCLASSIFIED').waitFor();
    await look(page, 'answers');

    // Who does not administer has no pages for it.
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Perguntas',
      'Execuções',
    ]);

    await page.reload();
    await visitors.signIn(page, 'pt-BR', email, password);
    await row.waitFor();
    expect(await row.textContent()).toBe(first);
    await page.getByText('consultas de amanhã').waitFor();
    await page.getByRole('article').getByText('Nenhuma resposta desta pergunta').waitFor();
  });

  test('draws figures of days, names their sources, takes what somebody thinks of it, and lets them go on asking', async () => {
    const { email, password } = visitors.accountOf('professional');
    const page = await visitors.open('pt-BR');
    await visitors.signIn(page, 'pt-BR', email, password);
    await visitors.ask(page, 'pt-BR', 'quantas consultas por dia este mês?');
    await page.getByRole('img', { name: /^Gráfico de \d+ dias/ }).waitFor();
    await page.locator('summary', { hasText: 'Como tabela' }).click();
    await page.getByRole('columnheader', { name: 'Dia' }).waitFor();
    await page.locator('summary', { hasText: 'Fontes' }).click();
    await page.getByText('appointments', { exact: true }).waitFor();

    // No edge takes it yet.
    const given: unknown[] = [];
    await page.route('**/v1/agui/assistant/runs/*/feedback', async (route) => {
      given.push(route.request().postDataJSON());
      await route.fulfill({ status: 204 });
    });
    await page.getByRole('button', { name: 'Resposta boa' }).click();
    await page.getByLabel('O que devemos saber').fill('clara');
    await look(page, 'series');
    await page.getByRole('button', { name: 'Enviar avaliação' }).click();
    await page.getByText('Obrigado pela avaliação.').waitFor();
    expect(given).toEqual([{ rating: 5, comment: 'clara' }]);

    await page.getByLabel('Sua pergunta').press('ArrowUp');
    expect(await page.getByLabel('Sua pergunta').inputValue()).toBe('quantas consultas por dia este mês?');
  });

  test('asks before a run goes on, also after a reload, and says what was answered', async () => {
    const { email, password } = visitors.accountOf('professional');
    const page = await visitors.open('pt-BR');
    const answers = await playConfirmation(page, 'consultas de Heitor Alves');
    await visitors.signIn(page, 'pt-BR', email, password);
    await visitors.ask(page, 'pt-BR', 'consultas de Heitor Alves');
    const card = page.getByRole('form', { name: 'Isto precisa da sua confirmação' });
    await card.waitFor();
    await page.reload();
    await visitors.signIn(page, 'pt-BR', email, password);
    await card.getByLabel('Motivo').selectOption('life');
    await card.getByLabel('Explicação').fill('desacordada');
    await look(page, 'confirmation');
    await card.getByRole('button', { name: 'Sim, continuar' }).click();
    await page.getByText('Você confirmou isto').waitFor();
    await page.getByText('Aberto por uma hora.', { exact: true }).waitFor();
    await look(page, 'confirmed');
    const payload = { confirmed: true, reason: 'life', explanation: 'desacordada' };
    expect(answers).toEqual([{ interruptId: 'interrupt-1', status: 'resolved', payload }]);
  });

  test('keeps in the browser neither a token nor what was asked or told', async () => {
    const { email, password } = visitors.accountOf('professional');
    const page = await visitors.open('pt-BR');
    await visitors.signIn(page, 'pt-BR', email, password);
    await visitors.ask(page, 'pt-BR', 'consultas de Ana Lima');
    await page.getByText('Como isto foi respondido').waitFor();
    const kept = await page.evaluate(() =>
      [localStorage, sessionStorage].flatMap((store) => Object.values({ ...store })).join('\n'),
    );
    expect(kept).not.toMatch(/eyJ|Ana|Lima|consulta/);
    expect(await page.context().cookies()).toEqual([]);
  });

  test('stops an answer that takes long', async () => {
    const { email, password } = visitors.accountOf('professional');
    const page = await visitors.open('en');
    await visitors.signIn(page, 'en', email, password);
    await page.getByLabel('Your question').waitFor();
    await using rows = await journey.lock('appointments');
    await visitors.ask(page, 'en', 'how many appointments do I have today?');
    await rows.caught('data-access');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('article').getByText('You stopped this answer.').waitFor();
  });

  test('speaks the language and wears the theme that were chosen, also the next time', async () => {
    const page = await visitors.open('pt-BR');
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
