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

/** What one may agree to, and what holds then. */
const levels = { contact: 'contato', service: 'serviço', care: 'cuidado', health: 'saúde' };

type Words = Pick<Wording, 'nouns' | 'states' | 'classes'> & Required<Pick<Wording, 'labels' | 'columns'>>;

const words: Readonly<Record<'en' | 'pt-BR', Words>> = {
  'pt-BR': {
    nouns: {
      consents: ['registro de consentimento', 'registros de consentimento'],
      conversations: ['conversa', 'conversas'],
    },
    states: { given: 'dado', withdrawn: 'retirado', first: 'iniciada' },
    classes: {
      conversations: 'conversas',
      agent_sessions: 'sessões de conversa',
      consents: 'consentimento',
      care_relationships: 'vínculos de cuidado',
      emergencies: 'emergências',
      interrupts: 'confirmações',
      bookings: 'agendamentos',
      accounts: 'conta',
    },
    labels: {
      level: levels,
      holds: levels,
      basis: {
        person: 'a própria pessoa',
        document: 'documento',
        import: 'importação',
        care: 'atendimento',
        encounter: 'horário marcado',
        assigned: 'designação',
        break_glass: 'emergência',
      },
      purpose: { [ownHistory]: 'histórico próprio' },
      channel: { desk: 'balcão', privacy: 'pedido sobre os próprios dados' },
      action: { break_glass: 'acesso de emergência', change_agenda: 'mudança na agenda' },
    },
    columns: {
      created_at: 'desde',
      recorded_at: 'data',
      at: 'data',
      starts_at: 'início',
      ends_at: 'fim',
      valid_from: 'de',
      valid_to: 'até',
      provider_id: 'com quem',
      service: 'serviço',
      status: 'situação',
      action: 'ação',
      level: 'nível',
      holds: 'vale desde então',
      basis: 'fundamento',
      channel: 'por onde',
      reason: 'motivo',
      explanation: 'explicação',
      until: 'até',
      question: 'pergunta',
      message: 'mensagem',
      answer: 'resposta',
      rating: 'nota',
      comment: 'comentário',
      alias: 'conta',
      email: 'e-mail',
      role: 'papel',
      changed_at: 'última mudança',
      last_activity_at: 'última atividade',
      used_at: 'último uso',
      ended_at: 'fim',
    },
  },
  en: {
    nouns: {
      consents: ['consent entry', 'consent entries'],
      conversations: ['conversation', 'conversations'],
    },
    states: { given: 'given', withdrawn: 'withdrawn', first: 'begun' },
    classes: {
      conversations: 'conversations',
      agent_sessions: 'conversation sessions',
      consents: 'consent',
      care_relationships: 'care relationships',
      emergencies: 'emergencies',
      interrupts: 'confirmations',
      bookings: 'bookings',
      accounts: 'account',
    },
    labels: {
      basis: { person: 'in person', break_glass: 'emergency' },
      purpose: { [ownHistory]: 'own history' },
      channel: { privacy: 'request about their own data' },
      action: { break_glass: 'emergency access', change_agenda: 'change of the agenda' },
    },
    columns: {
      created_at: 'since',
      recorded_at: 'date',
      at: 'date',
      starts_at: 'start',
      ends_at: 'end',
      valid_from: 'from',
      valid_to: 'until',
      provider_id: 'with whom',
      service: 'service',
      status: 'state',
      action: 'action',
      level: 'level',
      holds: 'holds from then on',
      basis: 'basis',
      channel: 'by what way',
      reason: 'reason',
      explanation: 'explanation',
      until: 'until',
      question: 'question',
      message: 'message',
      answer: 'answer',
      rating: 'rating',
      comment: 'comment',
      alias: 'account',
      email: 'e-mail',
      role: 'role',
      changed_at: 'last change',
      last_activity_at: 'last activity',
      used_at: 'last use',
      ended_at: 'end',
    },
  },
};

type Labels = NonNullable<Wording['labels']>;

const labelled = (own: Labels = {}, core: Labels): Labels => ({
  ...own,
  ...Object.fromEntries(Object.entries(core).map(([name, labels]) => [name, { ...labels, ...own[name] }])),
});

const worded = (own: Wording, core: Words): Wording => ({
  ...own,
  nouns: { ...own.nouns, ...core.nouns },
  states: { ...core.states, ...own.states },
  classes: { ...core.classes, ...own.classes },
  labels: labelled(own.labels, core.labels),
  // What a pack names comes first, in its order.
  columns: { ...own.columns, ...core.columns, ...own.columns },
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
