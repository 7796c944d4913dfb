import type { Rule, Severity } from '@jangada/proto/alert.ts';
import type { Locale } from '@jangada/proto/errors.ts';

/** What a report says, beside what its pack calls its own. */
interface Words {
  readonly title: string;
  /** Over what time, and of whose data. */
  readonly about: (about: { tenant: string; pack: string; at: string; days: number }) => string;
  readonly declared: (regime: string) => string;
  readonly undeclared: (regime: string) => string;
  readonly made: string;
  readonly none: string;
  readonly usual: string;
  readonly register: string;
  readonly data: readonly [
    data: string,
    about: string,
    purposes: string,
    consent: string,
    fields: string,
    kept: string,
  ];
  readonly nobody: string;
  readonly account: string;
  readonly noConsent: string;
  readonly figures: (people: number) => string;
  readonly secondFactor: string;
  readonly encrypted: string;
  readonly noRule: string;
  readonly consent: string;
  readonly levels: readonly [level: string, people: string];
  readonly retention: string;
  readonly applied: (at: string) => string;
  readonly unapplied: string;
  readonly kept: readonly [kind: string, period: string, hold: string];
  readonly held: string;
  readonly accesses: string;
  readonly reads: readonly [role: string, purpose: string, data: string, readings: string];
  readonly oversight: string;
  readonly refused: readonly [code: string, times: string];
  readonly raised: readonly [alert: string, severity: string, times: string];
  readonly severities: Readonly<Record<Severity, string>>;
  readonly rules: Readonly<Record<Rule, string>>;
  readonly whoRead: (id: string) => string;
  readonly reading: readonly [
    at: string,
    account: string,
    role: string,
    purpose: string,
    data: string,
    run: string,
  ];
  readonly emergencies: (id: string) => string;
  readonly emergency: readonly [at: string, provider: string, reason: string];
  readonly agreed: (id: string) => string;
  readonly agreement: readonly [at: string, what: string, level: string, basis: string, channel: string];
}

export const words: Readonly<Record<Locale, Words>> = {
  en: {
    title: 'Processing of personal data',
    about: ({ tenant, pack, at, days }) =>
      `${tenant}, pack ${pack}. As of ${at}; accesses, refusals and alerts of ${days} days.`,
    declared: (regime) => `The pack says that it is written for ${regime}.`,
    undeclared: (regime) => `The pack does not say that it is written for ${regime}.`,
    made: 'Made from what the system enforces and what its audit trail kept. It says what was done, and is no legal opinion.',
    none: 'None.',
    usual: 'usual',
    register: 'Register of processing',
    data: ['data', 'about', 'purposes and who may', 'consent', 'personal fields', 'kept'],
    nobody: 'nobody',
    account: 'who signs in',
    noConsent: 'none',
    figures: (people) => `figures of ${people} or more`,
    secondFactor: 'second factor',
    encrypted: 'encrypted',
    noRule: 'no rule',
    consent: 'Consent',
    levels: ['level that holds', 'people'],
    retention: 'Retention',
    applied: (at) => `Last applied ${at}.`,
    unapplied: 'Not applied yet.',
    kept: ['kind of data', 'kept for', 'legal hold'],
    held: 'held',
    accesses: 'Accesses',
    reads: ['role', 'purpose', 'data', 'readings'],
    oversight: 'Refusals and alerts',
    refused: ['refused with', 'times'],
    raised: ['alert', 'severity', 'times'],
    severities: { note: 'note', warning: 'warning', critical: 'critical' },
    rules: {
      relation_denials: 'refusals for want of a relationship',
      refusals_in_a_row: 'refusals in a row',
      people_per_hour: 'people in an hour',
      volume: 'questions in an hour',
      off_hours: 'unusual hours',
      sequential_ids: 'ids in a row',
      attacks: 'attacks',
      emergency: 'emergency',
      emergencies: 'several emergencies',
      tenant_mismatch: 'what is another tenant’s',
    },
    whoRead: (id) => `Who read about ${id}`,
    reading: ['time', 'account', 'role', 'purpose', 'data', 'run'],
    emergencies: (id) => `Emergencies about ${id}`,
    emergency: ['time', 'provider', 'reason'],
    agreed: (id) => `What ${id} agreed to`,
    agreement: ['time', 'what', 'level', 'basis', 'channel'],
  },
  'pt-BR': {
    title: 'Tratamento de dados pessoais',
    about: ({ tenant, pack, at, days }) =>
      `${tenant}, pacote ${pack}. Situação em ${at}; acessos, recusas e alertas de ${days} dias.`,
    declared: (regime) => `O pacote diz que foi escrito para ${regime}.`,
    undeclared: (regime) => `O pacote não diz que foi escrito para ${regime}.`,
    made: 'Feito do que o sistema impõe e do que sua trilha de auditoria guardou. Diz o que foi feito e não é parecer jurídico.',
    none: 'Nada.',
    usual: 'habitual',
    register: 'Registro das operações',
    data: ['dados', 'sobre quem', 'finalidades e quem pode', 'consentimento', 'campos pessoais', 'guarda'],
    nobody: 'ninguém',
    account: 'quem entra',
    noConsent: 'nenhum',
    figures: (people) => `números de ${people} ou mais`,
    secondFactor: 'segundo fator',
    encrypted: 'cifrado',
    noRule: 'sem regra',
    consent: 'Consentimento',
    levels: ['nível em vigor', 'pessoas'],
    retention: 'Conservação',
    applied: (at) => `Aplicada por último em ${at}.`,
    unapplied: 'Ainda não aplicada.',
    kept: ['tipo de dado', 'guarda', 'guarda legal'],
    held: 'em vigor',
    accesses: 'Acessos',
    reads: ['papel', 'finalidade', 'dados', 'leituras'],
    oversight: 'Recusas e alertas',
    refused: ['recusado com', 'vezes'],
    raised: ['alerta', 'gravidade', 'vezes'],
    severities: { note: 'nota', warning: 'aviso', critical: 'crítico' },
    rules: {
      relation_denials: 'recusas por falta de vínculo',
      refusals_in_a_row: 'recusas seguidas',
      people_per_hour: 'pessoas em uma hora',
      volume: 'perguntas em uma hora',
      off_hours: 'horário incomum',
      sequential_ids: 'identificadores em sequência',
      attacks: 'ataques',
      emergency: 'emergência',
      emergencies: 'várias emergências',
      tenant_mismatch: 'o que é de outra organização',
    },
    whoRead: (id) => `Quem leu sobre ${id}`,
    reading: ['quando', 'conta', 'papel', 'finalidade', 'dados', 'execução'],
    emergencies: (id) => `Emergências sobre ${id}`,
    emergency: ['quando', 'profissional', 'motivo'],
    agreed: (id) => `O que ${id} consentiu`,
    agreement: ['quando', 'o quê', 'nível', 'fundamento', 'canal'],
  },
};
