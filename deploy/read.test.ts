import { ownHistory } from '@jangada/packs/core.ts';
import { cursorOf, type Paged, type Reader, type ReadRow, read } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Store } from '@jangada/store/store.ts';
import { databasePart, type Grant } from '@jangada/trust/grant.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agreedSql, grantFor, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// What a plan reads, as data-access reads it: its role, a sealed grant, row-level security.

const { sources } = packOf('aesthetic-clinic');
const zone = 'America/Sao_Paulo';

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await startDatabase();
  store = await database.storeOf('data-access');
  await database.administer(`
    ${tenantSql('casa')} ${tenantSql('other')} ${tenantSql('large')}
    insert into clients (tenant_id, id, name, name_search, status) values
      ('casa', 'c2', 'Fábio Nunes', 'fabio nunes', 'active'),
      ('casa', 'c3', 'Joana Silva', 'joana silva', 'inactive'),
      ('casa', 'c4', 'Bruno Silva', 'bruno silva', 'active'),
      ('other', 'c9', 'Caio Silva', 'caio silva', 'active');
    insert into providers (tenant_id, id, name, name_search, speciality) values
      ('casa', 'p1', 'Dra. Paula Lima', 'dra. paula lima', 'dermatologia'),
      ('casa', 'p2', 'Dr. Renato Castro', 'dr. renato castro', null),
      ('other', 'p1', 'Dra. Vera Melo', 'dra. vera melo', null);
    insert into care_relationships values
      ('casa', 'p1', 'c1', 'care', now() - interval '1 year', null),
      ('casa', 'p1', 'c2', 'care', now() - interval '1 year', now() - interval '1 day'),
      ('casa', 'p1', 'c4', 'care', now() + interval '1 day', null),
      ('other', 'p1', 'c9', 'care', now() - interval '1 year', null);
    insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status) values
      ('casa', 'a1', 'c1', 'p1', 'Peeling', '2026-11-21T02:00Z', 30, 'confirmed'),
      ('casa', 'a2', 'c1', 'p1', 'Peeling', '2026-11-21T12:00Z', 60, 'completed'),
      ('casa', 'a3', 'c2', 'p2', 'Laser', '2026-11-21T13:00Z', 45, 'confirmed'),
      ('casa', 'a4', 'c2', 'p1', 'Laser', '2026-11-22T02:59Z', 90, 'confirmed'),
      ('casa', 'a5', 'c4', 'p1', 'Laser', '2026-11-22T03:00Z', 60, 'scheduled'),
      ('other', 'a1', 'c9', 'p1', 'Laser', '2026-11-21T12:00Z', 60, 'confirmed');
    insert into billing (tenant_id, id, client_id, provider_id, kind, status, service, amount, issued_at) values
      ('casa', 'b1', 'c1', 'p1', 'charge', 'open', 'Peeling', 0.10, '2026-11-21T12:00Z'),
      ('casa', 'b2', 'c1', 'p1', 'charge', 'paid', 'Peeling', 0.20, '2026-11-21T12:00Z'),
      ('casa', 'b3', 'c2', 'p2', 'charge', 'open', 'Laser', 1200.00, '2026-11-22T12:00Z'),
      ('casa', 'b4', 'c2', 'p2', 'payment', 'settled', null, -1200.00, '2026-11-22T13:00Z'),
      ('other', 'b1', 'c9', 'p1', 'charge', 'open', 'Laser', 99.00, '2026-11-21T12:00Z');`);
  const ana = { id: 'c1', name: 'Ana da Silva', name_search: 'ana da silva', status: 'active' };
  await database.write('casa', 'clients', [{ ...ana, email: 'ana@example.org', phone: '+55 11 90000-0001' }]);
  await database.write('other', 'clients', [{ ...ana, email: 'other@example.org' }]);
  await database.administer(agreedSql);
}, 90_000);
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

const plan = (own: Partial<Plan>): Plan => {
  const source = own.source ?? 'clients';
  const fields = own.ask === undefined || own.ask === 'list' ? [...(sources[source]?.list ?? [])] : [];
  return { source, ask: 'list', joins: [], filter: {}, fields, limit: 50, ...own };
};

