import { readFileSync } from 'node:fs';
import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { barriersIn, installed, look, openBrowser, picture } from './browser.ts';
import { type Journey, sharedJourney, webhookEndpoint } from './journey.ts';
import { comeBackTo } from './past.ts';
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
    // One who administers and one who cares for the same people as the demo's, who have set up nothing yet.
    for (const [name, person, of] of [
      ['auditor', null, 'admin'],
      ['doctor', 'pro-doctor', 'professional'],
    ])
      await journey.sql(
        `insert into accounts (id, tenant_id, alias, email, password_hash, role, person_id)
         select 'clinica-aurora-' || $1, tenant_id, $1, $1 || '@clinica-aurora.example', password_hash, role, $2
         from accounts where id = 'clinica-aurora-' || $3`,
        [name, person, of],
      );
    await journey.sql(
      `insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to)
       select tenant_id, 'pro-doctor', subject_id, basis, valid_from, valid_to from care_relationships
       where tenant_id = 'clinica-aurora' and provider_id = 'pro-1' and basis <> 'break_glass'`,
    );
    // Somebody of long ago.
    const old = `'clinica-aurora', 'cli-old'`;
    await journey.sql(
      `with person as (insert into clients (tenant_id, id, name, name_search, created_at) values (${old}, 'Ida Antiga', 'ida antiga', '1990-01-01')),
         record as (insert into aesthetic_records (tenant_id, id, client_id, kind, recorded_at) values (${old}, 'cli-old', 'note', '1990-01-01'))
       insert into billing (tenant_id, id, client_id, kind, status, amount, issued_at) values (${old}, 'cli-old', 'charge', 'paid', 1, '1990-01-01')`,
    );
  });
  /** Somebody who cares for people, and has come in with a password. */
  const comeIn = async (locale: 'pt-BR' | 'en'): Promise<Page> => {
    const page = await visitors.open(locale);
    await enter(page, locale);
    return page;
  };
  const enter = (page: Page, locale: 'pt-BR' | 'en'): Promise<void> =>
    visitors.signIn(
      page,
      locale,
      'doctor@clinica-aurora.example',
      visitors.accountOf('professional').password,
    );
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
    await page.getByLabel('Then enter').fill(totpAt(secret, Date.now()));
    await page.getByRole('button', { name: 'Set up' }).click();
    await page.getByLabel('I have kept them').check();
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('two factors').waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await visitors.signIn(page, 'en', 'auditor@clinica-aurora.example', password);
    await page.getByLabel('Code').fill(totpAt(secret, Date.now() + 30_000));
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
    await journey.sql(
      `insert into retention_plans (tenant_id, tick, class, policy, before, asked_by, planned_at, planned, rows_then, root, needs)
       values ('clinica-aurora', 'looked-at', 'billing_data', 'another', now(), 'operator', now() + interval '1 hour', 0, 9, sha256(''), 'share')`,
    );
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('button', { name: 'Approve the removal of billing' }).click();
    await look(page, 'retention-approval');
    await page.getByRole('button', { name: 'Yes, approve' }).click();
    await page.getByRole('row', { name: /^billing 0 9 is being carried out/ }).waitFor();
    expect(
      await journey.sql(`select class, approved_by from retention_approvals where tick = 'looked-at'`),
    ).toEqual([{ class: 'billing_data', approved_by: 'clinica-aurora-auditor' }]);
    await journey.sql(`delete from retention_plans where tick = 'looked-at'`);
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByLabel('Who').fill('clinica-aurora-auditor');
    await page.getByLabel('Decision').selectOption('denied');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('row', { name: /auth\.denied denied\s*AUTH_INVALID/ }).waitFor();
    expect(await kept('trail.viewed')).toMatchObject({ what: expect.stringMatching(/^(runs|audit)$/) });
    await look(page, 'audit');

    await page.getByRole('link', { name: 'Your data' }).click();
    await page.getByLabel('What you want').selectOption('portability');
    await page.getByLabel('About whom').fill('cli-2');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    const request = page.getByRole('row', { name: /^A copy to take elsewhere/ });
    await request.waitFor();
    await until('the outcome', async () => {
      await journey.jangada('privacy', 'run', '--tenant', 'clinica-aurora');
      const [row] = await journey.sql<{ state: string }>(
        `select state from privacy_requests where opened_by = 'clinica-aurora-auditor'`,
      );
      return row?.state === 'delivered';
    });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await request.getByText('ready to fetch').first().waitFor();
    await request.getByText('Step 7 of 8').click();
    await request.getByText(/kinds? of data/).click();
    await look(page, 'privacy');
    const handed = page.waitForEvent('download');
    await request.getByRole('button', { name: 'Fetch' }).click();
    const files = unzipSync(readFileSync(await (await handed).path()));
    expect(Object.keys(files)).toContain('data.ndjson');
    await until('the button to go', async () => (await request.getByRole('button').count()) === 0);

    // Somebody else has asked for what a person has to look at first, and its bills were passed on. The lawsuit is over.
    await journey.sql(`update legal_holds set released_at = now() where tenant_id = 'clinica-aurora'`);
    const asked = await journey.jangada(
      'privacy',
      'open',
      'deletion',
      '--subject',
      'cli-old',
      '--as',
      'admin',
    );
    expect(asked.code).toBe(0);
    const endpoint = await webhookEndpoint();
    endpoint.behave({ status: 410 });
    const carriedOut = (state: string) =>
      until(`the deletion to be ${state}`, async () => {
        await journey.jangada('privacy', 'run', '--tenant', 'clinica-aurora');
        const [row] = await journey.sql<{ state: string }>(
          `select state from privacy_requests where opened_by = 'clinica-aurora-admin' and type = 'deletion'`,
        );
        return row?.state === state;
      });
    await carriedOut('legal_review');
    await page.getByRole('button', { name: 'Refresh' }).click();
    const review = page.getByRole('table', { name: 'Waiting for somebody' }).getByRole('row').last();
    await review.getByText(/kinds? of data/).click();
    await review.getByLabel('Basis').fill('LGPD, art. 18, VI');
    await look(page, 'privacy-review');
    await review.getByRole('button', { name: 'Approve: deletion' }).click();
    await page.getByText('Nothing waits for a review').waitFor();
    await carriedOut('delivered');
    // They are told only after that.
    await until('their refusal', async () => {
      await page.getByRole('button', { name: 'Refresh' }).click();
      return (await review.getByText('takes no word of it').count()) === 1;
    });
    await review.getByRole('button', { name: 'They were told' }).click();
    await look(page, 'privacy-recipient');
    await review.getByRole('button', { name: 'Yes, they were told' }).click();
    await page.getByText('Nothing waits for a review').waitFor();
    endpoint.behave({ status: 204 });
    expect(
      await journey.sql(`select recipients->0->'told'->>'by' as by, review_basis from privacy_requests
        where opened_by = 'clinica-aurora-admin' and type = 'deletion'`),
    ).toEqual([{ by: 'clinica-aurora-auditor', review_basis: 'LGPD, art. 18, VI' }]);
  });

  test('tells an answer, and after a reload or out of the list what was told before', async () => {
    const page = await comeIn('pt-BR');
    await visitors.ask(page, 'pt-BR', 'consultas deste mês');
    const row = page.getByRole('row').first();
    await row.waitFor();
    const first = await row.textContent();
    await visitors.ask(page, 'pt-BR', 'qual é a cor do céu?');
    await page.getByText('INTENT_UNCLASSIFIED').waitFor();
    await look(page, 'answers');

    // Who does not administer has no pages for it.
    expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual([
      'Perguntas',
      'Conversas',
      'Agenda',
      'Execuções',
      'Seus dados',
    ]);

    await page.reload();
    await enter(page, 'pt-BR');
    await row.waitFor();
    expect(await row.textContent()).toBe(first);
    await page.getByText('consultas deste mês').waitFor();
    await page.getByRole('article').getByText('Nenhuma resposta desta pergunta').waitFor();

    await comeBackTo(journey, page, 'pro-doctor', 'consultas deste mês');
    await page.getByText('qual é a cor do céu?').waitFor();
    expect(await row.textContent()).toBe(first);
    await look(page, 'past');
  });

  test('draws figures of days, names their sources, takes what somebody thinks of it, and lets them go on asking', async () => {
    const page = await comeIn('pt-BR');
    await visitors.ask(page, 'pt-BR', 'quantas consultas por dia este mês?');
    await page.getByRole('img', { name: /^Gráfico de \d+ dias/ }).waitFor();
    await page.locator('summary', { hasText: 'Como tabela' }).click();
    await page.getByRole('columnheader', { name: 'Dia' }).waitFor();
    await page.locator('summary', { hasText: 'Fontes' }).click();
    await page.getByText('appointments', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Resposta boa' }).click();
    await page.getByLabel('O que devemos saber').fill('clara');
    await look(page, 'series');
    await page.getByRole('button', { name: 'Enviar avaliação' }).click();
    await page.getByText('Obrigado pela avaliação.').waitFor();
    const run =
      (await page.getByRole('link', { name: 'Como isto foi respondido' }).getAttribute('href')) ?? '';
    const stored = await journey.sql<{ rating: number; comment: string }>(
      `select rating, encode(comment, 'escape') as comment from feedback where starts_with(id, $1)`,
      [run.replace('#/runs/', '')],
    );
    expect(stored).toEqual([{ rating: 5, comment: expect.not.stringContaining('clara') }]);

    await page.getByLabel('Sua pergunta').press('ArrowUp');
    expect(await page.getByLabel('Sua pergunta').inputValue()).toBe('quantas consultas por dia este mês?');
  });

  test('keeps in the browser neither a token nor what was asked or told', async () => {
    const page = await comeIn('pt-BR');
    await visitors.ask(page, 'pt-BR', 'consultas de Ana Lima');
    await page.getByText('Como isto foi respondido').waitFor();
    const kept = await page.evaluate(() =>
      [localStorage, sessionStorage].flatMap((store) => Object.values({ ...store })).join('\n'),
    );
    expect(kept).not.toMatch(/eyJ|Ana|Lima|consulta/);
    expect(await page.context().cookies()).toEqual([]);
  });

  test('shows an agenda, and books, confirms, moves and cancels in it, each after a yes', async () => {
    const page = await comeIn('pt-BR');
    await page.getByRole('link', { name: 'Agenda' }).click();
    await page.getByLabel('Com', { exact: true }).selectOption({ label: 'Dra. Paula Lima' });
    for (let weeks = 0; weeks < 3; weeks++)
      await page.getByRole('button', { name: 'Semana seguinte' }).click();
    const wednesday = page.getByRole('region', { name: /^quarta-feira/ });
    const free = (time: string) => wednesday.getByRole('button', { name: `${time}, livre` });
    const sheet = page.getByRole('dialog');
    const yes = sheet.getByRole('button', { name: 'Sim, continuar' });
    await page.getByText('Como estava às').waitFor();

    // By the keyboard alone: down from ten, and to the day after and back.
    await free('10:00').focus();
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowLeft', 'Enter']) await page.keyboard.press(key);
    await sheet.getByLabel('Para quem').selectOption({ label: 'Diego Melo' });
    await sheet.getByLabel('Serviço').selectOption({ label: 'Limpeza de pele' });
    expect(await sheet.getByLabel('Quando').inputValue()).toMatch(/T10:30$/);
    expect(await sheet.getByLabel('Minutos').inputValue()).toBe('60');
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'agenda-form');
    const start = new Date(`${await sheet.getByLabel('Quando').inputValue()}:00-03:00`).toISOString();
    await sheet.getByRole('button', { name: 'Continuar' }).click();
    await sheet.getByText('Marcar este horário?').waitFor();
    await picture(page, 'agenda-card');

    // Somebody else is first.
    const { agent } = await journey.as('admin');
    const taken = { subjectId: 'cli-7', providerId: 'pro-1', start, durationMinutes: 60 };
    const given = await fetch(new URL('/v1/commands', agent.url), {
      method: 'POST',
      headers: { ...agent.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'ScheduleAppointment', ...taken }),
    });
    const where = new URL(given.headers.get('location') ?? '', agent.url);
    await until('the other booking', async () => {
      const told = (await (await fetch(where, { headers: agent.headers })).json()) as { status: string };
      if (told.status === 'refused') throw new Error(JSON.stringify(told));
      return told.status === 'done';
    });
    await yes.click();
    await sheet.getByText('SLOT_TAKEN').waitFor();
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'agenda-taken');
    await sheet.getByRole('button', { name: '11:30' }).click();
    await yes.click();
    await sheet.getByText('Marcado').waitFor();

    await sheet.getByRole('button', { name: 'Ver o agendamento' }).click();
    await until('the steps that follow', async () => {
      await sheet.getByRole('button', { name: 'Atualizar' }).click();
      return (await sheet.getByText(/^Aviso à pessoa: enviado/).count()) === 1;
    });
    expect(await barriersIn(page)).toEqual([]);
    await picture(page, 'agenda-booking');
    await sheet.getByRole('button', { name: 'Confirmar' }).click();
    await yes.click();
    await sheet.getByText('Confirmado').waitFor();
    await sheet.getByRole('button', { name: 'Ver o agendamento' }).click();

    await sheet.getByRole('button', { name: 'Remarcar' }).click();
    await page.getByText('Escolha um horário livre para o agendamento de Diego Melo').waitFor();
    await free('14:00').click();
    await yes.click();
    await sheet.getByText('Remarcado').waitFor();
    await sheet.getByRole('button', { name: 'Fechar' }).click();
    const booking = wednesday.getByRole('button', { name: /^Diego Melo 14:00/ });
    await until('the booking in the grid', async () => {
      if ((await booking.count()) === 0) await page.getByRole('button', { name: 'Atualizar' }).click();
      return (await booking.count()) === 1;
    });
    // Who is in nobody's care here is not named, and their time is taken.
    expect(await wednesday.getByText(/^10:30–11:30 ocupado$/i).count()).toBe(1);
    expect(await wednesday.getByText('Gabriela').count()).toBe(0);
    await look(page, 'agenda');

    await booking.click();
    await sheet.getByRole('button', { name: 'Desmarcar' }).click();
    await yes.click();
    await sheet.getByText('Desmarcado').waitFor();
    await sheet.getByRole('button', { name: 'Fechar' }).click();
    await free('14:00').waitFor();
    await page.getByLabel('Mostrar').selectOption('day');
    await page.setViewportSize({ width: 390, height: 844 });
    await look(page, 'agenda-narrow');
  });

  test('stops an answer that takes long', async () => {
    const page = await comeIn('en');
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

  test('asks before a run goes on, has a yes proved, and says what was answered, also after a reload', async () => {
    const page = await comeIn('pt-BR');
    const cards = page.getByRole('form', { name: 'Isto precisa da sua confirmação' });
    const fill = async (): Promise<void> => {
      await cards.getByLabel('Motivo').selectOption('continuidade do atendimento');
      await cards.getByLabel('Explicação').fill('retorno após a cirurgia');
    };
    const yes = cards.getByRole('button', { name: 'Sim, continuar' });
    const last = page.getByRole('article').last();

    await visitors.ask(page, 'pt-BR', 'quantas consultas de Gabriela Souza este mês?');
    await cards.getByRole('button', { name: 'Não' }).click();
    await last.getByText('Você não confirmou isto').waitFor();
    await last.getByText('Como isto foi respondido').waitFor();

    await visitors.ask(page, 'pt-BR', 'quantas consultas de Heitor Alves este mês?');
    await cards.waitFor();
    await page.reload();
    await enter(page, 'pt-BR');
    await fill();
    await look(page, 'confirmation');
    await yes.click();
    await page.getByText('Um sim pede um código').waitFor();
    await look(page, 'confirmation-unproved');
    await page.getByRole('button', { name: 'Configurar um aplicativo autenticador' }).click();
    const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
    await page.getByLabel('Depois digite').fill(totpAt(secret, Date.now()));
    await page.getByRole('button', { name: 'Configurar' }).click();
    await page.getByLabel('Guardei em lugar seguro').check();
    await page.getByRole('button', { name: 'Continuar', exact: true }).click();
    await last.getByText('Você confirmou isto').waitFor();
    await last.getByText(/^\d+ consultas?.*Heitor Alves/).waitFor();
    await look(page, 'confirmed');
    expect(await opened()).toEqual([{ subject_id: 'cli-8', reason: 'continuity_of_care' }]);
    await page.getByRole('link', { name: 'Execuções' }).click();
    await page
      .getByRole('row', { name: /pediu confirmação/ })
      .first()
      .waitFor();
    await look(page, 'asked-back');

    // Who has proved nothing in this session is asked for a code; and it is too late in the end.
    await page.reload();
    await enter(page, 'pt-BR');
    await page.getByRole('button', { name: 'Continuar sem ele' }).click();
    await page.getByRole('link', { name: 'Perguntas' }).click();
    await last.getByText(/^\d+ consultas?.*Heitor Alves/).waitFor();
    await visitors.ask(page, 'pt-BR', 'quantas consultas de Fábio Nunes este mês?');
    await fill();
    await yes.click();
    await page.getByLabel('Código').fill(totpAt(secret, Date.now() + 30_000));
    await look(page, 'confirmation-code');
    await journey.sql(`update interrupts set expires_at = now() where answered_by is null`);
    await page.getByRole('button', { name: 'Confirmar' }).click();
    await last.getByText('INTERRUPT_EXPIRED').waitFor();
    await last.getByText('Você não confirmou isto').waitFor();
    expect(await opened()).toHaveLength(1);
  });

  /** For whom an emergency was opened here, and why. */
  const opened = () =>
    journey.sql(
      `select e.subject_id, e.reason from emergencies e join interrupts i on i.answered_by = e.id
       where i.account_id = 'clinica-aurora-doctor'`,
    );
});
