import { describe, expect, test } from 'vitest';
import { ownHistory } from './core.ts';
import { holdingsOf } from './holdings.ts';
import type { Pack } from './pack.ts';
import { foldName, searchOf } from './read.ts';
import { load, PackError, packOf, packs, packTables } from './registry.ts';
import { cutoffOf, isBelowLegalMin, versionOf } from './retention.ts';

const clinic = packOf('aesthetic-clinic');
const [intent] = clinic.intents;
const { billing, clients } = clinic.sources;
const records = clinic.retention.find((rule) => rule.class === 'aesthetic_records');
if (!intent || !billing || !clients || !records)
  throw new Error('the clinic has lost what these tests stand on');

/** What is wrong with a pack, as it says when it is loaded. */
const faultsOf = (pack: Pack): string => {
  try {
    load(pack);
  } catch (error) {
    expect(error).toBeInstanceOf(PackError);
    return (error as PackError).message;
  }
  return '';
};

describe('every pack', () => {
  test.each(packs.map((pack) => [pack.name, pack] as const))('%s holds together', (_name, pack) => {
    expect(faultsOf(pack)).toBe('');
  });

  test.each(packs.map((pack) => [pack.name, pack] as const))(
    '%s says its words folded, as questions are',
    (_name, pack) => {
      const words = [
        ...pack.intents.flatMap(({ cues, turns = [] }) => [
          ...cues.map((cue) => cue.words),
          ...turns.flatMap((turn) => turn.words),
        ]),
        ...pack.states.flatMap((state) => state.words),
        ...pack.leads.flatMap((lead) => lead.words),
        ...Object.values(pack.sources).flatMap(({ facets = {} }) =>
          Object.values(facets).flatMap(({ values }) => Object.values(values).flat()),
        ),
      ];
      expect(words.length).toBeGreaterThan(20);
      expect(words.filter((word) => word !== foldName(word))).toEqual([]);
    },
  );

  test.each(packs.map((pack) => [pack.name, pack] as const))(
    '%s gives each class of its data a time to go',
    (_name, pack) => {
      const aged = new Set(pack.retention.map(({ table }) => table));
      const personal = Object.values(pack.sources).filter(({ fields }) =>
        Object.values(fields).some(({ kind }) => kind === 'personal'),
      );
      expect(personal.filter(({ table }) => !aged.has(table))).toEqual([]);
    },
  );

  test('has its own name', () => {
    expect(new Set(packs.map(({ name }) => name)).size).toBe(packs.length);
    expect(() => packOf('no-such-pack')).toThrow(PackError);
  });
});

describe('the aesthetic clinic', () => {
  test('keeps each class of data as long as the law wants', () => {
    expect(Object.fromEntries(clinic.retention.map((rule) => [rule.class, rule.keep]))).toEqual({
      client_data: 'P10Y',
      aesthetic_records: 'P25Y',
      appointment_data: 'P5Y',
      booking_data: 'P5Y',
      booking_keys: 'P6Y',
      billing_data: 'P7Y',
      audit_logs: 'P2Y',
      feedback: 'P2Y',
      alerts: 'P2Y',
      reading_habits: 'P90D',
      system_logs: 'P90D',
      conversations: 'P90D',
      agent_sessions: 'P90D',
    });
  });

  test('shows a professional no full address and number', () => {
    expect(clinic.roles['aesthetic_professional']?.masked).toEqual(['email', 'phone', 'cpf']);
    expect(clients.fields).toMatchObject({ email: { mask: 'email' }, phone: { mask: 'phone' } });
  });
});

test('a practice keeps its trail for seven years, as those want who take six', () => {
  const { retention } = packOf('clinic-scheduling');
  const trail = retention.find((rule) => rule.class === 'audit_logs');
  expect(trail).toMatchObject({ keep: 'P7Y', legalMin: 'P6Y', table: 'audit_entries' });
});