const reading = (asked: Plan, reader: Partial<Reader> = {}) => {
  const source = sources[asked.source];
  if (!source) throw new Error(`no source ${asked.source}`);
  return read(source, asked, { person: undefined, zone, ...reader });
};

/** The rows of a plan under a grant, read as whom it names, and whose each is. */
const allOf = async (
  own: Partial<Plan>,
  grant: Partial<Grant> = {},
  reader: Partial<Reader> = {},
): Promise<ReadRow[]> => {
  const statement = await database.grant(grantFor(grant));
  return store.read(
    { grant: databasePart(statement) },
    reading(plan(own), { person: grant.by, consent: grant.consent, ...reader }),
  );
};

/** Under which grant a source is read: what is everybody's own has a purpose that covers nothing else. */
const purposeOf = (source: string): Partial<Grant> => (sources[source]?.owner ? { pur: ownHistory } : {});
const everyAsk = Object.entries(sources).flatMap(([source, { asks }]) =>
  asks.map((ask) => [source, ask] as const),
);

const rowsOf = async (...asked: Parameters<typeof allOf>): Promise<ReadRow[]> =>
  (await allOf(...asked)).map(({ _tenants, ...row }) => row);

/** Names or ids of the rows, in their order. */
const idsOf = async (...asked: Parameters<typeof rowsOf>): Promise<unknown[]> =>
  (await rowsOf(...asked)).map((row) => row['_id']);

describe('whose rows', () => {
  test('the tenant’s are those that its grant names, sorted by name, without the inactive', async () => {
    expect((await rowsOf({})).map(({ name }) => name)).toEqual([
      'Ana da Silva',
      'Bruno Silva',
      'Fábio Nunes',
    ]);
    expect(await idsOf({}, { tid: 'other' })).toEqual(['c1', 'c9']);
  });

  test('none are read without a grant that holds', async () => {
    await expect(idsOf({}, { exp: Date.now() - 1 })).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
    const denied = { message: 'database refused the statement (42501)' };
    await expect(store.rows(reading(plan({})))).rejects.toMatchObject(denied);
    const claimed = store.within({ tenant: 'casa' }, ({ rows }) => rows(reading(plan({}))));
    await expect(claimed).rejects.toMatchObject(denied);
  });

  test('related are those in care today: not those of yesterday, tomorrow or another tenant', async () => {
    expect(await idsOf({}, { reach: 'related', by: 'p1' })).toEqual(['c1']);
    expect(await idsOf({ source: 'appointments' }, { reach: 'related', by: 'p1' })).toEqual(['a1', 'a2']);
    expect(await idsOf({}, { reach: 'related', by: 'p2' })).toEqual([]);
    expect(await idsOf({}, { reach: 'related' })).toEqual([]);
  });

  test('own are about oneself', async () => {
    expect(await idsOf({}, { reach: 'own', by: 'c2' })).toEqual(['c2']);
    expect(await idsOf({ source: 'appointments' }, { reach: 'own', by: 'c2' })).toEqual(['a3', 'a4']);
    expect(await idsOf({}, { reach: 'own' })).toEqual([]);
  });

  test('a filter never widens the reach', async () => {
    const scope = { reach: 'own', by: 'c1' } as const;
    expect(await idsOf({ filter: { subjectId: 'c2' } }, scope)).toEqual([]);
    expect(await idsOf({ filter: { subject: 'Fábio' } }, scope)).toEqual([]);
    expect(
      await idsOf({ source: 'appointments', filter: { mine: true } }, { reach: 'related', by: 'p2' }),
    ).toEqual([]);
  });

  test('mine are those that I provide', async () => {
    expect(await idsOf({ source: 'appointments', filter: { mine: true } }, { by: 'p2' })).toEqual(['a3']);
  });

  test.each(everyAsk)('is said by each row itself: %s, %s', async (source, ask) => {
    for (const tid of ['casa', 'other'])
      for (const groupMin of ask === 'list' ? [undefined] : [undefined, 1])
        for (const { _tenants } of await allOf({ source, ask }, { tid, ...purposeOf(source) }, { groupMin }))
          expect(['', tid]).toContain(_tenants);
    expect((await allOf({ source: 'clients', ask: 'count' }))[0]).toMatchObject({ _tenants: 'casa' });
  });

  test('names that are joined are the tenant’s own', async () => {
    const fields = ['client', 'provider'];
    const [row] = await rowsOf({ source: 'appointments', fields }, { tid: 'other' });
    expect(row).toMatchObject({ client: 'Caio Silva', provider: 'Dra. Vera Melo' });
  });
});

