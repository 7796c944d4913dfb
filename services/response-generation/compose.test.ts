import { packOf } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Row } from '@jangada/proto/run.ts';
import { describe, expect, test } from 'vitest';
import { citationsOf, compose } from './compose.ts';
import { tell } from './handler.ts';
import { shownBy } from './show.ts';

type Locale = 'en' | 'pt-BR';
type Answer = Parameters<typeof compose>[0];

const { wording } = packOf('aesthetic-clinic');

/** An answer with everything that a test does not care about. */
const answer = (plan: Partial<Plan>, rows: readonly Row[], own: Partial<Answer> = {}): Answer => ({
  question: 'a question',
  locale: 'pt-BR',
  intent: { type: 'x', confidence: 1, entities: [], requiredPermissions: [], dataSources: [] },
  plan: { source: 'appointments', ask: 'list', joins: [], filter: {}, fields: [], limit: 50, ...plan },
  rows: [...rows],
  matches: rows.length,
  cached: false,
  asOf: '2026-11-21T12:00:00.000Z',
  ...own,
});

/** The whole text; narrow and no-break spaces of figures as plain ones. */
const told = (
  plan: Partial<Plan>,
  rows: readonly Row[],
  own: Partial<Answer> = {},
  currency = 'BRL',
): string => {
  const one = answer(plan, rows, own);
  const manner = { wording: wording[one.locale], zone: 'America/Sao_Paulo', currency };
  return [...compose(one, manner)].join('').replace(/[\u00a0\u202f]/g, ' ');
};

const en = { locale: 'en' as Locale };

describe('a count', () => {
  test.each([
    [0, '0 consultas.', '0 appointments.'],
    [1, '1 consulta.', '1 appointment.'],
    [2, '2 consultas.', '2 appointments.'],
    [12_345, '12.345 consultas.', '12,345 appointments.'],
  ])('of %i is told in both languages', (count, portuguese, english) => {
    expect(told({ ask: 'count' }, [{ count }])).toBe(portuguese);
    expect(told({ ask: 'count' }, [{ count }], en)).toBe(english);
  });

  test('says what it is about, as the plan has it and not as the question says', () => {
    const filter = { subject: 'Ana Lima', provider: 'Souza', state: 'confirmed' };
    expect(told({ ask: 'count', filter }, [{ count: 2 }])).toBe('2 consultas (Ana Lima, Souza, confirmada).');
    expect(told({ ask: 'count', filter }, [{ count: 2 }], en)).toBe(
      '2 appointments (Ana Lima, Souza, confirmed).',
    );
  });

  test('does not fill places that a name pretends to be', () => {
    expect(told({ ask: 'count', filter: { subject: '{amount}{n}' } }, [{ count: 1 }])).toBe(
      '1 consulta ({amount}{n}).',
    );
  });
});

describe('a share', () => {
  const { wording: words } = packOf('clinic-scheduling');
  const share = (locale: Locale, source: string, rows: readonly Row[], state?: string): string => {
    const one = answer({ ask: 'share', source, filter: state ? { state } : {} }, rows, { locale });
    return [...compose(one, { wording: words[locale], zone: 'UTC', currency: 'BRL' })].join('');
  };

  test('is told in percent, with what it is of, in the words of its source', () => {
    const rows = [{ part: 3, whole: 1_200, percent: '0.3' }];
    expect(share('pt-BR', 'appointments', rows, 'no_show')).toBe(
      'Taxa (falta): 0,3 %, 3 de 1.200 consultas.',
    );
    expect(share('en', 'appointments', rows, 'no_show')).toBe(
      'Rate (no-show): 0.3%, 3 of 1,200 appointments.',
    );
    expect(share('en', 'free_times', rows)).toBe('Utilisation: 0.3%, 3 of 1,200 minutes.');
  });

  test('of nothing is none', () => {
    expect(share('en', 'free_times', [{ part: 0, whole: 0, percent: null }])).toBe('No results.');
    expect(share('en', 'appointments', [])).toBe('No results.');
  });
});

