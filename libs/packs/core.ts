import { conversations as sealed } from '@jangada/vault/core.ts';
import type { Pack, Purpose, RetentionRule, Role, Source, Wording } from './pack.ts';

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

/** What somebody asked an agent and was told, for themselves alone. */
const conversations: Source = {
  table: sealed.name,
  resource: 'conversations',
  owner: `${sealed.name}.subject_id`,
  thread: `${sealed.name}.thread_id`,
  isUncached: true,
  fields: {
    thread: { column: `${sealed.name}.thread_id`, kind: 'plain' },
    run: { column: `${sealed.name}.id`, kind: 'plain' },
    askedAt: { column: `${sealed.name}.created_at`, kind: 'plain' },
    message: { column: `${sealed.name}.message`, kind: 'personal', sealed: sealed.columns.message },
    question: { column: `${sealed.name}.question`, kind: 'personal', sealed: sealed.columns.question },
    answer: { column: `${sealed.name}.answer`, kind: 'personal', sealed: sealed.columns.answer },
    attempt: { column: `${sealed.name}.attempt`, kind: 'plain' },
    ending: { column: `${sealed.name}.ending`, kind: 'plain' },
  },
  overview: ['thread', 'askedAt', 'question'],
  list: ['thread', 'run', 'askedAt', 'message', 'question', 'answer', 'attempt', 'ending'],
  order: { column: `${sealed.name}.created_at`, type: 'timestamptz', isDescending: true },
  states: { first: { column: `${sealed.name}.is_first`, value: 'true' } },
  usually: [],
  asks: ['list'],
};

/** Covers nothing but conversations, and nothing else covers them: no grant of theirs opens a record, and no other them. */
export const ownHistory = 'own_history';

/** Long enough to come back to what was said, and short, because it holds what others' records said. */
const ownConversations = {
  keep: 'P90D',
  anchor: 'created',
  action: 'delete',
  basis: 'LGPD, art. 7, V: a service that its user asked for',
  jurisdiction: 'BR',
} as const;

const retention: readonly RetentionRule[] = [
  {
    class: 'conversations',
    ...ownConversations,
    table: sealed.name,
    ageColumn: 'created_at',
    byMonth: true,
  },
  {
    class: 'agent_sessions',
    ...ownConversations,
    table: 'ai_agent_sessions',
    ageColumn: 'last_activity_at',
    unlessReferencedBy: [{ table: sealed.name, column: 'session_id' }],
  },
];

const withOwn = (role: Role): Role => ({
  ...role,
  permissions: [...new Set([...role.permissions, `read:own_${conversations.resource}`])],
});

const purpose = ({ roles }: Pack): Purpose => ({
  roles: Object.keys(roles),
  resources: [conversations.resource],
});

const words: Readonly<Record<'en' | 'pt-BR', Pick<Wording, 'nouns' | 'states' | 'classes'>>> = {
  'pt-BR': {
    nouns: {
      consents: ['registro de consentimento', 'registros de consentimento'],
      conversations: ['conversa', 'conversas'],
    },
    states: { given: 'dado', withdrawn: 'retirado', first: 'iniciada' },
    classes: { conversations: 'conversas', agent_sessions: 'sessões de conversa' },
  },
  en: {
    nouns: {
      consents: ['consent entry', 'consent entries'],
      conversations: ['conversation', 'conversations'],
    },
    states: { given: 'given', withdrawn: 'withdrawn', first: 'begun' },
    classes: { conversations: 'conversations', agent_sessions: 'conversation sessions' },
  },
};

const worded = (own: Wording, core: (typeof words)['en']): Wording => ({
  ...own,
  nouns: { ...own.nouns, ...core.nouns },
  states: { ...core.states, ...own.states },
  classes: { ...own.classes, ...core.classes },
});

/** A pack with the sources of the core, what its roles may do with them, and how long they are kept. */
export const withCore = (pack: Pack): Pack => {
  const people = Object.values(pack.sources).find(({ table, subject }) => subject?.table === table)?.table;
  return {
    ...pack,
    roles: Object.fromEntries(Object.entries(pack.roles).map(([name, role]) => [name, withOwn(role)])),
    purposes: { ...pack.purposes, [ownHistory]: purpose(pack) },
    retention: [...pack.retention.filter((rule) => !retention.includes(rule)), ...retention],
    sources: {
      ...pack.sources,
      conversations,
      // Where there are no people there is nobody to agree.
      ...(people === undefined
        ? {}
        : { consents: { ...consents, subject: { column: 'consents.subject_id', table: people } } }),
    },
    wording: {
      en: worded(pack.wording.en, words.en),
      'pt-BR': worded(pack.wording['pt-BR'], words['pt-BR']),
    },
  };
};