describe('whose leave', () => {
  beforeAll(async () => {
    await database.administer(`
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by) values
        ('casa', '1', 'c1', 'given', 'health', 'health', 'person', 'desk', 'u1'),
        ('casa', '2', 'c2', 'given', 'service', 'service', 'person', 'desk', 'u1'),
        ('casa', '3', 'c4', 'given', 'health', 'health', 'person', 'desk', 'u1'),
        ('casa', '4', 'c4', 'withdrawn', 'contact', null, 'person', 'desk', 'u1'),
        ('casa', '5', 'c3', 'withdrawn', 'contact', null, 'person', 'desk', 'u1'),
        ('other', '1', 'c4', 'given', 'health', 'health', 'person', 'desk', 'u1')`);
  });
  afterAll(() => database.administer(`truncate consents, consent_levels; ${agreedSql}`));

  test.each<[string, Partial<Plan>, Partial<Grant>, number]>([
    ['the whole tenant', { source: 'appointments' }, {}, 4],
    ['who is in care', { source: 'appointments' }, { reach: 'related', by: 'p1' }, 2],
    ['who is in care and took it back', { source: 'appointments' }, { reach: 'related', by: 'p4' }, 0],
    ['oneself, who took it back', { source: 'appointments' }, { reach: 'own', by: 'c4' }, 1],
  ])(
    'is asked by row-level security, also where the statement does not: %s',
    async (_whose, own, grant, count) => {
      await database.administer(`insert into care_relationships values
        ('casa', 'p4', 'c4', 'care', now() - interval '1 year', null) on conflict do nothing`);
      expect(await rowsOf({ ...own, ask: 'count' }, grant)).toEqual([{ count }]);
    },
  );

  test('is needed: who gave less, nothing, or took it back is in no list', async () => {
    expect(await idsOf({}, { consent: ['contact', 'service', 'health'] })).toEqual(['c1', 'c2']);
    expect(await idsOf({}, { consent: ['health'] })).toEqual(['c1']);
    expect(await idsOf({}, { consent: [] })).toEqual([]);
  });

  test('is needed: nor are they in a figure', async () => {
    const consent = ['service', 'health'];
    expect(await rowsOf({ source: 'appointments', ask: 'count' }, { consent })).toEqual([{ count: 4 }]);
    expect(await rowsOf({ source: 'billing', ask: 'total' }, { consent: ['health'] })).toEqual([
      { amount: '0.30', count: 2 },
    ]);
    expect(await rowsOf({ source: 'appointments', ask: 'perDay' }, { consent: ['health'] })).toMatchObject([
      { day: '2026-11-20', count: 1 },
      { day: '2026-11-21', count: 1 },
    ]);
  });

  test('is not asked of what is about nobody', async () => {
    expect(await idsOf({ source: 'providers' }, { consent: ['health'] })).toHaveLength(2);
  });
});