describe('a span of time', () => {
  const about = (from: string, to: string, own: Partial<Answer> = {}): string =>
    told({ ask: 'count', filter: { period: { from, to } } }, [{ count: 1 }], own).replace(
      /^.*\((.*)\).*$/,
      '$1',
    );

  test('is told in the tenant’s zone: one that begins at 03:00Z is a day', () => {
    expect(about('2026-11-21T03:00:00Z', '2026-11-22T03:00:00Z')).toBe('21/11/2026');
    expect(about('2026-11-21T03:00:00Z', '2026-11-22T03:00:00Z', en)).toBe('11/21/26');
  });

  test.each<[string, string, string, string]>([
    ['a year', '2023-01-01T03:00:00Z', '2024-01-01T03:00:00Z', '2023'],
    ['a month', '2022-03-01T03:00:00Z', '2022-04-01T03:00:00Z', 'março de 2022'],
    ['a week', '2026-11-16T03:00:00Z', '2026-11-23T03:00:00Z', '16/11/2026 – 22/11/2026'],
    ['two months', '2022-03-01T03:00:00Z', '2022-05-01T03:00:00Z', '01/03/2022 – 30/04/2022'],
    ['hours', '2026-11-21T11:00:00Z', '2026-11-21T15:30:00Z', '21/11/2026, 08:00 – 21/11/2026, 12:30'],
  ])('is told by its name: %s', (_name, from, to, said) => {
    expect(about(from, to)).toBe(said);
  });
});

describe('a total', () => {
  test('is money of the tenant, in the language’s way', () => {
    expect(told({ source: 'billing', ask: 'total' }, [{ amount: '1234567.80', count: 9 }])).toBe(
      'Total: R$ 1.234.567,80.',
    );
    expect(told({ source: 'billing', ask: 'total' }, [{ amount: '1234.5', count: 9 }], en, 'USD')).toBe(
      'Total: $1,234.50.',
    );
  });

  test('of nothing is nothing', () => {
    expect(told({ source: 'billing', ask: 'total' }, [{ amount: '0', count: 0 }])).toBe('Total: R$ 0,00.');
    expect(told({ source: 'billing', ask: 'total' }, [])).toBe('Total: R$ 0,00.');
  });
});

describe('a list', () => {
  const visit = {
    start: '2026-11-21T02:00:00.000Z',
    client: 'Ana Lima',
    service: 'Peeling',
    status: 'no_show',
  };

  test('has a line for each row, with times in the tenant’s zone and states in words', () => {
    expect(told({}, [visit, { ...visit, client: 'Bruno Rocha', status: 'confirmed' }])).toBe(
      '2 consultas:\n- 20/11/2026, 23:00 · Ana Lima · Peeling · falta\n- 20/11/2026, 23:00 · Bruno Rocha · Peeling · confirmada',
    );
    expect(told({}, [visit], en)).toBe(
      '1 appointment:\n- 11/20/2026, 11:00 PM · Ana Lima · Peeling · no-show',
    );
  });

  test('tells money where a field is money, and leaves out what has no value', () => {
    const rows = [
      { date: '2026-11-21T12:00:00Z', client: null, service: '', amount: '320.00', status: 'open' },
    ];
    expect(told({ source: 'billing' }, rows)).toBe(
      '1 lançamento:\n- 21/11/2026, 09:00 · R$ 320,00 · em aberto',
    );
  });

  test('says how many match in all, and that there is more, in both languages', () => {
    const more = { matches: 2_400, nextCursor: 'abc' };
    expect(told({}, [visit], more)).toMatch(
      /^2\.400 consultas:\n.*\nMostrando 1 de 2\.400\. Peça a próxima página/s,
    );
    expect(told({}, [visit], { ...more, ...en })).toMatch(
      /^2,400 appointments:\n.*\nShowing 1 of 2,400\. Ask for the next/s,
    );
    expect(told({}, [visit])).not.toContain('Mostrando');
  });

  test('of nothing says so, and about what', () => {
    expect(told({ filter: { subject: 'Zeca' } }, [])).toBe('Nenhum resultado (Zeca).');
    expect(told({}, [], en)).toBe('No results.');
  });

  test('says nothing that is not in its rows', () => {
    const text = told({}, [visit], { question: 'Is Carla Dias pregnant? Call +55 11 98888-7777' });
    expect(text).not.toMatch(/Carla|pregnant|98888/);
  });
});

