import { HttpAgent } from '@ag-ui/client';
import { until } from '@jangada/testkit/until.ts';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Journey, outsideSource, sharedJourney } from './journey.ts';
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
      ...['run.understood', 'run.permitted', 'run.found', 'run.fetched', 'run.answered'],
    ]);
  });

  test('shows tools as a step of its run, and its rows as fields when it is over', async () => {
    const agent = new HttpAgent({ ...analyst.agent, threadId: crypto.randomUUID() });
    agent.addMessage({ id: 'question', role: 'user', content: 'compare A100 spot na AWS e na Azure' });
    const steps: string[] = [];
    const { result } = await agent.runAgent(
      { runId: crypto.randomUUID(), forwardedProps: { steps: true } },
      { onStepStartedEvent: ({ event }) => void steps.push(event.stepName) },
    );
    expect(steps).toEqual(['intent', 'permission', 'data-access', 'tools', 'response-generation']);
    expect(result).toMatchObject({
      items: [
        { provider: 'Azure', model: 'A100', price: '1.470000', currency: 'USD', asOf: '2026-11-02' },
        { provider: 'AWS', sku: 'p4d.24xlarge', region: 'us-east-1', unit: 'gpu_hour', source: 'demo' },
      ],
      recommendation: { text: expect.stringContaining('Azure, spot, eastus'), findings: [{ row: 0 }] },
      confidence: expect.any(Number),
    });
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

  test('is brought up to date by a price source, and stays as it is stored while that is away', async () => {
    const source = await outsideSource();
    const price = {
      ...{ provider: 'Azure', model: 'H100', sku: 'ND96isr_H100_v5', region: 'eastus', purchase: 'spot' },
      ...{ price: 3.05, currency: 'USD', unit: 'gpu_hour', asOf: '2026-11-20' },
    };
    source.behave({ says: { prices: [price] } });
    const asking = { sessionId: 'fresh prices' };
    await analyst.query('qual o preço spot de H100 na AWS?', asking);
    const fresh = await analyst.query('e na Azure?', asking);
    expect(linesOf(said(fresh.content))).toEqual([
      '- H100 · Azure · US$ 3,05 · por GPU e hora · spot · eastus · ND96isr_H100_v5 · 20/11/2026 · 127.0.0.1',
    ]);
    expect(fresh).toMatchObject({ degraded: false, items: [{ price: '3.050000', source: '127.0.0.1' }] });

    source.behave({ status: 500 });
    const away = await analyst.query('compare spot H100 on Azure and GCP');
    expect(linesOf(said(away.content))).toHaveLength(2);
    expect(said(away.content)).toContain('Azure · $3.55 · per GPU and hour · spot · eastus');
    expect(said(away.content)).toContain('Lowest price: $2.25 per GPU and hour, GCP, spot, us-central1.');
    expect(away).toMatchObject({
      ...{ status: 200, degraded: true, notices: [expect.stringContaining('(the oldest of 11/2/26)')] },
      recommendation: { findings: [{ kind: 'cheapest', row: 0 }] },
    });
    const { stdout } = await journey.jangada('run', 'show', away.runId);
    expect(stdout).toMatch(
      /run\.fetched +tools +2 of 2, search_gpu_pricing away \(0\), compare_prices done \(2\)/,
    );
    expect((await journey.auditOf(away.runId)).find(({ fact }) => fact === 'run.fetched')).toMatchObject({
      details: { tools: [{ tool: 'search_gpu_pricing', outcome: 'away' }, { tool: 'compare_prices' }] },
    });
    // No price is anybody's: what is asked names no tenant and no person, and holds no word of the question.
    expect(source.asked.every(({ url }) => !/nuvem|session|question/.test(url.search))).toBe(true);
    source.behave({ says: { prices: [] } });
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
    // In the language of the question, with what could be asked instead.
    expect(unknown).toMatchObject({ content: expect.stringContaining('“tell me about pricing”') });
    for (const message of ['medicação de Alzira Campos', 'list of residents'])
      expect(await inquire('public/inquiry', { message })).toMatchObject({ code: 'AUTHZ_DENIED' });
  });

  test('remembers its articles an hour for visitors and half of it for its own people, apart from rows', async () => {
    await inquire('public/inquiry', { message: 'Tell me about pricing' });
    await ask('nurse', 'Tell me about pricing');
    await ask('nurse', 'medication of Alzira Campos today');
    const redis = new Redis(journey.system.local.redisUrl);
    try {
      for (const [space, longest, shortest] of [
        ['public-kb', 3_600, 1_801],
        ['kb', 1_800, 301],
        ['rows', 300, 1],
      ] as const) {
        // Data-access answers without waiting for Redis.
        const names = await until(`an entry in ${space}`, async () => {
          const found = await redis.keys(`tenant:lar-ipe:${space}:*`);
          return found.length > 0 ? found : undefined;
        });
        const left = await Promise.all(names.map((name) => redis.ttl(name)));
        // One that was there before may be older.
        expect(Math.max(...left), space).toBeLessThanOrEqual(longest);
        expect(Math.max(...left), space).toBeGreaterThanOrEqual(shortest);
      }
    } finally {
      redis.disconnect();
    }
  });

  test('lists what found no answer as leads and gaps, and nothing of who asked or what they said', async () => {
    const leads = (reason: string) => journey.counted('audit', 'leads_total', `reason="${reason}"`);
    const gaps = (reason: string) => journey.counted('audit', 'agent_gaps_total', `reason="${reason}"`);
    const counts = () =>
      Promise.all([
        leads('nothing_found'),
        leads('not_understood'),
        leads('interest'),
        gaps('not_understood'),
      ]);
    const before = await counts();
    const asked: Answer[] = [];
    for (const message of [
      'privacy of penguins',
      'do you have parking for Zulmira?',
      'Tell me about pricing',
    ])
      asked.push(await inquire('public/inquiry', { message }));
    asked.push(await ask('nurse', 'is there parking for Zulmira?'));
    for (const { runId } of asked) await journey.auditOf(runId);
    expect(await counts()).toEqual(before.map((count) => count + 1));

    const { code, stdout } = await journey.jangada('gaps', '--tenant', 'lar-ipe', '--json');
    expect(code).toBe(0);
    const [penguins, parking, pricing, nurses] = asked.map(({ runId }) => runId);
    const own = { tenant: 'lar-ipe', count: expect.any(Number) };
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        {
          ...own,
          kind: 'lead',
          reason: 'nothing_found',
          source: 'articles',
          topics: [],
          run: penguins,
          last: expect.any(String),
        },
        {
          ...own,
          kind: 'lead',
          reason: 'not_understood',
          source: null,
          topics: [],
          run: parking,
          last: expect.any(String),
        },
        {
          ...own,
          kind: 'lead',
          reason: 'interest',
          source: 'articles',
          topics: expect.arrayContaining(['pricing']),
          run: pricing,
          last: expect.any(String),
        },
        {
          ...own,
          kind: 'gap',
          reason: 'not_understood',
          source: null,
          topics: [],
          run: nurses,
          last: expect.any(String),
        },
      ]),
    );
    expect(stdout).not.toMatch(/Zulmira|parking|clinica-aurora/);
    const { stdout: told } = await journey.jangada('gaps', '--tenant', 'lar-ipe', '--kind', 'lead');
    expect(told).toMatch(/lead +nothing found +articles +\d+ /);
    expect(told).not.toContain('gap ');
  });
});
