import { beforeAll, describe, expect, test } from 'vitest';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';

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
    expect((await analyst.query('desconto spot na Azure?')).content).toContain('Azure · spot · 90%');
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