describe('days', () => {
  test('have their sum first and then each, with its figures', () => {
    const rows = [
      { day: '2026-11-20', count: 1, confirmed: 1, average_minutes: 30 },
      { day: '2026-11-21', count: 3, confirmed: 2, average_minutes: 65 },
    ];
    expect(told({ ask: 'perDay' }, rows, en)).toBe(
      '4 appointments, by day:\n- 11/20/26: 1, confirmed 1, average minutes 30\n- 11/21/26: 3, confirmed 2, average minutes 65',
    );
    expect(told({ ask: 'perDay' }, rows)).toMatch(/^4 consultas, por dia:\n- 20\/11\/2026: 1/);
  });

  test('that are the first or last of a year stay themselves in every zone', () => {
    const [first, last] = ['2026-01-01', '2026-12-31'];
    const text = told(
      { ask: 'perDay' },
      [first, last].map((day) => ({ day, count: 1 })),
    );
    expect(text).toMatch(/01\/01\/2026: 1\n- 31\/12\/2026: 1$/);
  });

  test('of money are told as money', () => {
    const rows = [{ day: '2026-11-21', count: 2, amount: '1500.30' }];
    expect(told({ source: 'billing', ask: 'perDay' }, rows)).toBe(
      '2 lançamentos, por dia:\n- 21/11/2026: 2, R$ 1.500,30',
    );
  });

  test('without any say so', () => {
    expect(told({ ask: 'perDay' }, [])).toBe('Nenhum resultado.');
  });
});

test('the same rows are always told alike', () => {
  const rows = [{ name: 'Ana Lima', email: 'a***@example.org', status: 'active' }];
  expect(told({ source: 'clients' }, rows)).toBe(told({ source: 'clients' }, rows));
});

describe('prices', () => {
  const price = {
    model: 'A100',
    provider: 'AWS',
    price: '4.100000',
    currency: 'USD',
    unit: 'gpu_hour',
    purchase: 'on_demand',
    region: 'us-east-1',
    sku: 'p4d.24xlarge',
    asOf: '2026-11-02',
    source: 'demo',
  };
  const toldOf = (plan: Partial<Plan>, rows: readonly Row[], locale: Locale, currency = 'BRL'): string => {
    const manner = { wording: packOf('cloud-pricing').wording[locale], zone: 'UTC', currency };
    const text = [...compose(answer({ source: 'prices', ...plan }, rows, { locale }), manner)].join('');
    return text.replace(/[\u00a0\u202f]/g, ' ');
  };
  const filter = { facets: { model: ['A100'], purchase: ['reserved_1y', 'reserved_3y'] } };

  test('are told in their own currency, with their day, where they are from and what was asked', () => {
    expect(toldOf({ filter }, [price], 'pt-BR')).toBe(
      '1 preço (A100, reservada por 1 ano / reservada por 3 anos), do menor ao maior:\n- A100 · AWS · US$ 4,10 · por GPU e hora · sob demanda · us-east-1 · p4d.24xlarge · 02/11/2026 · dados de demonstração',
    );
    expect(toldOf({ filter: { facets: { provider: ['AWS'] } } }, [price, price], 'en')).toMatch(
      /^2 prices \(AWS\), the lowest first:\n- A100 · AWS · \$4\.10 · per GPU and hour · on demand · .* · 11\/2\/26 · demo data\n/,
    );
  });

  test('of less than a cent are not rounded away, and without a currency are in the tenant’s', () => {
    expect(toldOf({}, [{ price: '0.005200', currency: 'EUR' }], 'en')).toContain('€0.0052');
    expect(toldOf({}, [{ price: '0.5', currency: null }], 'en')).toContain('R$0.50');
  });

  test('that there are none of say so', () => {
    expect(toldOf({ filter: { facets: { model: ['H200'] } } }, [], 'pt-BR')).toBe('Nenhum resultado (H200).');
  });
});

