import { until } from '@jangada/testkit/until.ts';
import type { Page } from 'playwright-core';
import { look } from './browser.ts';
import type { Journey } from './journey.ts';

/**
 * Leaves a conversation of somebody, named by who they are in the tenant's records, and comes back to it by its first
 * question, with the keyboard and over a page of others that were erased since.
 */
export const comeBackTo = async (
  { sql }: Journey,
  page: Page,
  person: string,
  title: string,
): Promise<void> => {
  const kept = 'from ai_agent_conversations where subject_id = $1';
  await until('what was asked to be kept', async () => (await sql(`select ${kept}`, [person])).length > 1);
  await sql(
    `insert into ai_agent_conversations (tenant_id, id, created_at, session_id, thread_id, subject_id, is_first, attempt)
     select tenant_id, 'erased-' || n, now(), session_id, thread_id, subject_id, true, 1
     from generate_series(1, 50) n, lateral (select * ${kept} and is_first limit 1) first`,
    [person],
  );
  await page.getByRole('button', { name: 'Nova conversa' }).click();
  await page.getByText('O que você quer saber?').waitFor();
  await page.getByRole('link', { name: 'Conversas' }).click();
  await page.getByRole('button', { name: 'Mostrar anteriores' }).press('Enter');
  await page.getByRole('link', { name: title }).waitFor();
  await look(page, 'conversations');
  await page.getByRole('link', { name: title }).press('Enter');
  await page.getByRole('heading', { name: 'Perguntas' }).waitFor();
  await sql(`delete ${kept} and question is null`, [person]);
};
