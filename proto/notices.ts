import type { Locale } from './errors.ts';

/**
 * What a person is told while something is missing that the system works without, or should not: beside an answer that is
 * less than it could be, and to everybody who is connected. By the check of `/v1/health` that is about it.
 */
export const notices = {
  database: {
    en: 'Records cannot be read at the moment',
    'pt-BR': 'Os registros não podem ser lidos no momento',
  },
  redis: {
    en: 'Answers may take longer than usual',
    'pt-BR': 'As respostas podem demorar mais que o normal',
  },
  ai_service: {
    en: 'The language model is away; answers are told in fixed words',
    'pt-BR': 'O modelo de linguagem está fora do ar; as respostas usam frases fixas',
  },
  security: {
    en: 'Questions wait until it can be decided what they may read',
    'pt-BR': 'As perguntas esperam até que se possa decidir o que elas podem ler',
  },
  tools: {
    en: 'A source outside cannot be asked at the moment; what is told was there before',
    'pt-BR': 'Uma fonte externa não pode ser consultada no momento; o que se vê já estava aqui',
  },
} as const satisfies Record<string, Readonly<Record<Locale, string>>>;

export type Notice = keyof typeof notices;