describe('texts', () => {
  const home = { wording: packOf('care-home').wording.en, zone: 'UTC', currency: 'BRL' };

  test('that there are none of say so in the words of their source', () => {
    expect([...compose(answer({ source: 'articles' }, [], { locale: 'en' }), home)].join('')).toBe(
      'The home has no article about that yet.',
    );
  });

  test('are named by their id beside what they are about', () => {
    const cloud = { ...home, wording: packOf('cloud-pricing').wording['pt-BR'] };
    const cited = [{ id: 'azure-spot', title: 'Máquinas spot' }];
    const citing = answer({ source: 'discounts', cites: 'articles' }, [], { cited });
    expect(citationsOf(citing, cloud)).toBe('Leia também:\n- azure-spot · Máquinas spot');
    expect(citationsOf({ ...citing, cited: [] }, cloud)).toBe('');
  });
});

describe('what somebody agreed to', () => {
  const entry = {
    recordedAt: '2026-11-21T12:00:00.000Z',
    action: 'withdrawn',
    level: 'contact',
    holds: null,
    basis: 'person',
    channel: 'api',
  };

  test('is told line by line in both languages', () => {
    const plan = { source: 'consents' };
    expect(told(plan, [entry])).toBe(
      '1 registro de consentimento:\n- 21/11/2026, 09:00 · retirado · contato · a própria pessoa · api',
    );
    expect(told(plan, [entry, entry], en)).toContain(
      '2 consent entries:\n- 11/21/2026, 09:00 AM · withdrawn',
    );
  });
});

describe('beside the text', () => {
  const toldBeside = async (own: Partial<Answer>, degraded = false) => {
    const manner = { wording: wording['pt-BR'], zone: 'America/Sao_Paulo', currency: 'BRL' };
    const { signal } = new AbortController();
    const away = { begin: async () => undefined, late: signal, fellBack: () => undefined };
    const means = { ...manner, ...(degraded && { model: away }), elapsedMs: () => 1 };
    const telling = tell({ ...answer({}, []), ...own }, means, signal);
    let next = await telling.next();
    while (!next.done) next = await telling.next();
    return next.value.tell;
  };

  test('stands how old it is where it was remembered, and what it lacks where there is no model', async () => {
    const fresh = await toldBeside({});
    for (const field of ['asOf', 'notices', 'entities']) expect(fresh).not.toHaveProperty(field);
    expect(await toldBeside({ cached: true, asOf: '2026-11-21T12:00:00.000Z' }, true)).toMatchObject({
      asOf: '2026-11-21T12:00:00.000Z',
      notices: ['O modelo de linguagem está fora do ar; as respostas usam frases fixas'],
    });
  });

  test('stand rows that tools saw to, and what follows from them, also where a model tells them', async () => {
    const price = (purchase: string, amount: string) => ({
      ...{ model: 'A100', provider: 'AWS', price: amount, currency: 'USD', unit: 'gpu_hour', purchase },
      ...{ region: 'north', sku: 'a', asOf: '2026-11-02', source: 'demo' },
    });
    const rows = [price('reserved_3y', '2.000000'), price('on_demand', '4.000000')];
    const figures = { percent: 50, months: 36, amount: 52_560 };
    const findings = [
      { kind: 'cheapest', row: 0, figures: {} },
      { kind: 'term', row: 0, figures },
    ];
    const tools = [{ tool: 'search', outcome: 'stale' as const, rows: 2, since: '2026-11-02' }];
    const toldIn = async (locale: Locale) => {
      const manner = { wording: packOf('cloud-pricing').wording[locale], zone: 'UTC', currency: 'USD' };
      const { signal } = new AbortController();
      const begin = async () => ({
        text: async function* () {
          yield 'The lowest is at AWS.';
        },
        usage: async () => ({ promptTokens: 1, completionTokens: 1 }),
      });
      const means = {
        ...manner,
        model: { begin, late: signal, fellBack: () => undefined },
        elapsedMs: () => 1,
      };
      const asked = answer({ source: 'prices' }, rows, { locale, findings, tools });
      const telling = tell(asked, means, signal);
      let text = '';
      let next = await telling.next();
      for (; !next.done; next = await telling.next()) text += next.value;
      return { text: text.replace(/[\u00a0\u202f]/g, ' '), ...next.value.body, beside: next.value.tell };
    };
    const en = await toldIn('en');
    expect(en.text).toBe(
      [
        'The lowest is at AWS.\n',
        'Lowest price: $2.00 per GPU and hour, AWS, reserved for 3 years, north.',
        'AWS (north), reserved for 3 years: $52,560.00 for 36 months of continuous use, 50% less than on demand.\n',
        'A source outside cannot be asked at the moment; what is told was there before (the oldest of 11/2/26)',
      ].join('\n'),
    );
    expect(en).toMatchObject({ degraded: true, beside: { items: rows, recommendation: { findings } } });
    const { text } = await toldIn('pt-BR');
    expect(text).toContain(
      '\nAWS (north), reservada por 3 anos: US$ 52.560,00 em 36 meses de uso contínuo, 50% menos que sob demanda.',
    );
    expect(text).toContain('o que se vê já estava aqui (o mais antigo é de 02/11/2026)');
  });

  test('stands whom and what the question named', async () => {
    const entities = [{ type: 'subject' as const, value: 'Ana Lima' }];
    const { intent } = answer({}, []);
    expect(await toldBeside({ intent: { ...intent, entities } })).toMatchObject({ entities });
  });
});