describe('a pack is refused', () => {
  const withIntent = (own: Partial<typeof intent>): Pack => ({ ...clinic, intents: [{ ...intent, ...own }] });
  const withBilling = (own: Partial<typeof billing>): Pack => ({
    ...clinic,
    sources: { ...clinic.sources, billing: { ...billing, ...own } },
  });
  const { person: _person, ...nobodys } = records;
  const { amount: _amount, at: _at, ...figureless } = billing;

  test.each<[string, Pack, string]>([
    ['with a name that is no folder', { ...clinic, name: 'The Clinic' }, 'name'],
    [
      'with a cache for what is none of its sources',
      { ...clinic, caches: [{ name: 'kb', sources: ['rooms'], ttlSeconds: 60, maxBytes: 1 }] },
      'cache kb is for rooms',
    ],
    [
      'with a cache that outlasts what Redis may keep',
      { ...clinic, caches: [{ name: 'kb', sources: ['clients'], ttlSeconds: 7_200, maxBytes: 1 }] },
      'caches.0.ttlSeconds',
    ],
    ['with a version that is none', { ...clinic, version: '1' }, 'version'],
    ['with no law it is written for', { ...clinic, compliance: [] }, 'compliance'],
    ['with nothing to ask', { ...clinic, intents: [] }, 'intents'],
    [
      'with a class that goes at once',
      { ...clinic, retention: [{ ...records, keep: 'P0D' }] },
      'retention.0.keep',
    ],
    [
      'with clinical records that go before the law lets them',
      { ...clinic, retention: [{ ...records, keep: 'P1Y' }] },
      'RETENTION_BELOW_LEGAL_MIN: aesthetic_records is kept P1Y and the law wants P20Y',
    ],
    [
      'with a time in days that is shorter in some years only',
      { ...clinic, retention: [{ ...records, keep: 'P7304D' }] },
      'RETENTION_BELOW_LEGAL_MIN',
    ],
    [
      'with a record of nobody',
      { ...clinic, retention: [nobodys] },
      "counts from a person's last entry and names no person",
    ],
    [
      'with rows that go and of which something is to be left',
      { ...clinic, retention: [{ ...records, columns: { kind: 'nothing' } }] },
      'deletes rows and leaves columns of them',
    ],
    [
      'with rows that are to be stripped and stay as they are',
      { ...clinic, retention: [{ ...records, action: 'strip' }] },
      'leaves rows as they are',
    ],
    [
      'with rows that are to be nobody’s and say whose they are',
      { ...clinic, retention: [{ ...records, action: 'anonymise', columns: { kind: 'nothing' } }] },
      'leaves whose rows of aesthetic_records are',
    ],
    ['with two rules for a class', { ...clinic, retention: [records, records] }, 'two rules are for'],
    [
      'with a cue that is certain',
      withIntent({ cues: [{ words: 'x', weight: 1 }] }),
      'intents.0.cues.0.weight',
    ],
    [
      'with a cue in capitals',
      withIntent({ cues: [{ words: 'Amanhã', weight: 0.5 }] }),
      'cue "Amanhã" is not folded',
    ],
    [
      'with an intent that names an unknown source',
      withIntent({ dataSources: ['appointments', 'rooms'] }),
      'the source rooms',
    ],
    [
      'with an intent that needs an unknown permission',
      withIntent({ requiredPermissions: ['read:rooms'] }),
      'requires read:rooms',
    ],
    [
      'with an intent that writes',
      withIntent({ requiredPermissions: ['write:clients'] }),
      'requires write:clients',
    ],
    [
      'with an intent that its source cannot answer',
      withIntent({ defaultAsk: 'total' }),
      'No optimization pattern for intent: appointment_query',
    ],
    [
      'with an intent that turns to a foreign source',
      withIntent({ turns: [{ words: ['x'], source: 'billing' }] }),
      'turns to billing',
    ],
    [
      'with no purpose for a question that names none',
      { ...clinic, defaultPurpose: 'x' },
      'default purpose x',
    ],
    [
      'with a purpose for an unknown role or resource',
      { ...clinic, purposes: { care: { roles: ['janitor'], resources: ['rooms'] } } },
      'purpose care is for janitor, which is not a role\n  purpose care covers rooms',
    ],
    [
      'with a purpose of figures about two people',
      { ...clinic, purposes: { care: { roles: [], resources: [], groupMin: 2 } } },
      'purpose care tells figures about fewer than three',
    ],
    [
      'with a column of a table that needs no permission',
      withBilling({ fields: { ...billing.fields, room: { column: 'rooms.name', kind: 'plain' } } }),
      'field room of billing is of rooms',
    ],
    [
      'with a table that is of two resources',
      { ...clinic, sources: { ...clinic.sources, bills: { ...billing, resource: 'clients' } } },
      'table billing is of two resources',
    ],
    ['with a list of an unknown field', withBilling({ list: ['date', 'iban'] }), 'lists iban'],
    [
      'with a condition on a table it does not read',
      withBilling({ usually: [{ column: 'clients.status', value: 'active' }] }),
      'condition on another table',
    ],
    [
      'with a default purpose that is not open to its role',
      {
        ...clinic,
        roles: { visitor: { reach: 'tenant', masked: [], permissions: [], defaultPurpose: 'care' } },
      },
      'the default purpose care is not open to visitor',
    ],
    [
      'with emergencies for an unknown role',
      {
        ...clinic,
        emergency: { reasons: ['emergency'], roles: ['x'], explanationMin: 1, holdsMs: 1, answerWithinMs: 1 },
      },
      'emergencies are for x',
    ],
    [
      'with a facet of a table it does not read',
      withBilling({ facets: { city: { column: 'clients.city', values: { x: ['x'] } } } }),
      'condition on another table',
    ],
    [
      'with a word of a facet in capitals',
      withBilling({ facets: { status: { column: 'billing.status', values: { paid: ['Paid'] } } } }),
      'word "Paid" of billing is not folded',
    ],
    [
      'with totals of no amount',
      { ...clinic, sources: { ...clinic.sources, billing: figureless } },
      'has no amount',
    ],
    [
      'with days of no time',
      { ...clinic, sources: { ...clinic.sources, billing: figureless } },
      'has no time',
    ],
    [
      'with a source without words',
      { ...clinic, sources: { ...clinic.sources, rooms: billing } },
      'source rooms has no words in pt-BR',
    ],
    [
      'with a state without a word',
      withBilling({ states: { ...billing.states, void: { column: 'billing.status', value: 'void' } } }),
      'state void has no word in en',
    ],
    [
      'with a reason for emergencies without a word',
      {
        ...clinic,
        emergency: { reasons: ['curiosity'], explanationMin: 10, holdsMs: 60_000, answerWithinMs: 60_000 },
      },
      'nobody can be asked in en whether it is an emergency for the reason curiosity',
    ],
    [
      'with words for an unknown state',
      { ...clinic, states: [{ words: ['x'], source: 'billing', state: 'void' }] },
      'words for the state void of billing',
    ],
    [
      'with shares of nothing',
      withBilling({ asks: ['list', 'share'] }),
      'billing is asked for shares and has none\n  shares of billing have no words in en',
    ],
    [
      'with a share of an unknown state',
      withBilling({ shares: { paid: ['void'] } }),
      'shares of the state void, which is not declared',
    ],
    [
      'with times of nobody',
      withBilling({ timetable: { providers: 'rooms', minutes: 5, days: 7 } }),
      'times of billing are of rooms, which does not name whom they are tied to\n  times of billing have no start, end or provider',
    ],
    [
      'with a rule that looks at a table without one',
      {
        ...clinic,
        retention: [
          {
            ...records,
            class: 'x',
            table: 'clients',
            unlessReferencedBy: [{ table: 'rooms', column: 'client_id' }],
          },
        ],
      },
      'looks at rooms',
    ],
  ])('%s', (_fault, pack, said) => {
    expect(faultsOf(pack)).toContain(said);
  });

  test('with everything that is wrong told at once', () => {
    const faults = faultsOf({ ...withBilling({ list: ['iban'] }), version: 'x', compliance: [] });
    for (const said of ['iban', 'version', 'compliance']) expect(faults).toContain(said);
  });
});