describe('which rows', () => {
  test.each([
    ['FÁBIO', ['c2']],
    ['fabio nun', ['c2']],
    ['nunes fab', ['c2']],
    ['silva', ['c1', 'c4']],
    ['ana silva', ['c1']],
    ['zeca', []],
    ['!!!', []],
  ])('a name is found by the beginnings of its words, whatever accents: %s', async (subject, ids) => {
    expect(await idsOf({ filter: { subject } })).toEqual(ids);
  });

  test('text of a question is a value, whatever it says', async () => {
    expect(
      await idsOf({ filter: { subject: "x'; drop table clients; --", subjectId: "' or true --" } }),
    ).toEqual([]);
    expect(await idsOf({})).toHaveLength(3);
  });

  test('people are named by id, and providers by name', async () => {
    expect(await idsOf({ filter: { subjectId: 'c4' } })).toEqual(['c4']);
    expect(await idsOf({ source: 'appointments', filter: { provider: 'renato' } })).toEqual(['a3']);
  });

  test('a state replaces what usually holds, on its column', async () => {
    expect(await idsOf({ filter: { state: 'inactive' } })).toEqual(['c3']);
    expect(await idsOf({ source: 'billing' })).toEqual(['b1', 'b2', 'b3']);
    expect(await idsOf({ source: 'billing', filter: { state: 'open' } })).toEqual(['b1', 'b3']);
  });

  test('amounts are in minor units, both ends included', async () => {
    const between = (min?: number, max?: number) => ({
      amount: { ...(min !== undefined && { min }), ...(max !== undefined && { max }) },
    });
    expect(await idsOf({ source: 'billing', filter: between(20) })).toEqual(['b2', 'b3']);
    expect(await idsOf({ source: 'billing', filter: between(10, 20) })).toEqual(['b1', 'b2']);
  });

  test('a day is the clinic’s: 02:00Z is still the day before in São Paulo', async () => {
    const day = (from: string, to: string) => ({
      period: { from: `${from}T03:00:00Z`, to: `${to}T03:00:00Z` },
    });
    const on = (from: string, to: string) => idsOf({ source: 'appointments', filter: day(from, to) });
    expect(await on('2026-11-20', '2026-11-21')).toEqual(['a1']);
    expect(await on('2026-11-21', '2026-11-22')).toEqual(['a2', 'a3', 'a4']);
    expect(await on('2026-11-22', '2026-11-23')).toEqual(['a5']);
  });
});

describe('which columns', () => {
  test.each([[['name']], [['name', 'status']], [['email', 'phone', 'name']]])(
    'only those of the plan: %j',
    async (fields) => {
      const [row = {}] = await rowsOf({ fields });
      expect(Object.keys(row).sort()).toEqual([...fields, '_id', '_matches', '_order', '_subject'].sort());
    },
  );

  test('never all of a table', () => {
    for (const source of Object.keys(sources))
      for (const ask of sources[source]?.asks ?? [])
        expect(reading(plan({ source, ask })).compile().sql).not.toMatch(/\*(?!\))/);
  });

  test('none that the source does not declare', () => {
    expect(() => reading(plan({ fields: ['birth_date'] })).compile()).toThrow('no field birth_date');
  });
});

describe('figures', () => {
  test('count what matches', async () => {
    expect(await rowsOf({ source: 'appointments', ask: 'count' })).toEqual([{ count: 5 }]);
    expect(await rowsOf({ source: 'appointments', ask: 'count', filter: { state: 'confirmed' } })).toEqual([
      { count: 3 },
    ]);
    expect(await rowsOf({ ask: 'count', filter: { subject: 'zeca' } })).toEqual([{ count: 0 }]);
  });

  test('add up to the cent, charges only', async () => {
    expect(await rowsOf({ source: 'billing', ask: 'total' })).toEqual([{ amount: '1200.30', count: 3 }]);
    const ofAna = { source: 'billing', ask: 'total', filter: { subject: 'ana' } } as const;
    expect(await rowsOf(ofAna)).toEqual([{ amount: '0.30', count: 2 }]);
    expect(await rowsOf({ ...ofAna, filter: { subject: 'zeca' } })).toEqual([{ amount: '0', count: 0 }]);
  });

  test('stay within the reach', async () => {
    const scope = { reach: 'related', by: 'p1' } as const;
    expect(await rowsOf({ source: 'appointments', ask: 'count' }, scope)).toEqual([{ count: 2 }]);
    expect(await rowsOf({ source: 'billing', ask: 'total' }, scope)).toEqual([{ amount: '0.30', count: 2 }]);
  });

  test('of each day are by the clinic’s days: total, confirmed, average minutes', async () => {
    expect(await rowsOf({ source: 'appointments', ask: 'perDay' })).toEqual([
      { day: '2026-11-20', count: 1, confirmed: 1, average_minutes: 30 },
      { day: '2026-11-21', count: 3, confirmed: 2, average_minutes: 65 },
      { day: '2026-11-22', count: 1, confirmed: 0, average_minutes: 60 },
    ]);
    expect(
      await rowsOf(
        { source: 'appointments', ask: 'perDay', filter: { provider: 'paula' } },
        {},
        { zone: 'UTC' },
      ),
    ).toEqual([
      { day: '2026-11-21', count: 2, confirmed: 1, average_minutes: 45 },
      { day: '2026-11-22', count: 2, confirmed: 1, average_minutes: 75 },
    ]);
  });

  test.each(everyAsk)('and lists of every source can be asked for: %s, %s', async (source, ask) => {
    for (const reach of ['tenant', 'related', 'own'] as const)
      await expect(
        rowsOf({ source, ask }, { reach, by: 'p1', ...purposeOf(source) }),
      ).resolves.toBeInstanceOf(Array);
  });
});