describe('a tool of the client’s', () => {
  const manner = { wording: wording['pt-BR'], zone: 'America/Sao_Paulo', currency: 'BRL' };
  const both = ['show_chart', 'show_table'] as const;
  const days = [
    { day: '2026-11-20', count: 1, amount: '120.50', share: null },
    { day: '2026-11-21', count: 3, amount: null, share: '' },
  ];
  const list = [
    { start: '2026-11-22T12:00:00Z', client: 'Ana Lima', status: 'confirmed' },
    { start: '2026-11-23T12:00:00Z', client: 'Bruno Rocha', email: null, price: '10' },
  ];

  test('is given the figures of days, each kind a series, and no point where there is none', () => {
    expect(shownBy(answer({ ask: 'perDay', source: 'billing' }, days), manner, both)).toEqual({
      name: 'show_chart',
      arguments: {
        source: 'billing',
        series: [
          {
            name: 'count',
            points: [
              { day: '2026-11-20', value: 1 },
              { day: '2026-11-21', value: 3 },
            ],
          },
          { name: 'amount', points: [{ day: '2026-11-20', value: 120.5 }] },
        ],
        currency: 'BRL',
      },
    });
  });

  test('is given a list as it is told, a cell for each column', () => {
    const shown = shownBy(answer({}, list), manner, both);
    expect(JSON.parse(JSON.stringify(shown).replace(/[\u00a0\u202f]/g, ' '))).toEqual({
      name: 'show_table',
      arguments: {
        source: 'appointments',
        columns: ['start', 'client', 'status', 'price'],
        rows: [
          ['22/11/2026, 09:00', 'Ana Lima', 'confirmada', ''],
          ['23/11/2026, 09:00', 'Bruno Rocha', '', 'R$ 10,00'],
        ],
      },
    });
  });

  test('is asked only where it is offered, for an answer that it can show, and for what it takes', () => {
    expect(shownBy(answer({}, list), manner, ['show_chart'])).toBeUndefined();
    expect(shownBy(answer({ ask: 'perDay' }, days), manner, ['show_table'])).toBeUndefined();
    expect(shownBy(answer({}, list), manner)).toBeUndefined();
    expect(shownBy(answer({}, []), manner, both)).toBeUndefined();
    expect(shownBy(answer({ ask: 'count' }, [{ count: 1 }]), manner, both)).toBeUndefined();
    const long = [{ text: 'x'.repeat(4_001) }];
    expect(shownBy(answer({}, long), manner, both)).toBeUndefined();
  });
});
