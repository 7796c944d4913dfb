import type { Demo, Pack } from '@jangada/packs/pack.ts';
import { ownWork } from '@jangada/packs/retention.ts';
import { up } from './0001_tables.ts';

/** A library and its books, as somebody would write it who uses this for the first time: see own-pack.test.ts. */

const demo = (): readonly Demo[] => {
  const tenant = (id: string, accounts: Demo['accounts'], books: readonly (readonly [string, string])[]) => ({
    tenant: { id, name: id, time_zone: 'America/Sao_Paulo', locale: 'pt-BR' as const, currency: 'BRL' },
    accounts,
    rows: {
      library_books: books.map(([title, author], at) => ({ tenant_id: id, id: `book-${at}`, title, author })),
    },
  });
  return [
    tenant(
      'biblioteca-norte',
      [
        { alias: 'librarian', role: 'librarian' },
        { alias: 'porter', role: 'porter' },
      ],
      [
        ['Dom Casmurro', 'Machado de Assis'],
        ['A Hora da Estrela', 'Clarice Lispector'],
        ['Vidas Secas', 'Graciliano Ramos'],
      ],
    ),
    tenant(
      'biblioteca-sul',
      [{ alias: 'other-librarian', role: 'librarian' }],
      [['O Tempo e o Vento', 'Erico Verissimo']],
    ),
  ];
};

const classes = ['audit_logs', 'feedback', 'alerts', 'reading_habits', 'system_logs'];
const shared = { states: {}, classes: Object.fromEntries(classes.map((name) => [name, name])) };

export const pack: Pack = {
  name: 'library',
  version: '1.0.0',
  compliance: ['LGPD'],
  purposes: { lending: { roles: ['librarian', 'porter'], resources: ['books'] } },
  defaultPurpose: 'lending',
  consent: { levels: [], needed: {} },
  roles: {
    librarian: { reach: 'tenant', masked: [], permissions: ['read:books'] },
    porter: { reach: 'tenant', masked: [], permissions: [] },
  },
  intents: [
    {
      name: 'book_query',
      cues: ['livro', 'livros', 'book', 'books'].map((words) => ({ words, weight: 0.9 })),
      entities: [],
      requiredPermissions: ['read:books'],
      dataSources: ['books'],
      defaultAsk: 'list',
      ttlSeconds: 300,
    },
  ],
  leads: [],
  states: [],
  sources: {
    books: {
      table: 'library_books',
      resource: 'books',
      fields: {
        title: { column: 'library_books.title', kind: 'plain' },
        author: { column: 'library_books.author', kind: 'plain' },
      },
      list: ['title', 'author'],
      order: { column: 'library_books.title', type: 'text' },
      states: {},
      usually: [],
      asks: ['list', 'count'],
      listed: true,
    },
  },
  wording: {
    'pt-BR': {
      ...shared,
      nouns: { books: ['livro', 'livros'] },
      count: '{n} {noun}{about}.',
      total: 'Total{about}: {amount}.',
      list: '{n} {noun}{about}:',
      more: 'Mostrando {shown} de {n}.',
      none: 'Nenhum livro{about}.',
      perDay: '{n} {noun}{about}, por dia:',
      suggestions: ['quais livros temos?'],
    },
    en: {
      ...shared,
      nouns: { books: ['book', 'books'] },
      count: '{n} {noun}{about}.',
      total: 'Total{about}: {amount}.',
      list: '{n} {noun}{about}:',
      more: 'Showing {shown} of {n}.',
      none: 'No books{about}.',
      perDay: '{n} {noun}{about}, by day:',
      suggestions: ['which books do we have?'],
    },
  },
  retention: ownWork,
  limits: (['ai', 'data', 'api'] as const).map((of) => ({
    ...{ name: `${of}-user`, class: of, key: 'user' as const },
    ...{ max: 100, windowMs: 60_000 },
  })),
  demo,
  migrations: { 'library/0001_tables': { up } },
};
