import { beforeAll, describe, expect, test } from 'vitest';
import { type Journey, sharedJourney } from './journey.ts';
import type { Answer, Asking, Person } from './person.ts';

/** The packs beside the clinic's: the main questions of each, and that nobody reads what is another tenant's. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

const linesOf = (content: string): string[] => content.split('\n').filter((line) => line.startsWith('- '));
const said = (content: string): string => content.replace(/[\u00a0\u202f]/g, ' ');

describe('cloud pricing', () => {
  let analyst: Person;

  beforeAll(async () => {
    analyst = await journey.as('analyst');
  });

  test('tells what an accelerator costs, in whose currency, since when and from where', async () => {
    const pt = await analyst.query('qual o preço sob demanda de A100 na AWS?');
    expect(pt).toMatchObject({ status: 200, type: 'response' });
    expect(said(pt.content)).toContain(
      '- A100 · AWS · US$ 4,10 · por GPU e hora · sob demanda · us-east-1 · p4d.24xlarge · 02/11/2026 · dados de demonstração',
    );
    const en = await analyst.query('what does an on demand A100 cost on AWS?');
    expect(said(en.content)).toContain('- A100 · AWS · $4.10 · per GPU and hour · on demand');
    expect(linesOf(en.content)).toHaveLength(linesOf(pt.content).length);
    expect(await journey.factsOf(pt.runId)).toEqual([
      ...['run.understood', 'run.permitted', 'run.fetched', 'run.answered'],
    ]);
  });

  test('compares providers, the cheapest first, and nothing of a third', async () => {
    const { content } = await analyst.query('compare A100 spot na AWS e na Azure');
    const lines = linesOf(said(content));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('Azure · US$ 1,47');
    expect(lines[1]).toContain('AWS · US$ 1,64');
    const cheapest = await analyst.query('which provider has the cheapest H100?');
    expect(linesOf(said(cheapest.content))[0]).toContain('GCP · $2.25');
  });

  test('goes on from one question to the next', async () => {
    const asking = { sessionId: 'prices' };
    await analyst.query('qual o preço sob demanda de A100 na AWS?', asking);
    const { content } = await analyst.query('e na GCP?', asking);
    expect(linesOf(said(content)).map((line) => line.split(' · ').slice(0, 2))).toEqual([['- A100', 'GCP']]);
  });

  test('tells how much spot saves at most, to who may know, and refuses the others', async () => {
    const saved = await analyst.query('desconto spot na Azure?');
    expect(saved.content).toContain('Azure · spot · 90%');
    expect(saved.content).toContain('\n- azure-spot · Máquinas virtuais spot na Azure');
    expect(saved.content).not.toContain('aws-');
    expect(saved.found).toBeGreaterThan(0);
    const viewer = await journey.as('viewer');
    expect((await viewer.query('preço de T4 na GCP')).status).toBe(200);
    expect(await viewer.query('desconto spot na Azure?')).toMatchObject({ code: 'AUTHZ_DENIED' });
  });

  test('gives its rows by their name too', async () => {
    const response = await fetch(new URL('/v1/prices', analyst.agent.url), {
      headers: analyst.agent.headers,
    });
    const { prices } = (await response.json()) as { prices: Record<string, unknown>[] };
    expect(prices[0]).toMatchObject({
      currency: 'USD',
      unit: 'gpu_hour',
      asOf: '2026-11-02',
      source: 'demo',
    });
  });

  test('is each tenant’s own, and nobody else’s', async () => {
    const foreign = await journey.as('foreign-analyst');
    const { content } = await foreign.query('preço sob demanda de A100 na AWS');
    expect(said(content)).toContain('US$ 5,125');
    expect(said(content)).not.toContain('US$ 4,10');
    // A clinic has no prices and a price list no patients, whatever is asked.
    const professional = await journey.as('professional');
    for (const [person, question] of [
      [professional, 'qual o preço de A100 na AWS?'],
      [analyst, 'lista de clientes'],
    ] as const)
      expect(await person.query(question)).toMatchObject({ code: 'INTENT_UNCLASSIFIED' });
    for (const [person, name] of [
      [professional, 'prices'],
      [analyst, 'clients'],
      [analyst, 'consents/cli-1'],
    ] as const) {
      const response = await fetch(new URL(`/v1/${name}`, person.agent.url), {
        headers: person.agent.headers,
      });
      expect([name, response.status]).toEqual([name, 404]);
    }
  });
});

describe('a care home', () => {
  beforeAll(async () => {
    await journey.sql(`
      insert into residents (tenant_id, id, name, name_search) values ('lar-jacaranda', 'only-there', 'Quitéria Sol', 'quiteria sol');
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by) values
        ('lar-jacaranda', 'only-there', 'only-there', 'given', 'health', 'health', 'person', 'desk', 'system');
      insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from) values
        ('lar-jacaranda', 'nur-1', 'only-there', 'care', now() - interval '1 day')`);
  });
  const ask = async (alias: string, question: string, own: Asking = {}): Promise<Answer> =>
    (await journey.as(alias)).query(question, own);
  const inquire = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(`${journey.system.local.edgeUrl}/v1/ai-agents/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
  };

  test('tells a nurse the medication of who is in their care, opened, in both languages', async () => {
    const pt = await ask('nurse', 'medicação de Alzira Campos hoje');
    expect(pt.content).toMatch(/^1 dose .*\n- .*Alzira Campos · Losartana · 50 mg · /);
    const en = await ask('nurse', 'medication of Alzira Campos today');
    expect(en.content).toMatch(/^1 dose .*\n- .*Alzira Campos · Losartana · 50 mg · (given|due|refused) /);
    const [row] = await journey.sql<{ text: string }>(
      `select string_agg(encode(medication, 'escape'), ' ') as text from medications`,
    );
    expect(row?.text).not.toContain('Losartana');
  });

  test.each<[string, string, string]>([
    ['nurse', 'cuidados de Eunice Teles', 'AUTHZ_NO_RELATION'],
    ['carer', 'medicação de Eunice Teles', 'AUTHZ_DENIED'],
    ['family', 'medicação de Alzira Campos', 'AUTHZ_DENIED'],
    ['family', 'consultas de Benedito Reis', 'AUTHZ_NO_RELATION'],
    ['manager', 'cuidados de Firmino Lobo', 'CONSENT_REQUIRED'],
    ['foreign-nurse', 'medicação de Eunice Teles', 'AUTHZ_NO_RELATION'],
  ])('refuses what is not theirs, and reads nothing: %s, %s', async (alias, question, code) => {
    const before = await journey.readsOfPeople();
    const answer = await ask(alias, question);
    expect(answer).toMatchObject({ type: 'error', code });
    expect(await journey.readsOfPeople()).toBe(before);
    expect((await journey.auditOf(answer.runId)).at(-1)).toMatchObject({ fact: 'run.refused', code });
  });

  test('tells carers and families what is theirs', async () => {
    expect((await ask('carer', 'cuidados de Eunice Teles')).content).toContain('Eunice Teles');
    const seen = await ask('family', 'residentes');
    expect(seen.content).toContain('Alzira Campos');
    expect(linesOf(seen.content)).toHaveLength(1);
    expect((await ask('family', 'solicitações em aberto')).content).toContain('Como foi a última semana?');
  });

  test('answers its agent about the resident named by id, and about nobody of another home', async () => {
    const { agent } = await journey.as('nurse');
    const about = (residentId: string) =>
      inquire('tenant/care-inquiry', { message: 'care notes', residentId }, agent.headers);
    expect((await about('res-1')).content).toContain('Alzira Campos');
    for (const id of ['only-there', 'lar-jacaranda_resident_1', 'nobody'])
      expect(await about(id)).toMatchObject({ status: 403, code: 'TENANT_ISOLATION_VIOLATION' });
    expect((await ask('foreign-nurse', 'residente Quitéria Sol')).content).toContain('Quitéria Sol');
    expect((await ask('manager', 'residente Quitéria Sol')).content).not.toContain('Quitéria Sol ·');
  });

  test('tells figures about many for statistics, and none about few', async () => {
    const statistics = { purpose: 'statistics' };
    expect((await ask('nurse', 'how many doses were given?', statistics)).status).toBe(200);
    expect(await ask('nurse', 'quantas quedas?', statistics)).toMatchObject({ code: 'AGG_SUPPRESSED' });
  });

  test('tells whoever asks what its articles say, by their id, or that there is nothing', async () => {
    const pricing = await inquire('public/inquiry', {
      ...{ message: 'Tell me about pricing', inquiryType: 'PRICING' },
    });
    expect(pricing).toMatchObject({ status: 200, type: 'response' });
    expect(pricing.content).toMatch(/^\d articles?:\n(?:- .*\n)*- faq-pricing · What does it cost/);
    expect(pricing.found).toBe(linesOf(pricing.content).length);
    expect((await journey.auditOf(pricing.runId))[1]).toMatchObject({
      ...{ fact: 'run.permitted', actor: 'public', details: { decision: { purpose: 'information' } } },
    });
    const portuguese = await inquire('public/inquiry', { message: 'quais são os preços?' });
    expect(portuguese.content).toContain('- faq-precos · Quanto custa');
    expect(await inquire('public/inquiry', { message: 'privacy of penguins' })).toMatchObject({
      ...{ content: 'The home has no article about that yet.', found: 0 },
    });
    expect((await journey.auditOf(pricing.runId)).at(-1)?.details).toMatchObject({ found: pricing.found });
    const refreshed = await journey.jangada('knowledge', 'refresh', '--tenant', 'lar-ipe', '--json');
    expect(JSON.parse(refreshed.stdout)).toMatchObject([{ articles: 60, embedded: 0, version: 1 }]);
    // What is written for those who have signed in is nobody else's, however it is asked for.
    const handover = 'documentation of the handover of a shift';
    const told = await inquire('public/inquiry', { message: handover });
    expect(told.content).not.toContain('documentation-handover');
    expect((await ask('nurse', handover)).content).toContain('- documentation-handover · ');
    const unknown = await inquire('public/inquiry', { message: 'do you have parking?' });
    expect(unknown).toMatchObject({ type: 'error', code: 'INTENT_UNCLASSIFIED' });
    for (const message of ['medicação de Alzira Campos', 'list of residents'])
      expect(await inquire('public/inquiry', { message })).toMatchObject({ code: 'AUTHZ_DENIED' });
  });
});
