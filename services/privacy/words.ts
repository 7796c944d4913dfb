import type { Locale } from '@jangada/proto/errors.ts';
import type { RequestType } from '@jangada/proto/privacy.ts';

/** What the pages say that somebody is handed, beside what the pack calls its own. */
interface Words {
  readonly title: string;
  readonly asked: string;
  readonly types: Readonly<Record<RequestType, string>>;
  readonly what: string;
  readonly none: string;
  readonly kept: string;
  readonly byLaw: string;
  readonly used: string;
  readonly recipients: string;
  readonly nobody: string;
  readonly given: readonly [whom: string, what: string];
  readonly readers: string;
  readonly unread: string;
  readonly usual: string;
  readonly reading: readonly [at: string, account: string, role: string, purpose: string, data: string];
}

export const words: Readonly<Record<Locale, Words>> = {
  'pt-BR': {
    title: 'Seus dados pessoais',
    asked: 'Pedido',
    types: {
      access: 'acesso aos dados',
      portability: 'portabilidade',
      correction: 'correção',
      anonymisation: 'anonimização',
      deletion: 'eliminação',
      consent: 'consentimento',
      revocation: 'revogação do consentimento',
    },
    what: 'O que esta organização guarda sobre você, para ler. Por inteiro, com todos os identificadores, está nos arquivos CSV e em data.ndjson (FHIR R4), que acompanham este.',
    none: 'Nada se guarda sobre você.',
    kept: 'Guarda-se enquanto é necessário (LGPD, art. 15).',
    byLaw: 'Guarda-se pelo prazo da lei:',
    used: 'Usa-se para:',
    recipients: 'Com quem seus dados são compartilhados',
    nobody: 'Com ninguém.',
    given: ['com quem', 'quais dados'],
    readers: 'Quem leu seus dados',
    unread: 'Ninguém, que se saiba.',
    usual: 'habitual',
    reading: ['quando', 'quem', 'papel', 'finalidade', 'quais dados'],
  },
  en: {
    title: 'Your personal data',
    asked: 'Request',
    types: {
      access: 'access to data',
      portability: 'portability',
      correction: 'correction',
      anonymisation: 'anonymisation',
      deletion: 'deletion',
      consent: 'consent',
      revocation: 'withdrawal of consent',
    },
    what: 'What this organisation keeps of you, to be read. All of it, with every identifier, is in the CSV files and in data.ndjson (FHIR R4) beside this one.',
    none: 'Nothing is kept of you.',
    kept: 'Kept as long as it is needed (LGPD, art. 15).',
    byLaw: 'Kept as long as the law demands:',
    used: 'Used for:',
    recipients: 'Whom your data are passed on to',
    nobody: 'Nobody.',
    given: ['whom', 'which data'],
    readers: 'Who read your data',
    unread: 'Nobody that is known of.',
    usual: 'usual',
    reading: ['when', 'who', 'role', 'purpose', 'which data'],
  },
};
