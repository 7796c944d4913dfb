import type { Pack, Source, Wording } from './pack.ts';

/** What of the core's own tables can be asked for, whatever the pack. */

/** What people agreed to and took back. Who recorded it is for audit, and no field. */
const consents: Omit<Source, 'subject'> = {
  table: 'consents',
  resource: 'consents',
  fields: {
    recordedAt: { column: 'consents.recorded_at', kind: 'plain' },
    action: { column: 'consents.action', kind: 'plain' },
    level: { column: 'consents.level', kind: 'plain' },
    holds: { column: 'consents.holds', kind: 'plain' },
    basis: { column: 'consents.basis', kind: 'plain' },
    channel: { column: 'consents.channel', kind: 'plain' },
  },
  list: ['recordedAt', 'action', 'level', 'holds', 'basis', 'channel'],
  // PostgreSQL's own count: two entries may have one time, and the last is the one that holds.
  order: { column: 'consents.number', type: 'bigint', isDescending: true },
  states: {},
  usually: [],
  asks: ['list'],
};

const words: Readonly<Record<'en' | 'pt-BR', Pick<Wording, 'nouns' | 'states'>>> = {
  'pt-BR': {
    nouns: { consents: ['registro de consentimento', 'registros de consentimento'] },
    states: { given: 'dado', withdrawn: 'retirado' },
  },
  en: {
    nouns: { consents: ['consent entry', 'consent entries'] },
    states: { given: 'given', withdrawn: 'withdrawn' },
  },
};

const worded = (own: Wording, core: (typeof words)['en']): Wording => ({
  ...own,
  nouns: { ...own.nouns, ...core.nouns },
  states: { ...core.states, ...own.states },
});

/** A pack with the sources of the core, about the people that its own data is about. */
export const withCore = (pack: Pack): Pack => {
  const people = Object.values(pack.sources).find(({ table, subject }) => subject?.table === table)?.table;
  if (people === undefined) return pack;
  return {
    ...pack,
    sources: {
      ...pack.sources,
      consents: { ...consents, subject: { column: 'consents.subject_id', table: people } },
    },
    wording: {
      en: worded(pack.wording.en, words.en),
      'pt-BR': worded(pack.wording['pt-BR'], words['pt-BR']),
    },
  };
};
