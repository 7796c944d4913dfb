import { packOf, packs } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { given } from '@jangada/testkit/given.ts';
import { describe, expect, test } from 'vitest';
import { decide } from './handler.ts';

// Every intent of the packs beside the clinic's, in both languages and in several ways of saying it.

const setting = {
  now: Temporal.Instant.from('2026-11-21T12:00:00Z'),
  zone: 'America/Sao_Paulo',
  locale: 'pt-BR' as const,
  attack: undefined,
};
const understanding = (name: string) => (question: string) =>
  given(decide, { ...setting, pack: packOf(name) })
    .when({ question })
    .decided();

const planIn = (name: string) => {
  const understand = understanding(name);
  return (question: string): Pick<Plan, 'source' | 'ask' | 'filter' | 'cites'> & { locale: string } => {
    const { message, body } = understand(question);
    expect(message.name, question).toBe('run.understood');
    const { plan, locale } = body as { plan: Plan; locale: string };
    const { source, ask, filter, cites } = plan;
    return { source, ask, filter, locale, ...(cites === undefined ? {} : { cites }) };
  };
};

test.each(
  packs.flatMap(({ name, caches = [] }) =>
    caches.flatMap(({ sources, warm = [] }) => warm.map((question) => [name, question, sources] as const)),
  ),
)('what is kept warm of %s is found where it is kept: %s', (name, question, sources) => {
  expect(sources).toContain(planIn(name)(question).source);
});

describe('clinic scheduling', () => {
  const planOf = planIn('clinic-scheduling');
  const local = (date: string): string =>
    Temporal.PlainDate.from(date).toZonedDateTime(setting.zone).toInstant().toString();
  const of = (from: string, to: string): Plan['filter'] => ({ period: { from: local(from), to: local(to) } });
  const [thursday, week, november] = [
    of('2026-11-26', '2026-11-27'),
    of('2026-11-16', '2026-11-23'),
    of('2026-11-01', '2026-12-01'),
  ];

  test.each<[string, string, Plan['ask'], Plan['filter']]>([
    [
      'que horários a Dra. Lima tem livres na quinta?',
      'free_times',
      'list',
      { ...thursday, provider: 'Lima' },
    ],
    [
      'which times does Dr. Lima have free on thursday?',
      'free_times',
      'list',
      { ...thursday, provider: 'Lima' },
    ],
    ['tem vaga com o Dr. Serra?', 'free_times', 'list', { provider: 'Serra' }],
    ['any openings this week?', 'free_times', 'list', week],
    ['meus horários livres na quinta', 'free_times', 'list', { ...thursday, mine: true }],
    [
      'quantos horários livres tem a Dra. Lima na quinta?',
      'free_times',
      'count',
      { ...thursday, provider: 'Lima' },
    ],
    ['taxa de ocupação da Dra. Lima nesta semana', 'free_times', 'share', { ...week, provider: 'Lima' }],
    ["what is Dr. Lima's utilisation in november?", 'free_times', 'share', { ...november, provider: 'Lima' }],
    ['how full is the schedule on thursday?', 'free_times', 'share', thursday],
    ['minha agenda desta semana', 'appointments', 'list', { ...week, mine: true }],
    ['my schedule this week', 'appointments', 'list', { ...week, mine: true }],
    ['agenda da Dra. Lima na quinta', 'appointments', 'list', { ...thursday, provider: 'Lima' }],
    ['consultas da paciente Ana Prado', 'appointments', 'list', { subject: 'Ana Prado' }],
    ['appointments of Ana Prado in november', 'appointments', 'list', { ...november, subject: 'Ana Prado' }],
    ['quantas consultas temos nesta semana?', 'appointments', 'count', week],
    [
      'quantos cancelamentos tivemos em novembro?',
      'appointments',
      'count',
      { ...november, state: 'cancelled' },
    ],
    [
      'how many cancellations did we have in november?',
      'appointments',
      'count',
      { ...november, state: 'cancelled' },
    ],
    ['taxa de faltas em novembro', 'appointments', 'share', { ...november, state: 'no_show' }],
    ['no-show rate in november', 'appointments', 'share', { ...november, state: 'no_show' }],
    ['cancellation rate of Dr. Serra', 'appointments', 'share', { provider: 'Serra', state: 'cancelled' }],
    ['taxa de comparecimento nesta semana', 'appointments', 'share', { ...week, state: 'attended' }],
    ['consultas por dia nesta semana', 'appointments', 'perDay', week],
  ])('%s', (question, source, ask, filter) => {
    const { locale: _, ...plan } = planOf(question);
    expect(plan).toEqual({ source, ask, filter });
  });

  test('goes on from free times to another day, and from a rate to another of the same', () => {
    const after = (before: string, question: string): Plan => {
      const earlier = [{ question: before, at: setting.now.epochMilliseconds }];
      const { body } = given(decide, { ...setting, pack: packOf('clinic-scheduling') })
        .when({ question, earlier })
        .decided();
      return (body as { plan: Plan }).plan;
    };
    expect(after('que horários a Dra. Lima tem livres na quinta?', 'e na sexta?')).toMatchObject({
      ...{ source: 'free_times', ask: 'list' },
      filter: { provider: 'Lima', ...of('2026-11-27', '2026-11-28') },
    });
    expect(after('no-show rate in november', 'and in october?')).toMatchObject({
      ...{ source: 'appointments', ask: 'share' },
      filter: { state: 'no_show', ...of('2026-10-01', '2026-11-01') },
    });
    expect(after('no-show rate in november', 'any openings this week?')).toMatchObject({
      ...{ source: 'free_times', ask: 'list', filter: week },
    });
  });

  test.each([
    ['marque a Ana Prado com a Dra. Lima quinta às 14h', 'ScheduleAppointment', 'patients'],
    ['move it to friday', 'RescheduleAppointment', 'bookings'],
    ['desmarque a consulta da Ana Prado na quinta', 'CancelAppointment', 'bookings'],
  ])('takes orders as any clinic does: %s', (question, type, source) => {
    const { body } = understanding('clinic-scheduling')(question);
    expect((body as { plan: Plan }).plan).toMatchObject({ source, order: { type } });
  });
});

