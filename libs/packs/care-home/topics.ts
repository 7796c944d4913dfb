import type { Facet } from '../pack.ts';

/** What articles are about, and the words that ask for it. One that is not here is a question without an answer. */
export const topics: Facet['values'] = {
  pricing: [
    'preco*',
    'mensalidade*',
    'custo*',
    'custa',
    'valor*',
    'price*',
    'pricing',
    'cost',
    'costs',
    'fee',
    'fees',
  ],
  features: ['funcionalidade*', 'recurso', 'recursos', 'feature*'],
  documentation: ['documentacao', 'documentar', 'documentation'],
  visiting: ['horario de visita*', 'horarios de visita*', 'visitar', 'visiting'],
  admission: ['admissao', 'vaga', 'vagas', 'admission*', 'vacancy', 'vacancies'],
  privacy: ['privacidade', 'protecao de dados', 'lgpd', 'privacy', 'data protection', 'gdpr'],
};