describe('figures about few', () => {
  const figures = (own: Partial<Plan>, groupMin: number) =>
    rowsOf({ source: 'appointments', ...own }, { pur: 'statistics' }, { groupMin });

  test('are told from so many people on, however many rows they have', async () => {
    // Five appointments of three people.
    expect(await figures({ ask: 'count' }, 3)).toEqual([{ count: 5 }]);
    expect(await figures({ ask: 'count' }, 4)).toEqual([]);
    expect(await figures({ source: 'billing', ask: 'total' }, 2)).toEqual([{ amount: '1200.30', count: 3 }]);
    expect(await figures({ source: 'billing', ask: 'total' }, 3)).toEqual([]);
  });

  test('are not told by a name, and nobody is not told apart from few', async () => {
    for (const subject of ['ana', 'zeca', 'silva'])
      expect(await figures({ ask: 'count', filter: { subject } }, 3)).toEqual([]);
  });

  test('of days are told when every day has enough, and otherwise of none', async () => {
    expect(await figures({ ask: 'perDay' }, 1)).toHaveLength(3);
    expect(await figures({ ask: 'perDay' }, 2)).toEqual([]);
    const busy = { period: { from: '2026-11-21T03:00:00Z', to: '2026-11-22T03:00:00Z' } };
    expect(await figures({ ask: 'perDay', filter: busy }, 2)).toEqual([
      { day: '2026-11-21', count: 3, confirmed: 2, average_minutes: 65 },
    ]);
  });

  test('about nobody are told', async () => {
    expect(await figures({ source: 'providers', ask: 'count' }, 5)).toEqual([{ count: 2 }]);
  });
});