describe('cloud pricing', () => {
  const planOf = planIn('cloud-pricing');
  const a100OnAws = { facets: { model: ['A100'], provider: ['AWS'] } };

  test.each<[string, string, Plan['filter']]>([
    ['pt-BR', 'qual o preço de A100 na AWS?', a100OnAws],
    ['pt-BR', 'quanto custa uma A100 na AWS por hora?', a100OnAws],
    ['pt-BR', 'valor da A100 na Amazon', a100OnAws],
    ['pt-BR', 'A100 na AWS', a100OnAws],
    ['en', 'what does an A100 cost on AWS?', a100OnAws],
    ['en', 'how much is an A100 on AWS per hour?', a100OnAws],
    ['en', 'price of the A100 at Amazon', a100OnAws],
    ['pt-BR', 'compare A100 na AWS e Azure', { facets: { model: ['A100'], provider: ['AWS', 'Azure'] } }],
    ['pt-BR', 'onde a H100 é mais barata?', { facets: { model: ['H100'] } }],
    ['en', 'compare the A100 on AWS and Azure', { facets: { model: ['A100'], provider: ['AWS', 'Azure'] } }],
    ['en', 'which provider has the cheapest H100?', { facets: { model: ['H100'] } }],
    ['pt-BR', 'GPU pricing comparison', {}],
    [
      'pt-BR',
      'preço spot da T4 no Google Cloud em São Paulo',
      {
        facets: {
          model: ['T4'],
          provider: ['GCP'],
          purchase: ['spot'],
          region: ['sa-east-1', 'brazilsouth', 'southamerica-east1'],
        },
      },
    ],
    [
      'en',
      'what does a reserved A100 cost in us-east-1 today?',
      { facets: { model: ['A100'], purchase: ['reserved_1y', 'reserved_3y'], region: ['us-east-1'] } },
    ],
    ['pt-BR', 'preços de T4 abaixo de 0,50 dólares', { facets: { model: ['T4'] }, amount: { max: 49 } }],
  ])('a price, %s: %s', (locale, question, filter) => {
    expect(planOf(question)).toEqual({ source: 'prices', ask: 'list', filter, locale });
  });

  test.each<[string, string, Plan['filter']]>([
    ['pt-BR', 'desconto spot na Azure?', { facets: { provider: ['Azure'], purchase: ['spot'] } }],
    ['pt-BR', 'quanto economizo com spot na AWS?', { facets: { provider: ['AWS'], purchase: ['spot'] } }],
    [
      'pt-BR',
      'qual a economia de uma instância reservada por 3 anos?',
      { facets: { purchase: ['reserved_1y', 'reserved_3y'] } },
    ],
    ['en', 'what is the spot discount on Azure?', { facets: { provider: ['Azure'], purchase: ['spot'] } }],
    [
      'en',
      'how much can I save with spot on AWS?',
      { facets: { provider: ['AWS'], purchase: ['spot'] }, mine: true },
    ],
    [
      'en',
      'savings of preemptible instances at Google',
      { facets: { provider: ['GCP'], purchase: ['spot'] } },
    ],
  ])('a discount, %s: %s', (locale, question, filter) => {
    const nearest = { text: question, language: locale };
    expect(planOf(question)).toEqual({
      ...{ source: 'discounts', ask: 'list', cites: 'articles', locale },
      filter: { ...filter, nearest },
    });
  });

  test.each<[string, string]>([
    ['en', 'how do savings plans work?'],
    ['en', 'what is cheaper for training, spot or reserved?'],
    ['en', 'when does Azure evict spot machines?'],
    ['pt-BR', 'como funcionam os savings plans?'],
    ['pt-BR', 'o que é mais barato para treinar, spot ou reservada?'],
    ['pt-BR', 'vale a pena desligar as máquinas à noite?'],
  ])('advice, %s: %s', (locale, question) => {
    expect(planOf(question)).toMatchObject({
      ...{ source: 'articles', ask: 'list', locale },
      filter: { nearest: { text: question, language: locale }, language: locale },
    });
  });

  test('a count of discounts cites nothing', () => {
    const { filter, cites } = planOf('quantos descontos existem na AWS?');
    expect({ filter, cites }).toEqual({ filter: { facets: { provider: ['AWS'] } }, cites: undefined });
  });

  test.each<[string, string, string, NonNullable<Plan['filter']['facets']>]>([
    ['pt-BR', 'qual o preço de A100 na AWS?', 'e na Azure?', { model: ['A100'], provider: ['Azure'] }],
    ['en', 'what does an A100 cost on AWS?', 'and in Azure?', { model: ['A100'], provider: ['Azure'] }],
    [
      'pt-BR',
      'qual o preço de A100 na AWS?',
      'e spot?',
      { model: ['A100'], provider: ['AWS'], purchase: ['spot'] },
    ],
  ])('a price that goes on from another, %s: %s %s', (locale, before, question, facets) => {
    const earlier = [{ question: before, at: setting.now.epochMilliseconds }];
    const { body } = given(decide, { ...setting, pack: packOf('cloud-pricing') })
      .when({ question, earlier })
      .decided();
    const { plan, intent } = body as { plan: Plan; intent: { entities: { value: string }[] } };
    expect(body).toMatchObject({ locale });
    expect(plan).toMatchObject({ source: 'prices', ask: 'list', filter: { facets } });
    expect(intent.entities.map(({ value }) => value).toSorted()).toEqual(
      Object.values(facets).flat().toSorted(),
    );
  });

  test('how many prices there are is counted', () => {
    for (const question of ['quantos preços de T4 existem?', 'how many prices are there for the T4?'])
      expect(planOf(question)).toMatchObject({ ask: 'count', filter: { facets: { model: ['T4'] } } });
  });

  test.each(['quantas consultas tenho amanhã?', 'tell me a story', 'clientes silva', 'spot'])(
    'what is no question about prices is refused: %s',
    (question) => {
      const { message, tell } = understanding('cloud-pricing')(question);
      expect(message).toBe(run.refused);
      expect(tell).toMatchObject({ code: 'INTENT_UNCLASSIFIED', message: expect.stringContaining('A100') });
    },
  );

  test('what was named is told as understood', () => {
    const { body } = understanding('cloud-pricing')('preço de A100 na AWS');
    expect((body as { intent: { entities: unknown } }).intent.entities).toEqual([
      { type: 'facet', value: 'A100' },
      { type: 'facet', value: 'AWS' },
    ]);
  });
});