describe('what the core keeps', () => {
  test('of consents can be asked for in every pack that has people, about its own, and is added once', () => {
    for (const { sources } of packs) {
      const people = Object.values(sources).find(({ table, subject }) => subject?.table === table);
      expect(sources['consents']?.subject).toEqual(
        people && { column: 'consents.subject_id', table: people.table },
      );
    }
    expect(clinic.sources['consents']?.subject).toEqual({ column: 'consents.subject_id', table: 'clients' });
    expect(load(clinic)).toEqual(clinic);
  });

  test('of conversations is everybody’s own, for a purpose that covers nothing else and that nothing else covers', () => {
    for (const { roles, purposes, sources } of packs) {
      expect(sources['conversations']).toMatchObject({ owner: 'ai_agent_conversations.subject_id' });
      for (const { permissions } of Object.values(roles))
        expect(permissions.filter((one) => one.endsWith('conversations'))).toEqual([
          'read:own_conversations',
        ]);
      const covering = Object.entries(purposes).filter(([, { resources }]) =>
        resources.includes('conversations'),
      );
      expect(covering.map(([name, { resources }]) => [name, resources])).toEqual([
        [ownHistory, ['conversations']],
      ]);
    }
  });
});

describe('a time to keep', () => {
  const cutoff = (keep: string, now: string, zone = 'America/Sao_Paulo'): string =>
    cutoffOf({ keep }, Temporal.Instant.from(now), zone).toString();

  test.each([
    ['is over when its last day is', 'P20Y', '2044-11-21T23:59:59-03:00', '2024-11-21T00:00:00-03:00'],
    ['counts in the calendar, not in days', 'P20Y', '2044-11-22T00:00:00-03:00', '2024-11-22T00:00:00-03:00'],
    [
      'from a 29 February ends with a 1 March',
      'P1Y',
      '2025-03-01T03:00:00-03:00',
      '2024-03-01T00:00:00-03:00',
    ],
    [
      'that ends before it is not over with it',
      'P1Y',
      '2025-02-28T03:00:00-03:00',
      '2024-02-28T00:00:00-03:00',
    ],
    [
      'from before a 29 February lasts for it',
      'P1Y',
      '2024-02-29T03:00:00-03:00',
      '2023-02-28T00:00:00-03:00',
    ],
    ['knows the summer time of then', 'P10Y', '2026-01-15T03:00:00-03:00', '2016-01-15T00:00:00-02:00'],
  ])('%s', (_what, keep, now, before) => {
    expect(cutoff(keep, now)).toBe(`${before}[America/Sao_Paulo]`);
  });

  test('is over where the tenant is, and not where the server is', () => {
    const now = '2026-11-21T02:00:00Z';
    expect(cutoff('P1D', now)).toMatch(/^2026-11-19T00:00:00-03:00/);
    expect(cutoff('P1D', now, 'Asia/Tokyo')).toMatch(/^2026-11-20T00:00:00\+09:00/);
  });

  test.each([
    ['P20Y', 'P20Y', false],
    ['P240M', 'P20Y', false],
    ['P7305D', 'P20Y', false],
    ['P7304D', 'P20Y', true],
    ['P1825D', 'P5Y', true],
    ['P1827D', 'P5Y', false],
  ])('of %s is too short for %s: %s', (keep, legalMin, isBelow) => {
    expect(isBelowLegalMin({ keep, legalMin })).toBe(isBelow);
  });

  test('without a law is as long as the pack says', () => {
    expect(isBelowLegalMin({ keep: 'P1D' })).toBe(false);
  });

  test('is another policy as soon as anything of its rule is another', () => {
    expect(versionOf({ ...records })).toBe(versionOf(records));
    expect(versionOf({ ...records, keep: 'P26Y' })).not.toBe(versionOf(records));
    expect(versionOf({ ...records, basis: 'none' })).not.toBe(versionOf(records));
  });
});