describe('a home', () => {
  const { sources: ofHome } = packOf('care-home');
  const readHome = async (
    own: Partial<Plan> & Pick<Plan, 'source'>,
    grant: Partial<Grant> = {},
    groupMin?: number,
  ): Promise<ReadRow[]> => {
    const source = ofHome[own.source];
    if (!source) throw new Error(`no source ${own.source}`);
    const fields = own.ask === undefined || own.ask === 'list' ? [...source.list] : [];
    const asked: Plan = { ask: 'list', joins: [], filter: {}, fields, limit: 50, ...own };
    const statement = await database.grant(grantFor(grant));
    const built = read(source, asked, { person: grant.by, consent: grant.consent, groupMin, zone });
    return store.read({ grant: databasePart(statement) }, built);
  };
  const idsOfHome = async (...asked: Parameters<typeof readHome>): Promise<unknown[]> =>
    (await readHome(...asked)).map(({ _id }) => _id);
  const information = { pur: 'information' } as const;
  const denied = { message: 'database refused the statement (42501)' };

  beforeAll(async () => {
    const people = ['r1', 'r2', 'r3', 'r4', 'r5'];
    await database.administer(`
      insert into residents (tenant_id, id, name, name_search, room) values
        ${people.map((id) => `('casa', '${id}', 'Resident ${id}', 'resident ${id}', '1')`)},
        ('other', 'r9', 'Resident r9', 'resident r9', '9');
      insert into carers (tenant_id, id, name, name_search, kind) values
        ('casa', 'n1', 'Nurse One', 'nurse one', 'nurse'), ('casa', 'f1', 'Family One', 'family one', 'family');
      insert into care_relationships values
        ('casa', 'n1', 'r1', 'care', now() - interval '1 year', null),
        ('casa', 'n1', 'r2', 'care', now() - interval '1 year', null),
        ('casa', 'n1', 'r3', 'care', now() - interval '1 year', now() - interval '1 day'),
        ('casa', 'f1', 'r1', 'assigned', now() - interval '1 year', null);
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
        select tenant_id, 'home ' || id, id, 'given', level, level, 'demo', 'demo', 'demo'
        from residents, lateral (select case id when 'r2' then 'care' else 'health' end as level) as given;
      insert into facility_articles (tenant_id, id, topic, language, title, body) values
        ('casa', 'a-en', 'pricing', 'en', 'Pricing', 'x'), ('casa', 'a-pt', 'pricing', 'pt-BR', 'Preços', 'x'),
        ('casa', 'b-en', 'visiting', 'en', 'Visiting', 'x'), ('other', 'a-en', 'pricing', 'en', 'Pricing', 'y')`);
    for (const [tenant, ids] of [
      ['casa', people],
      ['other', ['r9']],
    ] as const) {
      const each = ids.map((id) => ({ id: `of-${id}`, resident_id: id, carer_id: 'n1' }));
      await database.write(
        tenant,
        'care_events',
        each.map((row) => ({ ...row, kind: 'fall', note: 'slipped', occurred_at: '2026-11-21T12:00Z' })),
      );
      await database.write(
        tenant,
        'medications',
        each.map((row) => ({
          ...row,
          medication: 'x',
          dose: '1',
          status: 'due',
          due_at: '2026-11-21T12:00Z',
        })),
      );
    }
  });

  test('tells who has not signed in its articles in their language, and nothing about anybody', async () => {
    const asked = (filter: Plan['filter']) => idsOfHome({ source: 'articles', filter }, information);
    expect(await asked({ language: 'en' })).toEqual(['a-en', 'b-en']);
    expect(await asked({ language: 'pt-BR' })).toEqual(['a-pt']);
    const other = { tid: 'other', ...information };
    expect(await readHome({ source: 'articles' }, other)).toMatchObject([{ text: 'y' }]);
    for (const source of ['residents', 'care_events', 'medications', 'appointments', 'inquiries', 'consents'])
      await expect(readHome({ source }, information)).rejects.toMatchObject(denied);
  });

  test('tells care of those in care who agreed to it, sealed as it lies there', async () => {
    const nurse: Partial<Grant> = { reach: 'related', by: 'n1', consent: ['health'] };
    for (const source of ['care_events', 'medications']) {
      expect(await idsOfHome({ source }, nurse)).toEqual(['of-r1']);
      expect((await idsOfHome({ source })).toSorted()).toEqual(['of-r1', 'of-r3', 'of-r4', 'of-r5']);
      expect(await idsOfHome({ source }, { tid: 'other' })).toEqual(['of-r9']);
      expect(await idsOfHome({ source }, { reach: 'related', by: 'n9' })).toEqual([]);
    }
    const [row] = await readHome({ source: 'care_events' }, nurse);
    expect(row).toMatchObject({ resident: 'Resident r1', carer: 'Nurse One', kind: 'fall' });
    expect(row?.['note']).toMatchObject({ subject: 'r1', row: 'of-r1' });
    expect(JSON.stringify(row)).not.toContain('slipped');
  });

  test('tells a family who is theirs', async () => {
    expect(await idsOfHome({ source: 'residents' }, { reach: 'related', by: 'f1' })).toEqual(['r1']);
    expect((await idsOfHome({ source: 'residents' }, { reach: 'related', by: 'n1' })).toSorted()).toEqual([
      ...['r1', 'r2'],
    ]);
  });

  test('tells figures of enough people and none of fewer', async () => {
    const falls: Parameters<typeof readHome>[0] = {
      ...{ source: 'care_events', ask: 'count', filter: { facets: { kind: ['fall'] } } },
    };
    const figures = (own: Parameters<typeof readHome>[0], min: number) =>
      readHome(own, { pur: 'statistics' }, min);
    expect(await figures(falls, 4)).toMatchObject([{ count: 4 }]);
    expect(await figures(falls, 5)).toEqual([]);
    expect(await figures({ ...falls, filter: { facets: { kind: ['meal'] } } }, 5)).toEqual([]);
    expect(await figures({ ...falls, ask: 'perDay' }, 5)).toEqual([]);
    await expect(figures({ source: 'articles' }, 5)).rejects.toMatchObject(denied);
  });

  test.each(
    Object.entries(ofHome).flatMap(([source, { asks }]) => asks.map((ask) => [source, ask] as const)),
  )('can be asked for: %s, %s', async (source, ask) => {
    const purpose = ofHome[source]?.owner ? { pur: ownHistory } : {};
    for (const reach of ['tenant', 'related', 'own'] as const)
      for (const { _tenants } of await readHome({ source, ask }, { reach, by: 'n1', ...purpose }))
        expect(['', 'casa']).toContain(_tenants);
  });
});