describe('a care home', () => {
  const planOf = planIn('care-home');
  const today = { from: '2026-11-21T03:00:00Z', to: '2026-11-22T03:00:00Z' };
  const alzira = 'Alzira Campos';

  test.each<[string, Pick<Plan, 'source' | 'ask' | 'filter'>]>([
    ['residentes', { source: 'residents', ask: 'list', filter: {} }],
    ['quantos residentes temos?', { source: 'residents', ask: 'count', filter: {} }],
    ['em que quarto está Alzira Campos?', { source: 'residents', ask: 'list', filter: { subject: alzira } }],
    ['which room is Alzira Campos in?', { source: 'residents', ask: 'list', filter: { subject: alzira } }],
    ['how many residents do we have?', { source: 'residents', ask: 'count', filter: {} }],
    [
      'medicação de Alzira Campos hoje',
      { source: 'medications', ask: 'list', filter: { subject: alzira, period: today } },
    ],
    [
      'medication of Alzira Campos today',
      { source: 'medications', ask: 'list', filter: { subject: alzira, period: today } },
    ],
    [
      'remédios do residente Alzira Campos',
      { source: 'medications', ask: 'list', filter: { subject: alzira } },
    ],
    [
      'quais doses foram recusadas hoje?',
      { source: 'medications', ask: 'list', filter: { period: today, state: 'refused' } },
    ],
    [
      'how many doses were refused today?',
      { source: 'medications', ask: 'count', filter: { period: today, state: 'refused' } },
    ],
    [
      'cuidados da residente Alzira Campos',
      { source: 'care_events', ask: 'list', filter: { subject: alzira } },
    ],
    ['care notes of Alzira Campos', { source: 'care_events', ask: 'list', filter: { subject: alzira } }],
    [
      'quantas quedas hoje?',
      { source: 'care_events', ask: 'count', filter: { period: today, facets: { kind: ['fall'] } } },
    ],
    ['falls per day', { source: 'care_events', ask: 'perDay', filter: { facets: { kind: ['fall'] } } }],
    [
      'consultas de Alzira Campos hoje',
      { source: 'appointments', ask: 'list', filter: { subject: alzira, period: today } },
    ],
    ['appointments today', { source: 'appointments', ask: 'list', filter: { period: today } }],
    [
      'when is the physiotherapy of Alzira Campos?',
      { source: 'appointments', ask: 'list', filter: { subject: alzira } },
    ],
    ['solicitações em aberto das famílias', { source: 'inquiries', ask: 'list', filter: { state: 'open' } }],
    ['open inquiries', { source: 'inquiries', ask: 'list', filter: { state: 'open' } }],
  ])('%s', (question, expected) => {
    const { locale: _, ...plan } = planOf(question);
    expect(plan).toEqual(expected);
  });

  test.each<[string, 'en' | 'pt-BR']>([
    ['Tell me about pricing', 'en'],
    ['How much does it cost?', 'en'],
    ['quais são os preços?', 'pt-BR'],
    ['qual é o valor da mensalidade?', 'pt-BR'],
    ['Tell me about your care management features', 'en'],
    ['quais são as funcionalidades do sistema?', 'pt-BR'],
    ['Help with care documentation', 'en'],
    ['ajuda com a documentação do cuidado', 'pt-BR'],
    ['what are the visiting hours?', 'en'],
    ['quais são os horários de visita?', 'pt-BR'],
    ['can I visit my mother on sunday?', 'en'],
    ['posso fazer uma visita no domingo?', 'pt-BR'],
    ['do you have a vacancy?', 'en'],
    ['tem vagas?', 'pt-BR'],
    ['what about data protection?', 'en'],
    ['how secure is my data?', 'en'],
    ['como é a segurança dos dados?', 'pt-BR'],
    ['quantas visitas posso receber por dia?', 'pt-BR'],
  ])('an article is found by what is asked, in its language: %s', (question, language) => {
    expect(planOf(question)).toMatchObject({
      ...{ source: 'articles', ask: 'list', locale: language },
      filter: { language, nearest: { text: question, language } },
    });
  });

  test('an article is found by what was asked before too, where a question goes on', () => {
    const [before, question] = ['what are the visiting hours?', 'and on sunday?'];
    const earlier = [{ question: before, at: setting.now.epochMilliseconds }];
    const { body } = given(decide, { ...setting, pack: packOf('care-home') })
      .when({ question, earlier })
      .decided();
    const nearest = { text: `${before}\n${question}`, language: 'en' };
    expect((body as { plan: Plan }).plan).toMatchObject({
      source: 'articles',
      limit: 5,
      filter: { nearest },
    });
  });

  test.each(['do you have parking?', 'tell me about yourself', 'vocês têm estacionamento?'])(
    'what no article is about is not answered with another: %s',
    (question) => {
      expect(understanding('care-home')(question).message).toBe(run.refused);
    },
  );
});