describe('tables of packs', () => {
  test('are those that sources and their people stand in, each once', () => {
    const { sources, subjects, aged } = packTables([clinic]);
    expect(subjects).toEqual(['clients']);
    expect(sources).toEqual([...new Set(sources)].sort());
    expect(sources).toEqual(
      expect.arrayContaining(['clients', 'consents', 'providers', 'appointments', 'billing', 'services']),
    );
    expect(aged).toEqual([
      'aesthetic_records',
      'ai_agent_conversations',
      'ai_agent_sessions',
      'alert_states',
      'alerts',
      'appointments',
      'audit_entries',
      'billing',
      'bookings',
      'clients',
      'event_keys',
      'feedback',
    ]);
  });

  test('of the core hold people under the class that the pack’s rule names, as a legal hold does', () => {
    const classes = Object.fromEntries(holdingsOf(clinic).map(({ table, class: name }) => [table, name]));
    expect(classes).toMatchObject({
      ...{ bookings: 'booking_data', event_keys: 'booking_keys', feedback: 'feedback' },
      ...{ clients: 'client_data', consents: 'consents' },
    });
  });
});

describe('a name', () => {
  test.each([
    ['Fábio  NUNES', 'fabio nunes'],
    ['  João\tda Conceição ', 'joao da conceicao'],
    ['Fa\u0301bio', 'fabio'],
    ['Ñandú', 'nandu'],
  ])('is folded as it is stored for search: %s', (name, folded) => {
    expect(foldName(name)).toBe(folded);
  });

  test.each([
    ['Ana Li', 'ana:* & li:*'],
    ["Sant'Ana", 'sant:* & ana:*'],
    ["'; drop table clients; --", 'drop:* & table:* & clients:*'],
    ['a & !b | (c:*)', 'a:* & b:* & c:*'],
    ['!!!', ''],
  ])('%j becomes a search that holds words and nothing of its signs', (name, search) => {
    expect(searchOf(name)).toBe(search);
  });
});