describe('prices', () => {
  const { prices } = packOf('cloud-pricing').sources;
  const readPrices = async (own: Partial<Plan>, tid = 'casa', pur = 'pricing'): Promise<unknown[]> => {
    if (!prices) throw new Error('there are no prices');
    const asked: Plan = {
      ...{ source: 'prices', ask: 'list', joins: [], filter: {}, limit: 2, ...own },
      fields: ['price'],
    };
    const statement = await database.grant(grantFor({ tid, pur }));
    const built = read(prices, asked, { person: undefined, zone });
    return store.read({ grant: databasePart(statement) }, built);
  };
  const idsOfPrices = async (filter: Plan['filter'], tid?: string): Promise<unknown[]> =>
    (await readPrices({ filter, limit: 50 }, tid)).map((row) => (row as Paged)._id);

  beforeAll(async () => {
    const row = (tenant: string, id: string, said: string) =>
      `('${tenant}', '${id}', ${said}, 'USD', 'gpu_hour', '2026-11-02', 'test')`;
    await database.administer(`
      insert into cloud_prices (tenant_id, id, provider, model, sku, region, purchase, price, currency, unit, as_of, source) values
        ${row('casa', 'p1', `'AWS', 'A100', 'p4d', 'us-east-1', 'on_demand', 10.5`)},
        ${row('casa', 'p2', `'AWS', 'A100', 'p4d', 'us-east-1', 'spot', 2.25`)},
        ${row('casa', 'p3', `'Azure', 'A100', 'nc', 'eastus', 'on_demand', 9`)},
        ${row('casa', 'p4', `'GCP', 'T4', 'n1', 'us-central1', 'on_demand', 0.005`)},
        ${row('other', 'p9', `'AWS', 'A100', 'p4d', 'us-east-1', 'on_demand', 1`)}`);
  });

  test('are the tenant’s own, the lowest first, as figures are and not as text is', async () => {
    expect(await idsOfPrices({})).toEqual(['p4', 'p2', 'p3', 'p1']);
    expect(await idsOfPrices({}, 'other')).toEqual(['p9']);
    expect(await idsOfPrices({}, 'large')).toEqual([]);
  });

  test('are narrowed by every facet, and by any value of one', async () => {
    expect(await idsOfPrices({ facets: { model: ['A100'], provider: ['AWS', 'Azure'] } })).toEqual([
      ...['p2', 'p3', 'p1'],
    ]);
    expect(await idsOfPrices({ facets: { provider: ['AWS'], purchase: ['on_demand'] } })).toEqual(['p1']);
    expect(await idsOfPrices({ facets: { model: ['H200'] } })).toEqual([]);
    expect(await idsOfPrices({ facets: { model: ["A100' or true --"] } })).toEqual([]);
    expect(await idsOfPrices({ amount: { max: 900 } })).toEqual(['p4', 'p2', 'p3']);
    await expect(idsOfPrices({ facets: { unit: ['gpu_hour'] } })).rejects.toThrow('no such figure');
  });

  test('go on where the last page ended', async () => {
    const [first, last] = (await readPrices({})) as Paged[];
    expect([first?._id, last?._id]).toEqual(['p4', 'p2']);
    const rest = (await readPrices({ cursor: cursorOf(last as Paged) })) as Paged[];
    expect(rest.map(({ _id }) => _id)).toEqual(['p3', 'p1']);
    const forged = cursorOf({ _order: '1; drop table cloud_prices', _id: 'p1' });
    await expect(readPrices({ cursor: forged })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('are read for no other purpose, and other things not for theirs', async () => {
    const denied = { message: 'database refused the statement (42501)' };
    await expect(readPrices({}, 'casa', 'care')).rejects.toMatchObject(denied);
    await expect(idsOf({}, { pur: 'pricing' })).rejects.toMatchObject(denied);
  });
});

describe('pages', () => {
  const ten = 10_000;
  const page = async (
    cursor: string | undefined,
    limit = 50,
  ): Promise<{ rows: Paged[]; next: string | undefined }> => {
    const asked: Partial<Plan> = {
      source: 'appointments',
      fields: ['service'],
      limit,
      ...(cursor ? { cursor } : {}),
    };
    const found = (await rowsOf(asked, { tid: 'large' })) as Paged[];
    const rows = found.slice(0, limit);
    const last = rows.at(-1);
    return { rows, next: found.length > limit && last ? cursorOf(last) : undefined };
  };

  beforeAll(async () => {
    // Seven at the same microsecond, so that only the id tells them apart.
    await database.administer(`
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
        values ('large', '1', 'c', 'given', 'service', 'service', 'person', 'desk', 'u1');
      insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
      select 'large', 'id-' || md5(n::text), 'c', 'p', n::text, '2026-01-01T00:00Z'::timestamptz + (n / 7) * interval '1 microsecond', 30, 'scheduled'
      from generate_series(1, ${ten}) n`);
  });

  test('of 10,000 rows show each once, in order, while rows are added before and behind', async () => {
    const expected = await database.administer(
      "select id from appointments where tenant_id = 'large' order by start_time, id",
    );
    const seen: Paged[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const { rows, next } = await page(cursor);
      seen.push(...rows);
      cursor = next;
      if (++pages % 40 === 0) {
        await database.administer(`
          insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status) values
            ('large', 'early-${pages}', 'c', 'p', 'new', '2025-01-01T00:00Z', 30, 'scheduled'),
            ('large', 'late-${pages}', 'c', 'p', 'new', '2027-01-01T00:00Z', 30, 'scheduled')`);
      }
    } while (cursor);
    const old = seen.filter(({ service }) => service !== 'new').map(({ _id }) => _id);
    expect(old).toEqual(expected.map(({ id }) => id));
    expect(seen.filter(({ _id }) => _id.startsWith('early'))).toEqual([]);
    expect(seen.at(-1)?._id).toMatch(/^late-/);
    expect(pages).toBe(201);
  }, 60_000);

  test('are stable when rows that were read are removed', async () => {
    const first = await page(undefined);
    const second = await page(first.next);
    await database.administer(
      `delete from appointments where tenant_id = 'large' and id in ('${first.rows.map(({ _id }) => _id).join("', '")}')`,
    );
    expect((await page(first.next)).rows.map(({ _id }) => _id)).toEqual(second.rows.map(({ _id }) => _id));
  });

  test('say how many match in all, on the first page as on the last', async () => {
    const [total] = await database.administer(
      "select count(*)::int from appointments where tenant_id = 'large'",
    );
    const first = await page(undefined);
    const second = await page(first.next);
    expect(first.rows[0]?._matches).toBe(total?.['count']);
    expect(second.rows[0]?._matches).toBe(total?.['count']);
  });

  test('go on by name as by time', async () => {
    const names: unknown[] = [];
    let cursor: string | undefined;
    for (let count = 0; count < 4; count++) {
      const [row, next] = (await rowsOf({ limit: 1, ...(cursor ? { cursor } : {}) })) as Paged[];
      if (row) names.push(row['name']);
      cursor = row && next ? cursorOf(row) : undefined;
      if (!cursor) break;
    }
    expect(names).toEqual(['Ana da Silva', 'Bruno Silva', 'Fábio Nunes']);
  });

  test.each([
    'x',
    Buffer.from('{"a":1}').toString('base64url'),
    Buffer.from('["2026-01-01"]').toString('base64url'),
    Buffer.from('["not a time", "a1"]').toString('base64url'),
    Buffer.from('[1, 2]').toString('base64url'),
  ])('do not begin at a place that no page returned: %s', (cursor) => {
    expect(() => reading(plan({ source: 'appointments', cursor })).compile()).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  test('begin where a cursor says, and nowhere else, whatever it says', async () => {
    const cursor = Buffer.from(JSON.stringify(['2026-11-21T12:00:00Z', "a2') or true --"])).toString(
      'base64url',
    );
    expect(await idsOf({ source: 'appointments', cursor })).toEqual(['a3', 'a4', 'a5']);
  });
});
